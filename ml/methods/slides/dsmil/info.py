"""Description, sources and settings of ``dsmil``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.slides.settings import COST, NEEDS, BagConfig


@dataclass(frozen=True, slots=True)
class DualStreamConfig(BagConfig):
    """Settings of ``dsmil``."""

    average: bool = setting(
        False,
        "Average the streams",
        "Whether the critical tile has half of the say; else the slide's features decide alone.",
    )


INFO = RecipeInfo(
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
    config=DualStreamConfig,
    class_name="DualStream",
    rank=210,
)
