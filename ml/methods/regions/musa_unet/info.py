"""Description, sources and settings of ``musa-unet``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.contracts import Task
from ml.methods.regions.settings import RegionConfig


@dataclass(frozen=True, slots=True)
class MusaConfig(RegionConfig):
    """Settings of ``musa-unet``."""


INFO = RecipeInfo(
    name="musa-unet",
    title="Regions (MUSA-UNet)",
    task=Task.REGION,
    summary="Outlines kinds of tissue to the pixel with a light network that attends to places.",
    source="MUSA-UNet for liver portal tracts, by its abstract (survey reference 8); spatial attention: "
    "Woo et al., CBAM, ECCV (2018).",
    claim="With a fraction of the weights of a plain U-Net, no difference in Dice was measured.",
    needs="Outlined regions of two labels, or of one and a finished region.",
    cost="Minutes on a CPU.",
    quick=False,
    config=MusaConfig,
    class_name="MusaUNet",
    channels=True,
    rank=120,
)
