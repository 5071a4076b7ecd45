"""Description, sources and settings of ``recurrent``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.slides.settings import COST, NEEDS, BagConfig


@dataclass(frozen=True, slots=True)
class RecurrentConfig(BagConfig):
    """Settings of ``recurrent``."""

    top: int = setting(20, "Tiles read", "How many tiles are read in order.", minimum=1, maximum=500)
    hidden: int = setting(128, "State", "Size of the recurrent state.", minimum=8, maximum=1024)


INFO = RecipeInfo(
    name="recurrent",
    title="Tiles read in order",
    task=Task.SLIDE,
    summary="Finds the tiles that stand out and reads them one after the other before it decides.",
    source="Campanella et al., Clinical-grade computational pathology using weakly supervised "
    "deep learning on whole slide images, Nature Medicine 25:1301 (2019).",
    claim="Beside the single highest tile, where look-alikes occur, no difference in area under the "
    "curve was measured.",
    needs=NEEDS,
    cost=COST,
    quick=False,
    config=RecurrentConfig,
    class_name="Recurrent",
    rank=230,
)
