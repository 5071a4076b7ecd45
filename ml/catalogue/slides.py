"""Recipes that answer about a whole slide."""

from __future__ import annotations

from ml.catalogue import slide_settings as settings
from ml.catalogue.info import RecipeInfo, ToolInfo
from ml.contracts import Task

NEEDS = "Slides with a label each, at least a few of every label; no marks on them."
COST = "Seconds to minutes on a CPU, once the tiles are described."

RECIPES: tuple[RecipeInfo, ...] = (
    RecipeInfo(
        name="abmil",
        title="Attention over tiles",
        task=Task.SLIDE,
        summary="Says what a slide is, from slides with a label each, and shows which tiles made it say so.",
        source="Ilse, Tomczak and Welling, Attention-based deep multiple instance learning, ICML (2018).",
        claim="Beats the mean of all tiles in area under the curve where a lesion covers few tiles.",
        needs=NEEDS,
        cost=COST,
        quick=False,
        config=settings.AttentionConfig,
        class_name="AttentionBags",
    ),
    RecipeInfo(
        name="clam",
        title="Attention with clustered instances",
        task=Task.SLIDE,
        summary="Attention over tiles in which the heaviest tiles must also look alike.",
        source="Lu et al., Data-efficient and weakly supervised computational pathology on "
        "whole-slide images, Nature Biomedical Engineering 5:555 (2021).",
        claim="Beside attention alone, with few labelled slides, no difference in area under the curve "
        "was measured.",
        needs=NEEDS,
        cost=COST,
        quick=False,
        config=settings.ClamConfig,
        class_name="Clam",
    ),
    RecipeInfo(
        name="dsmil",
        title="Critical tile and its likes",
        task=Task.SLIDE,
        summary="Finds the one tile that speaks most for a label, and weighs the others by likeness to it.",
        source="Li, Li and Eliceiri, Dual-stream multiple instance learning network for whole slide "
        "image classification, CVPR (2021).",
        claim="Beats the mean of all tiles in area under the curve where a lesion covers few tiles.",
        needs=NEEDS,
        cost=COST,
        quick=False,
        config=settings.DualStreamConfig,
        class_name="DualStream",
    ),
    RecipeInfo(
        name="transmil",
        title="Transformer over tiles",
        task=Task.SLIDE,
        summary="Looks at tiles together, so that what lies beside or goes with something else can count.",
        source="Shao et al., TransMIL: transformer based correlated multiple instance learning for "
        "whole slide image classification, NeurIPS (2021).",
        claim="On phantoms where a lesion covers few tiles it was worse than the mean of all tiles in area "
        "under the curve.",
        needs=NEEDS,
        cost=COST,
        quick=False,
        config=settings.TransformerConfig,
        class_name="Transformer",
    ),
    RecipeInfo(
        name="recurrent",
        title="Tiles read in order",
        task=Task.SLIDE,
        summary="Finds the tiles that stand out and reads them one after the other before it decides.",
        source="Campanella et al., Clinical-grade computational pathology using weakly supervised "
        "deep learning on whole slide images, Nature Medicine 25:1301 (2019).",
        claim="Beside the single highest tile, where look-alikes occur, no difference in area under the "
        "curve was measured.",
        needs=NEEDS,
        cost=COST,
        quick=False,
        config=settings.RecurrentConfig,
        class_name="Recurrent",
    ),
    RecipeInfo(
        name="ssmil",
        title="Sparse key patches",
        task=Task.SLIDE,
        summary="Decides by a few key patches that lie together, and by nothing else; shows them as "
        "evidence.",
        source="Our reading of spatially sparse multiple instance learning; sparsemax: Martins and "
        "Astudillo, ICML (2016).",
        claim="Finds the small lesion among look-alikes where mean and softmax pooling do not, in "
        "area under the curve.",
        needs=NEEDS,
        cost=COST,
        quick=False,
        config=settings.SparseAttentionConfig,
        class_name="SparseAttention",
    ),
    RecipeInfo(
        name="sparseconv",
        title="Convolutions over the map of tiles",
        task=Task.SLIDE,
        summary="Sees the pattern in which tiles lie, as a network sees the pattern of pixels.",
        source="Lerousseau et al., SparseConvMIL: sparse convolutional context-aware multiple "
        "instance learning for whole slide image classification, COMPAY (2021).",
        claim="Beats attention alone in area under the curve where it matters which tiles lie together.",
        needs=NEEDS,
        cost=COST,
        quick=False,
        config=settings.SparseConvConfig,
        class_name="SparseConvolution",
    ),
    RecipeInfo(
        name="semimil",
        title="Slides without a label too",
        task=Task.SLIDE,
        summary="Learns from a few labelled slides and from many of which nothing is known.",
        source="Tarvainen and Valpola, Mean teachers are better role models, NeurIPS (2017); Sohn et "
        "al., FixMatch, NeurIPS (2020).",
        claim="Should beat attention trained on the labelled slides alone in area under the curve; no "
        "difference was measured.",
        needs=NEEDS,
        cost=COST,
        quick=False,
        config=settings.MeanTeacherConfig,
        class_name="MeanTeacherBags",
    ),
    RecipeInfo(
        name="wt",
        title="Transformer over tissue types",
        task=Task.SLIDE,
        summary="Reads a slide as a map of tissue types, given by an earlier model for patches, and "
        "types the tumour.",
        source="Zhang et al., MC-ViT: multi-path cross-scale vision transformer for thymoma "
        "histopathology whole slide image typing, Frontiers in Oncology (2022).",
        claim="Beats attention alone in area under the curve where tissue types and their places matter.",
        needs=NEEDS,
        cost=COST,
        quick=False,
        config=settings.SlideTransformerConfig,
        class_name="WholeSlideTransformer",
    ),
    RecipeInfo(
        name="barcode",
        title="Barcode of tile kinds",
        task=Task.SLIDE,
        summary="Sorts tiles into kinds and tells slides apart by how much of each kind they hold.",
        source="D'Amato, Szostak and Torben-Nielsen, A comparison between single- and multi-scale "
        "approaches for classification of histopathology images, Frontiers in Public Health (2022).",
        claim="Should with three magnifications beat one in macro F1; over five seeds no sure "
        "difference was measured.",
        needs=NEEDS,
        cost=COST,
        quick=False,
        config=settings.BarcodeConfig,
        class_name="Barcode",
    ),
    RecipeInfo(
        name="contrastive-mil",
        title="Slides contrasted without labels",
        task=Task.SLIDE,
        summary="Learns what makes slides differ from slides alone, then needs few labels to name "
        "the difference.",
        source="Tavolara, Gurcan and Niazi, Contrastive multiple instance learning: an unsupervised "
        "framework for learning slide-level representations, Cancers (2022).",
        claim="Should beat the same network with random weights under a linear probe, in area under the "
        "curve; no difference was measured.",
        needs=NEEDS,
        cost=COST,
        quick=False,
        config=settings.ContrastiveConfig,
        class_name="ContrastiveBags",
    ),
    RecipeInfo(
        name="fusion",
        title="Slide and clinical fields",
        task=Task.SLIDE,
        summary="Joins what a slide shows with what is known of the patient, for a label or for survival.",
        source="Chen et al., Pathomic Fusion, IEEE Transactions on Medical Imaging 41(4):757 (2022); "
        "Cox, Journal of the Royal Statistical Society B 34:187 (1972); Gensheimer and Narasimhan, "
        "PeerJ 7:e6257 (2019).",
        claim="Beats the image alone where both matter, in area under the curve and in concordance; "
        "beside the clinical fields alone no difference was measured.",
        needs="Slides with a label each, or cases with months of follow-up and whether the event was "
        "seen; clinical fields, which may be missing.",
        cost=COST,
        quick=False,
        config=settings.FusionConfig,
        class_name="Fusion",
    ),
)

TOOLS: tuple[ToolInfo, ...] = (
    ToolInfo(
        name="survival",
        title="Survival curves",
        group="slides",
        summary="Shows how groups of patients fare, by label, by a clinical field or by a model's risk.",
        source="Kaplan and Meier, JASA 53:457 (1958); log-rank: Mantel, Cancer Chemotherapy Reports 50:163 "
        "(1966).",
        claim="None: it measures. Its figures agree with the textbook's.",
    ),
)
