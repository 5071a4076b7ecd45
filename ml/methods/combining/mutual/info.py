"""Description, sources and settings of ``mutual``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.combining.settings import ENCODERS
from ml.methods.patches.settings import EncoderConfig


@dataclass(frozen=True, slots=True)
class MutualConfig(EncoderConfig):
    """Settings of ``mutual``."""

    members: int = setting(2, "Members", "How many networks learn together.", minimum=2, maximum=4)
    second: str = setting(
        "same",
        "Second encoder",
        "The encoder of every other member.",
        choices=("same", *ENCODERS),
    )
    teaching: float = setting(
        1.0, "Teaching", "How much the others' answers count beside the labels.", minimum=0.0, maximum=10.0
    )
    answer: str = setting(
        "mean", "Answer", "mean: all members judge. first: one alone, at its cost.", choices=("mean", "first")
    )


INFO = RecipeInfo(
    name="mutual",
    title="Mutual learning",
    task=Task.PATCH,
    summary="Networks learn together, each also from what the others say.",
    source="Zhang, Xiang, Hospedales and Lu, Deep mutual learning, CVPR (2018).",
    claim="A member should beat the same network trained alone, in log-loss; no difference was measured.",
    needs="Hundreds of labelled patches.",
    cost="Minutes to hours on a CPU; the sum of its members.",
    quick=False,
    config=MutualConfig,
    class_name="Mutual",
    channels=True,
    rank=340,
)
