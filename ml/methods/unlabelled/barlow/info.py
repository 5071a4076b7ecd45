"""Description, sources and settings of ``barlow``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.unlabelled.settings import NEEDS, SimilarityConfig


@dataclass(frozen=True, slots=True)
class BarlowConfig(SimilarityConfig):
    """Settings of ``barlow``."""

    redundancy: float = setting(
        0.005, "Redundancy", "Penalty on features that repeat each other.", minimum=0.0, maximum=1.0
    )


INFO = RecipeInfo(
    name="barlow",
    title="Agreeing views (Barlow Twins)",
    task=Task.PATCH,
    summary="Learns from tiles without labels what stays the same when they look different. Suits small "
    "machines.",
    source="Zbontar et al., Barlow Twins: self-supervised learning via redundancy reduction, ICML (2021).",
    claim="Should beat the same network from scratch in balanced accuracy when 5 % of tiles have a "
    "label; no difference was measured.",
    needs=NEEDS,
    cost="Minutes to hours on a CPU, less on a GPU.",
    quick=False,
    config=BarlowConfig,
    class_name="Barlow",
    rank=400,
)
