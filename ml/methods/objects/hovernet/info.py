"""Description, sources and settings of ``hovernet``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue import shared_settings as shared
from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.objects.settings import NucleiConfig


@dataclass(frozen=True, slots=True)
class HoverNetConfig(NucleiConfig):
    """Settings of ``hovernet``, whose network takes one size of crop only."""

    crop: int = setting(256, "Crop", "Side of a training crop.", unit="px", minimum=256, maximum=256)
    width: int = setting(64, "Width", "Channels of the finest level, as published.", minimum=64, maximum=64)
    batch: int = shared.batch(2, "Crops")
    learning_rate: float = shared.learning_rate(3e-4)


INFO = RecipeInfo(
    name="hovernet",
    title="Nuclei (HoVer-Net)",
    task=Task.OBJECT,
    summary="Outlines every nucleus with HoVer-Net as published: 38 million weights, for a GPU.",
    source="Graham et al., HoVer-Net, Medical Image Analysis 58:101563 (2019); network: MONAI.",
    claim="PQ .47 against .37 of connected dark areas, trained in full on a GPU; beside nuclei (.49) no "
    "difference was measured. Not reproduced at fifty steps on a processor (.31).",
    needs="Finished regions in which every nucleus is outlined, or images with masks; a GPU.",
    cost="Minutes on a large GPU; on a CPU several seconds for 256 x 256 pixels.",
    quick=False,
    config=HoverNetConfig,
    class_name="HoverNet",
    channels=True,
    rank=160,
)
