"""Tools that show where a model looked, and whether that is true."""

from __future__ import annotations

from ml.catalogue.info import ToolInfo

TOOLS: tuple[ToolInfo, ...] = (
    ToolInfo(
        name="explain",
        title="Where a model looked",
        group="explaining",
        summary="Paints over a patch what spoke for its label, by one of six ways to ask a model.",
        source="Zhou et al., CAM, CVPR (2016); Selvaraju et al., Grad-CAM, ICCV (2017); Chattopadhay et al., "
        "Grad-CAM++, WACV (2018); Zeiler and Fergus, ECCV (2014); Sundararajan et al., ICML (2017); "
        "Abnar and "
        "Zuidema, ACL (2020).",
        claim="Occlusion and integrated gradients take and give the model its mind better than a map "
        "that knows nothing; for the three class activation maps and for roll-out no difference "
        "was measured.",
    ),
    ToolInfo(
        name="faithfulness",
        title="Are the maps true",
        group="explaining",
        summary="Takes away what each kind of map points to, and redraws the model's weights, to see "
        "whether it "
        "tells the truth about this model.",
        source="Petsiuk et al., RISE, BMVC (2018); Adebayo et al., NeurIPS (2018).",
        claim="Maps change when the weights of the network are drawn anew; roll-out hardly does, since "
        "it shows where a transformer may look and not what for.",
    ),
    ToolInfo(
        name="hipomap",
        title="HipoMap",
        group="explaining",
        summary="Turns a slide of any size into one small picture of how strongly a label speaks in it.",
        source="Kosaraju et al., HipoMap (2022), from its description.",
        claim="Should tell slides with a small lesion better than the mean probability of their "
        "patches; no difference was measured.",
    ),
)
