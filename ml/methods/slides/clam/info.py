"""Description, sources and settings of ``clam``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.slides.settings import COST, NEEDS, BagConfig


@dataclass(frozen=True, slots=True)
class ClamConfig(BagConfig):
    """Settings of ``clam``."""

    branches: str = setting(
        "single",
        "Branches",
        "single: one map of attention. multiple: one map for every label.",
        choices=("single", "multiple"),
    )
    instances: int = setting(
        8,
        "Instances",
        "How many of the heaviest, and of the lightest, tiles must look alike.",
        minimum=1,
        maximum=256,
    )
    exclusive: bool = setting(
        True,
        "Labels exclude each other",
        "The heaviest tiles of one label are then examples against the others.",
    )
    instance_loss: str = setting(
        "cross-entropy",
        "Instance loss",
        "How tiles are told apart: cross-entropy, or a smooth support vector machine.",
        choices=("cross-entropy", "svm"),
    )


INFO = RecipeInfo(
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
    config=ClamConfig,
    class_name="Clam",
    rank=200,
)
