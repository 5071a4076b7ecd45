"""Description, sources and settings of ``boxes``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.objects.settings import PointsConfig


@dataclass(frozen=True, slots=True)
class BoxesConfig(PointsConfig):
    """Settings of ``boxes``."""

    overlap: float = setting(
        0.5,
        "Overlap",
        "Of two boxes that overlap by more than this share of their union, the surer one is kept.",
        minimum=0.0,
        maximum=1.0,
    )


INFO = RecipeInfo(
    name="boxes",
    title="Boxes around objects",
    task=Task.OBJECT,
    summary="Draws a box around every object of any size, such as glands or mitoses.",
    source="Zhou et al., Objects as points (2019); Tian et al., FCOS, ICCV (2019); GIoU: Rezatofighi et "
    "al., CVPR (2019).",
    claim="Should beat boxes around connected dark areas in average precision on H&E crops; no "
    "difference was measured.",
    needs="Finished regions in which every object is outlined or boxed, or images with masks.",
    cost="Minutes on a CPU.",
    quick=False,
    config=BoxesConfig,
    class_name="Boxes",
    channels=True,
    rank=180,
)
