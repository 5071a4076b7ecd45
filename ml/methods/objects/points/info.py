"""Description, sources and settings of ``points``. Free of torch."""

from __future__ import annotations

from ml.catalogue.info import RecipeInfo
from ml.contracts import Task
from ml.methods.objects.settings import PointsConfig

INFO = RecipeInfo(
    name="points",
    title="Points on cells or lesions",
    task=Task.OBJECT,
    summary="Puts a point on every cell or small lesion; one click on each is enough to learn from.",
    source="Regression of heat maps: Xie et al., Medical Image Analysis 41:3 (2018), for cells; FROC: "
    "Ehteshami Bejnordi et al., JAMA 318:2199 (2017).",
    claim="Beats the maxima of haematoxylin in F1 of points on H&E crops.",
    needs="Finished regions in which every object has a point or an outline, or images with masks.",
    cost="Minutes on a CPU.",
    quick=False,
    config=PointsConfig,
    class_name="Points",
    channels=True,
    rank=170,
)
