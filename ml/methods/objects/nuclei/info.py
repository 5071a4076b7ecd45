"""Description, sources and settings of ``nuclei``. Free of torch."""

from __future__ import annotations

from ml.catalogue.info import RecipeInfo
from ml.contracts import Task
from ml.methods.objects.settings import NucleiConfig

INFO = RecipeInfo(
    name="nuclei",
    title="Nuclei",
    task=Task.OBJECT,
    summary="Outlines every nucleus, and tells kinds of nuclei apart where several are marked.",
    source="Ronneberger et al., U-Net, MICCAI (2015); splitting by distance: Naylor et al., "
    "IEEE Transactions on Medical Imaging 38(2):448 (2019).",
    claim="Beats a random forest on pixels in Dice on H&E crops.",
    needs="Finished regions in which every nucleus is outlined, or images with masks.",
    cost="Minutes on a CPU.",
    quick=False,
    config=NucleiConfig,
    class_name="Nuclei",
    channels=True,
    rank=140,
)
