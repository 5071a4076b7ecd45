"""Descriptions and sources of the tools of ``ml.tools``. Free of torch."""

from __future__ import annotations

from ml.catalogue.info import ToolInfo

TOOLS: tuple[ToolInfo, ...] = (
    ToolInfo(
        name="survival",
        title="Survival curves",
        group="models",
        summary="Shows how groups of patients fare, by label, by a clinical field or by a model's risk.",
        source="Kaplan and Meier, JASA 53:457 (1958); log-rank: Mantel, Cancer Chemotherapy Reports 50:163 "
        "(1966).",
        claim="None: it measures. Its figures agree with the textbook's.",
    ),
    ToolInfo(
        name="nucleus-clusters",
        title="Clusters of nuclei",
        group="slides",
        summary="Joins nuclei to clusters, says how each is shaped, groups them, and tells grades by them.",
        source="Survey reference 12, on prostate; minimum spanning tree within the Delaunay triangulation; "
        "K-medoids: Park and Jun, Expert Systems with Applications 36:3336 (2009).",
        claim="Finds clusters of any outline better than k-means that is told their number.",
    ),
    ToolInfo(
        name="slide-features",
        title="Numbers of a slide",
        group="slides",
        summary="Counts tumour cells and lymphocytes, their spread and nuclear grade, and fits a score "
        "to them.",
        source="Survey reference 5, on breast cancer: derived features and linear regression.",
        claim="Tells a score that depends on immune cells and grade better than tumour cells alone.",
    ),
    ToolInfo(
        name="calibration",
        title="Calibration",
        group="models",
        summary="Says how honest a model's confidence is, with and without its temperature, and how sets "
        "of labels fare.",
        source="Guo et al., On calibration of modern neural networks, ICML (2017); Sadinle, Lei and "
        "Wasserman, JASA 114:223 (2019).",
        claim="With a temperature from held-out patches no difference in calibration error was measured.",
    ),
    ToolInfo(
        name="wgan-gp",
        title="Drawn patches (WGAN-GP)",
        group="data",
        summary="Learns to draw patches of each class, and writes new ones.",
        source="Gulrajani et al., Improved training of Wasserstein GANs, NeurIPS (2017).",
        claim="Should come nearer to real patches, by the Fréchet distance of our descriptors, than one "
        "Gaussian per pixel and class; no difference was measured.",
    ),
    ToolInfo(
        name="segmentation-gan",
        title="Drawn patches with masks",
        group="data",
        summary="Draws patches that follow the layout of nuclei in real ones, and writes their masks as "
        "well.",
        source="Kweon et al., Sensors 22(10):3960 (2022), reconstructed from its abstract.",
        claim="Keeps the layout of its reference: the masks of drawn and real patches agree better than"
        " those of other patches of the class.",
    ),
    ToolInfo(
        name="augmentation",
        title="Varied patches",
        group="data",
        summary="Writes images turned, mirrored, restained, zoomed, blurred or compressed, as training "
        "sees them.",
        source="Tellez et al., IEEE Transactions on Medical Imaging 37(9):2126 (2018).",
        claim="Stain variation raises balanced accuracy on patches of another stain.",
    ),
    ToolInfo(
        name="atlas",
        title="Atlas of tiles",
        group="models",
        summary="Lays tiles out so that like ones lie together, sorts them into kinds, and writes "
        "where each is.",
        source="van der Maaten and Hinton, Visualizing data using t-SNE, JMLR 9:2579 (2008); k-means: Lloyd, "
        "IEEE Transactions on Information Theory 28(2):129 (1982).",
        claim="Its kinds agree with the true tissue better than kinds of colour alone, by adjusted "
        "Rand index.",
    ),
    ToolInfo(
        name="quality",
        title="Quality map",
        group="slides",
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
        group="slides",
        summary="Teaches a network what is in focus, by blurring sharp tiles of the site on purpose.",
        source="Senaras et al., DeepFocus, PLoS ONE 13(10):e0205387 (2018); or on the body of a patch "
        "network.",
        claim="Tells sharp from blurred patches better than the variance of the Laplacian, in area under the "
        "curve.",
    ),
    ToolInfo(
        name="stain",
        title="Stain normalisation",
        group="slides",
        summary="Brings a slide, or a folder of its tiles, to the stain of another or of a reference.",
        source="Macenko et al., ISBI (2009); Vahadane et al., IEEE TMI 35(8):1962 (2016); Reinhard et "
        "al., IEEE "
        "CG&A 21(5):34 (2001).",
        claim="No difference was measured for a classifier that learned from one stain and judges another.",
    ),
    ToolInfo(
        name="drift",
        title="Stain drift",
        group="models",
        summary="Says which slides are stained unlike those that a model learned from.",
        source="Mahalanobis distance of stain vectors and moments of colour, with the covariance of "
        "Ledoit and "
        "Wolf, J. Multivariate Analysis 88:365 (2004).",
        claim="Tells slides of another stain better than the mean colour does, in area under the curve.",
    ),
    ToolInfo(
        name="explain",
        title="Where a model looked",
        group="models",
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
        group="models",
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
        group="models",
        summary="Turns a slide of any size into one small picture of how strongly a label speaks in it.",
        source="Kosaraju et al., HipoMap (2022), from its description.",
        claim="Should tell slides with a small lesion better than the mean probability of their "
        "patches; no difference was measured.",
    ),
    ToolInfo(
        name="registration",
        title="Lay two slides over each other",
        group="slides",
        summary="Finds where the tissue of one slide lies on another, and carries annotations over.",
        source="Faust et al. (2022) for SIFT-driven alignment of stains; Lowe, IJCV 60:91 (2004); local "
        "shifts by phase correlation, Guizar-Sicairos et al., Optics Letters 33:156 (2008).",
        claim="Places lie less than 5 µm from where they belong, on slides bent in a known way, and local "
        "shifts bring them nearer than the affine map alone.",
    ),
    ToolInfo(
        name="label-transfer",
        title="Labels from a neighbouring stain",
        group="slides",
        summary="Labels patches of an H&E slide by the brown of an antibody on the neighbouring section.",
        source="Su et al., Computational and Structural Biotechnology Journal (2022), HEMnet.",
        claim="Labels agree with the truth better than without registration, in balanced accuracy.",
    ),
    ToolInfo(
        name="histoml",
        title="HistoML",
        group="data",
        summary="Writes annotations in the words of an ontology, with their outlines beside, and reads them.",
        source="HistoML Level 1, ontology and specification of version 1.0.",
        claim="What went out comes back the same; queries of the ontology run on it. A test says so.",
    ),
    ToolInfo(
        name="importers",
        title="Public data sets",
        group="data",
        summary="Lays out public sets from local files for learning, with no patient in two parts.",
        source="CAMELYON16 and 17, HunCRC, BreakHis, BACH, NCT-CRC-HE, PCam, PanNuke, PANDA as published.",
        claim="Each layout is one that fit reads. Tests say so, on small files of the same formats.",
    ),
    ToolInfo(
        name="gaze",
        title="Boxes where somebody looked",
        group="slides",
        summary="Proposes boxes from a recording of eyes or of a cursor, made with consent, for review.",
        source="Mariam et al. (2022); fixations by dispersion, Salvucci and Goldberg, ETRA (2000).",
        claim="Boxes find planted lesions better than the map of all samples does, in F1.",
    ),
)
