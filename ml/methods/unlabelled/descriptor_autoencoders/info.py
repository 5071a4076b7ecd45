"""Description, sources and settings of ``descriptor-autoencoders``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue import shared_settings as shared
from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.patches.settings import NetworkConfig


@dataclass(frozen=True, slots=True)
class DescriptorAutoencodersConfig(NetworkConfig):
    """Settings of ``descriptor-autoencoders``."""

    pixels: int = setting(
        64,
        "Network input",
        "Side to which a patch is reduced before it is described; a multiple of 16.",
        unit="px",
        minimum=32,
        maximum=256,
    )
    tiles: int = setting(
        2000,
        "Tiles",
        "Most tiles without labels that the auto-encoders learn from.",
        minimum=8,
        maximum=200_000,
    )
    ways: str = setting(
        "all",
        "Ways of looking",
        "all: image, edges and fine texture. image: the image alone, to compare with.",
        choices=("all", "image"),
    )
    kernel: str = setting(
        "rbf",
        "Classifier",
        "linear: logistic regression on what the auto-encoders keep. rbf: on its Gaussian similarity to "
        "labelled patches.",
        choices=("linear", "rbf"),
    )
    penalty: float = shared.penalty()


INFO = RecipeInfo(
    name="descriptor-autoencoders",
    title="Squeezed descriptors",
    task=Task.PATCH,
    summary="Looks at the image, at its edges and at its fine texture, keeps what matters of each, and "
    "names it.",
    source="Sheikh et al., multiple descriptors under auto-encoders for histopathology (2022), "
    "reconstructed from its abstract; Dalal and Triggs, CVPR (2005); Ojala et al., IEEE TPAMI (2002).",
    claim="Beats the auto-encoder of the image alone in balanced accuracy.",
    needs="A few dozen labelled patches of two labels; tiles without labels help.",
    cost="Minutes on a CPU.",
    quick=False,
    config=DescriptorAutoencodersConfig,
    class_name="DescriptorAutoencoders",
    rank=410,
)
