"""Description, sources and settings of ``abmil``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.slides.settings import COST, NEEDS, BagConfig


@dataclass(frozen=True, slots=True)
class AttentionConfig(BagConfig):
    """Settings of ``abmil``."""

    pooling: str = setting(
        "attention",
        "Pooling",
        "How tiles become one answer: by learned weights (attention), all alike (mean), or by the highest "
        "alone (max). The last two are there to compare with.",
        choices=("attention", "mean", "max"),
    )


INFO = RecipeInfo(
    name="abmil",
    title="Attention over tiles",
    task=Task.SLIDE,
    summary="Says what a slide is, from slides with a label each, and shows which tiles made it say so.",
    source="Ilse, Tomczak and Welling, Attention-based deep multiple instance learning, ICML (2018).",
    claim="Beats the mean of all tiles in area under the curve where a lesion covers few tiles.",
    needs=NEEDS,
    cost=COST,
    quick=False,
    config=AttentionConfig,
    class_name="AttentionBags",
    rank=190,
)
