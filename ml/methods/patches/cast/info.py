"""Description, sources and settings of ``cast``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.patches.settings import NetworkConfig


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


INFO = RecipeInfo(
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
    rank=80,
)
