"""Description, sources and settings of ``selective``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.patches.settings import EncoderConfig


@dataclass(frozen=True, slots=True)
class SelectiveConfig(EncoderConfig):
    """Settings of ``selective``."""

    pixels: int = setting(
        64,
        "Network input",
        "Side to which a patch is reduced, and at which patches are drawn: 32, 64 or 128.",
        unit="px",
        minimum=32,
        maximum=128,
    )
    drawn: int = setting(
        200, "Drawn patches", "How many patches of each class are drawn, before selection.",
        minimum=1, maximum=100_000,
    )  # fmt: skip
    steps: int = setting(
        2000, "Drawing steps", "Training steps of what draws patches.", minimum=1, maximum=1_000_000
    )
    width: int = setting(
        16, "Drawing width", "Channels of the finest maps of what draws.", minimum=4, maximum=64
    )
    steered: bool = setting(
        True,
        "Follow layouts",
        "Draw patches that follow the layout of nuclei in real ones (the GAN with a segmentation module).",
    )
    least: float = setting(
        0.7,
        "Least probability",
        "A drawn patch is used only if the network gives its label at least this probability.",
        minimum=0.0,
        maximum=1.0,
    )
    quantile: float = setting(
        0.9,
        "Quantile",
        "A drawn patch is used only if it lies no farther from its class than this share of real ones.",
        minimum=0.01,
        maximum=1.0,
    )
    always: bool = setting(
        False,
        "Without the gate",
        "Use every drawn patch, and keep the result whether it helped or not. For comparisons only.",
    )


INFO = RecipeInfo(
    name="selective",
    title="Selective augmentation",
    task=Task.PATCH,
    summary="Draws more patches of each class, uses the good ones, and only if the held-out part "
    "shows that they help.",
    source="Xue et al., HistoGAN, selective synthetic augmentation, Medical Image Analysis 67:101816 (2021).",
    claim="With its gate beats the use of every drawn patch in macro F1; without a sure gain it "
    "stays with real patches.",
    needs="Hundreds of labelled patches, and a validation part.",
    cost="An hour on a CPU at full size: it draws, and trains twice.",
    quick=False,
    config=SelectiveConfig,
    class_name="Selective",
    rank=380,
)
