"""Recipes that say which label a patch has."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue import shared_settings as shared
from ml.catalogue.info import RecipeInfo
from ml.catalogue.patch_settings import EncoderConfig, NetworkConfig, PatchConfig
from ml.catalogue.settings import setting
from ml.contracts import Task


@dataclass(frozen=True, slots=True)
class DescriptorsConfig(PatchConfig):
    """Settings of ``descriptors``."""

    penalty: float = shared.penalty()
    kernel: str = setting(
        "rbf",
        "Kernel",
        "linear: logistic regression on the descriptors. rbf: on their Gaussian similarity to "
        "labelled patches, which bends the border between classes.",
        choices=("linear", "rbf"),
    )


@dataclass(frozen=True, slots=True)
class ResidualConfig(NetworkConfig):
    """Settings of ``residual``."""

    width: int = setting(32, "Width", "Channels of the first convolution.", minimum=4, maximum=128)
    units: int = setting(4, "Residual units", "Number of residual units.", minimum=1, maximum=16)


@dataclass(frozen=True, slots=True)
class ConvolutionalConfig(EncoderConfig):
    """Settings of ``convolutional``."""

    loss: str = setting(
        "cross-entropy",
        "Loss",
        "focal turns attention to patches that are still judged wrongly.",
        choices=("cross-entropy", "focal"),
    )
    balance: str = setting(
        "weights",
        "Balance",
        "weights: rare classes count more. classes: they are shown more often. classes and slides: "
        "slides with few patches are shown more often, too.",
        choices=("weights", "classes", "classes and slides"),
    )
    hue: float = setting(
        0.05, "Hue", "Reach of the turn of colours in training.", unit="rad", minimum=0.0, maximum=1.0
    )
    zoom: float = setting(0.1, "Zoom", "Reach of the change of scale in training.", minimum=0.0, maximum=0.5)
    degrade: float = setting(
        0.2,
        "Blur and compression",
        "Share of training patches that are blurred or compressed.",
        minimum=0.0,
        maximum=1.0,
    )
    normalise: str = setting(
        "none",
        "Stain normalisation",
        "Brings each slide to one reference stain before the network sees it, fitted once per slide; images "
        "that belong to no slide are fitted one by one.",
        choices=("none", "macenko", "vahadane", "reinhard"),
    )
    slide_score: str = setting(
        "none",
        "Slide score",
        "What is said of the whole slide: the mean probability, that of the top hundredth of patches, or the "
        "fraction of patches above the threshold.",
        choices=("none", "mean", "top", "fraction"),
    )
    threshold: float = setting(
        0.5, "Threshold", "Probability from which a patch counts for the fraction.", minimum=0.0, maximum=1.0
    )


@dataclass(frozen=True, slots=True)
class TransferConfig(EncoderConfig):
    """Settings of ``transfer``."""

    source: str = setting(
        "",
        "Start from",
        "Name of an earlier model, of one that learned without labels, or of an uploaded file of weights.",
    )
    mode: str = setting(
        "full",
        "Mode",
        "linear probe: only the last layer learns, within seconds. partial: also the upper stages. full: "
        "all, the lower stages more slowly.",
        choices=("linear probe", "partial", "full"),
    )
    trained: int = setting(
        2, "Trained stages", "How many upper stages learn in the mode partial.", minimum=1, maximum=20
    )
    decay: float = setting(
        0.3,
        "Rate per stage",
        "Each stage learns at this share of the rate of the stage above it.",
        minimum=0.01,
        maximum=1.0,
    )
    anchor: float = setting(
        0.0,
        "Anchor",
        "Penalty on leaving the weights that training started from (L2-SP); 0 switches it off.",
        minimum=0.0,
        maximum=100.0,
    )
    renew: bool = setting(
        True,
        "Renew statistics",
        "Estimate the statistics of batch normalisation anew on the stain of these slides, before training.",
    )
    beside: bool = setting(
        True,
        "From scratch beside it",
        "Also train the same network from scratch, and note in the model how both do on the held-out part.",
    )


@dataclass(frozen=True, slots=True)
class MixPatchConfig(EncoderConfig):
    """Settings of ``mixpatch``."""

    mixing: str = setting(
        "mixpatch",
        "Mixing",
        "What the second half of every batch is: patches of clean cells, or a method to compare with.",
        choices=("mixpatch", "label smoothing", "mixup", "cutmix", "none"),
    )
    cells: int = setting(2, "Cells", "Cells per side of a mixed patch.", minimum=2, maximum=4)
    label: str = setting(
        "proportion",
        "Label",
        "proportion: by the share of cells. floor: any abnormal cell makes the patch abnormal, to at least "
        "the floor; of several labels the last in the list counts as most severe.",
        choices=("proportion", "floor"),
    )
    floor: float = setting(
        0.6, "Floor", "Least probability of the most severe label.", minimum=0.5, maximum=1.0
    )
    normal: str = setting(
        "", "Normal label", "The label of healthy tissue; empty means background, or else the first label."
    )
    share: float = setting(
        1.0, "Share", "How much the mixed half counts beside the plain one.", minimum=0.0, maximum=10.0
    )
    average: float = setting(
        0.98,
        "Averaging",
        "Decay of the running mean of the weights, which is what judges; 0 switches it off.",
        minimum=0.0,
        maximum=0.9999,
    )


@dataclass(frozen=True, slots=True)
class MultiScaleConfig(EncoderConfig):
    """Settings of ``multiscale``."""

    scales: int = setting(
        3,
        "Magnifications",
        "How many views there are with the same centre, each twice as wide as the one before.",
        minimum=2,
        maximum=3,
    )
    fusion: str = setting(
        "concat",
        "Fusion",
        "How the views are joined: side by side, averaged, or weighed for each place.",
        choices=("concat", "mean", "gated"),
    )
    shared: bool = setting(
        False,
        "One encoder",
        "Look at all magnifications with the same encoder, which learns from all of them.",
    )


@dataclass(frozen=True, slots=True)
class MultiTaskConfig(EncoderConfig):
    """Settings of ``multitask``."""

    facets: str = setting(
        "",
        "What labels say",
        "label=type/grade/property for each label, separated by semicolons: grade 1 to 9, property yes or "
        "no, - where the label leaves it open.",
    )


@dataclass(frozen=True, slots=True)
class CastConfig(NetworkConfig):
    """Settings of ``cast``."""

    scales: int = setting(
        3,
        "Magnifications",
        "How many views there are with the same centre, each twice as wide as the one before.",
        minimum=1,
        maximum=3,
    )
    square: int = setting(
        16, "Square", "Side of the squares that the transformer sees as one token.", unit="px", minimum=4,
        maximum=32,
    )  # fmt: skip
    width: int = setting(192, "Width", "Numbers per token.", minimum=16, maximum=768)
    heads: int = setting(3, "Heads", "Attention heads.", minimum=1, maximum=12)
    stages: int = setting(
        3, "Stages", "Stages of two blocks, after each of which the paths look at each other.",
        minimum=1, maximum=6,
    )  # fmt: skip
    exchange: str = setting(
        "all tokens",
        "Exchange",
        "What looks at the other magnifications: all tokens, or only the class tokens, which is cheaper.",
        choices=("all tokens", "class tokens"),
    )
    stain: float = setting(
        0.2,
        "Stain variation",
        "Reach by which the strength of each stain is varied in training.",
        minimum=0.0,
        maximum=0.9,
    )


@dataclass(frozen=True, slots=True)
class AveragedConfig:
    """Settings of ``tta``."""

    source: str = setting("", "Model", "Name of the earlier model that is asked.")
    mode: str = setting(
        "dihedral",
        "Changes",
        "dihedral: the eight turns and mirrorings of the square, exact. random: turns by any angle.",
        choices=("dihedral", "random"),
    )
    draws: int = setting(16, "Draws", "How many random changes.", minimum=2, maximum=100)
    stain: float = setting(
        0.0,
        "Stain variation",
        "Reach by which stains are varied in random changes.",
        minimum=0.0,
        maximum=0.9,
    )
    dropout: bool = setting(
        False, "Dropout", "Leave out parts of the network at random in each answer (Monte Carlo dropout)."
    )
    uncertainty: str = setting(
        "entropy",
        "Uncertainty",
        "What is shown as uncertainty: entropy of the mean, disagreement of the answers, or their deviation.",
        choices=("entropy", "mutual information", "deviation"),
    )


RECIPES: tuple[RecipeInfo, ...] = (
    RecipeInfo(
        name="descriptors",
        title="Colour and texture",
        task=Task.PATCH,
        summary="Tells kinds of tissue apart by colour, texture and nuclei. Learns in a second.",
        source="Kather et al., Multi-class texture analysis in colorectal cancer histology, "
        "Scientific Reports 6:27988 (2016), for the kind of descriptors.",
        claim="Beats a random forest on plain colour and texture statistics on colorectal patches "
        "in area under the curve and accuracy.",
        needs="A few marks of two labels, or of one label and a finished region.",
        cost="Seconds on a CPU.",
        quick=True,
        config=DescriptorsConfig,
        class_name="Descriptors",
    ),
    RecipeInfo(
        name="residual",
        title="Residual network",
        task=Task.PATCH,
        summary="A convolutional network with skip connections. Learns in minutes to hours.",
        source="Deep residual network for breast pathology, as the survey describes it; He et al., Deep "
        "residual learning for image recognition, CVPR (2016); Ioffe and Szegedy, ICML (2015).",
        claim="Overtakes hand-made descriptors in accuracy once there are many labelled patches.",
        needs="Hundreds of labelled patches; large outlines give many.",
        cost="Minutes to hours on a CPU, less on a GPU.",
        quick=False,
        config=ResidualConfig,
        class_name="Residual",
        channels=True,
    ),
    RecipeInfo(
        name="convolutional",
        title="Convolutional network",
        task=Task.PATCH,
        summary="A well-known convolutional network of your choice, trained on labelled patches.",
        source="Tan and Le, EfficientNet, ICML (2019); He et al., ResNet, CVPR (2016); Huang et al., "
        "DenseNet, CVPR (2017); focal loss: Lin et al., ICCV (2017).",
        claim="Should overtake hand-made descriptors in balanced accuracy once thousands of patches are "
        "labelled; with 750 the descriptors are better.",
        needs="Hundreds of labelled patches; large outlines give many.",
        cost="Minutes to hours on a CPU, less on a GPU.",
        quick=False,
        config=ConvolutionalConfig,
        class_name="Convolutional",
        channels=True,
    ),
    RecipeInfo(
        name="transfer",
        title="Transfer learning",
        task=Task.PATCH,
        summary="Builds on what another model has learned, from other tissue or without labels.",
        source="Weiss, Khoshgoftaar and Wang, Journal of Big Data 3:9 (2016); L2-SP: Li, Grandvalet and "
        "Davoine, ICML (2018).",
        claim="Should beat the same network from scratch in balanced accuracy when few patches are "
        "labelled; between the two kinds of tissue held here full training made no measured "
        "difference and a linear probe was worse.",
        needs="An earlier model with the same encoder, or a safetensors file of its weights; a few "
        "dozen labelled patches.",
        cost="Seconds for the linear probe, else minutes on a CPU.",
        quick=False,
        config=TransferConfig,
        class_name="Transfer",
        channels=True,
    ),
    RecipeInfo(
        name="mixpatch",
        title="MixPatch",
        task=Task.PATCH,
        summary="Learns also from patches put together of clean cells, so that its confidence becomes "
        "honest.",
        source="Park, Kim, Ashraf et al., MixPatch, Diagnostics 12(6):1493 (2022).",
        claim="Better calibrated than label smoothing and CutMix, at no loss of accuracy; should also be so "
        "against the same network without mixing.",
        needs="Patches that a person is certain of, of normal tissue and of at least one other label.",
        cost="Minutes on a CPU; twice the time per epoch of a plain network.",
        quick=False,
        config=MixPatchConfig,
        class_name="MixPatch",
        channels=True,
    ),
    RecipeInfo(
        name="multiscale",
        title="Several magnifications",
        task=Task.PATCH,
        summary="Looks at each place near and from afar, and joins what it sees.",
        source="Multi-scale classification as in D'Amato et al., cited by the survey; gated attention: "
        "Ilse, Tomczak and Welling, ICML (2018).",
        claim="Beats the best single magnification in macro F1 where the answer needs cells and their "
        "surroundings.",
        needs="Labelled patches on slides, or images wider than the widest view.",
        cost="Minutes on a CPU; as many times the cost of one network as there are magnifications.",
        quick=False,
        config=MultiScaleConfig,
        class_name="MultiScale",
        channels=True,
    ),
    RecipeInfo(
        name="multitask",
        title="Several tasks at once",
        task=Task.PATCH,
        summary="Learns type, grade and a property together, also from labels that leave some of them open.",
        source="Kendall, Gal and Cipolla, CVPR (2018), for the weights of the tasks; ordinal logits: "
        "McCullagh, JRSS B 42:109 (1980).",
        claim="Labels without a grade raise the balanced accuracy of a network that has few graded ones.",
        needs="Labels of which some say more than others, and a line that says what each means.",
        cost="Minutes on a CPU.",
        quick=False,
        config=MultiTaskConfig,
        class_name="MultiTask",
        channels=True,
    ),
    RecipeInfo(
        name="cast",
        title="Cross-scale transformer",
        task=Task.PATCH,
        summary="Transformer paths for up to three magnifications that look at each other.",
        source="Zhang et al., MC-ViT (CAST), Frontiers in Oncology (2022), reconstructed from its abstract.",
        claim="With three magnifications beats the best of its single paths in accuracy where the "
        "answer must be joined from all.",
        needs="Thousands of labelled patches on slides, or images wider than the widest view.",
        cost="Hours on a CPU at full size, less on a GPU.",
        quick=False,
        config=CastConfig,
        class_name="CastRecipe",
        channels=True,
    ),
    RecipeInfo(
        name="tta",
        title="Test-time averaging",
        task=Task.PATCH,
        summary="Asks an earlier model about turned and mirrored patches, and averages its answers.",
        source="Monte Carlo test-time averaging, as the survey describes MC-ViT; uncertainty: Wang et "
        "al., Neurocomputing 338:34 (2019).",
        claim="Lowers the log-loss of the model that it asks.",
        needs="An earlier model that answers about patches, for the same labels.",
        cost="No training; eight times the cost of the model at prediction.",
        quick=False,
        config=AveragedConfig,
        class_name="Averaged",
    ),
)
