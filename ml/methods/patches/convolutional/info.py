"""Description, sources and settings of ``convolutional``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.patches.settings import EncoderConfig


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


INFO = RecipeInfo(
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
    rank=30,
)
