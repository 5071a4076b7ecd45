"""Description, sources and settings of ``unet``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.regions.settings import RegionConfig


@dataclass(frozen=True, slots=True)
class UNetConfig(RegionConfig):
    """Settings of ``unet``."""

    kind: str = setting(
        "basic",
        "Network",
        "basic: a plain U-Net. residual: with skip connections inside each level. attention: skips are "
        "weighed by what lies below. plusplus: nested skips. segresnet: residual with few skips.",
        choices=("basic", "residual", "attention", "plusplus", "segresnet"),
    )


INFO = RecipeInfo(
    name="unet",
    title="Regions (U-Net)",
    task=Task.REGION,
    summary="Outlines kinds of tissue to the pixel. What nobody outlined is not taken for background.",
    source="Ronneberger et al., U-Net, MICCAI (2015); networks and sliding windows: MONAI; Dice loss: "
    "Milletari et al., 3DV (2016).",
    claim="Leaving unlabelled pixels out beats taking them for background, in Dice, where regions are "
    "outlined sparsely.",
    needs="Outlined regions of two labels, or of one and a finished region.",
    cost="Minutes on a CPU.",
    quick=False,
    config=UNetConfig,
    class_name="UNet",
    channels=True,
    rank=110,
)
