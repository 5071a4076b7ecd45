"""Description, sources and settings of ``barcode``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue import shared_settings as shared
from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.slides.settings import COST, NEEDS, TilesConfig


@dataclass(frozen=True, slots=True)
class BarcodeConfig(TilesConfig):
    """Settings of ``barcode``."""

    clusters: int = setting(32, "Kinds", "How many kinds of tiles are told apart.", minimum=2, maximum=1024)
    penalty: float = shared.penalty()


INFO = RecipeInfo(
    name="barcode",
    title="Barcode of tile kinds",
    task=Task.SLIDE,
    summary="Sorts tiles into kinds and tells slides apart by how much of each kind they hold.",
    source="D'Amato, Szostak and Torben-Nielsen, A comparison between single- and multi-scale "
    "approaches for classification of histopathology images, Frontiers in Public Health (2022).",
    claim="Should with three magnifications beat one in macro F1; over five seeds no sure "
    "difference was measured.",
    needs=NEEDS,
    cost=COST,
    quick=False,
    config=BarcodeConfig,
    class_name="Barcode",
    rank=280,
)
