"""Description, sources and settings of ``sparseconv``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.slides.settings import COST, NEEDS, BagConfig


@dataclass(frozen=True, slots=True)
class SparseConvConfig(BagConfig):
    """Settings of ``sparseconv``."""

    channels: int = setting(
        32, "Channels", "Channels of the convolutions over the map.", minimum=4, maximum=512
    )
    pool: str = setting(
        "mean",
        "Pooling",
        "Whether the mean of all places decides, or the highest of them.",
        choices=("mean", "max"),
    )
    vary: bool = setting(
        True, "Vary the map", "Turn and mirror the map and move single tiles while learning."
    )


INFO = RecipeInfo(
    name="sparseconv",
    title="Convolutions over the map of tiles",
    task=Task.SLIDE,
    summary="Sees the pattern in which tiles lie, as a network sees the pattern of pixels.",
    source="Lerousseau et al., SparseConvMIL: sparse convolutional context-aware multiple "
    "instance learning for whole slide image classification, COMPAY (2021).",
    claim="Beats attention alone in area under the curve where it matters which tiles lie together.",
    needs=NEEDS,
    cost=COST,
    quick=False,
    config=SparseConvConfig,
    class_name="SparseConvolution",
    rank=250,
)
