"""Tools that judge and even out how slides look."""

from __future__ import annotations

from ml.catalogue.info import ToolInfo

TOOLS: tuple[ToolInfo, ...] = (
    ToolInfo(
        name="quality",
        title="Quality map",
        group="quality",
        summary="Shows where a slide has pen, folds, air bubbles or is out of focus, and what is left to "
        "read.",
        source="Classes: Kanwal et al., The devil is in the details (2022); rules in the manner of HistoQC, "
        "Janowczyk et al., JCO Clinical Cancer Informatics 3 (2019). Focus: FQPath, Hosseini et al., "
        "IEEE TMI "
        "39(1):62 (2019), with a kernel of our own.",
        claim="The focus score follows blur more strictly than is chance: rank correlation above 0.95.",
    ),
    ToolInfo(
        name="focus-network",
        title="Focus network",
        group="quality",
        summary="Teaches a network what is in focus, by blurring sharp tiles of the site on purpose.",
        source="Senaras et al., DeepFocus, PLoS ONE 13(10):e0205387 (2018); or on the body of a patch "
        "network.",
        claim="Tells sharp from blurred patches better than the variance of the Laplacian, in area under the "
        "curve.",
    ),
    ToolInfo(
        name="stain",
        title="Stain normalisation",
        group="quality",
        summary="Brings a slide, or a folder of its tiles, to the stain of another or of a reference.",
        source="Macenko et al., ISBI (2009); Vahadane et al., IEEE TMI 35(8):1962 (2016); Reinhard et "
        "al., IEEE "
        "CG&A 21(5):34 (2001).",
        claim="No difference was measured for a classifier that learned from one stain and judges another.",
    ),
    ToolInfo(
        name="drift",
        title="Stain drift",
        group="quality",
        summary="Says which slides are stained unlike those that a model learned from.",
        source="Mahalanobis distance of stain vectors and moments of colour, with the covariance of "
        "Ledoit and "
        "Wolf, J. Multivariate Analysis 88:365 (2004).",
        claim="Tells slides of another stain better than the mean colour does, in area under the curve.",
    ),
)
