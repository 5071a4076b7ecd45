"""Recipes that say of each pixel what it is."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue import shared_settings as shared
from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task


@dataclass(frozen=True, slots=True)
class RegionConfig:
    """Settings of every recipe of regions."""

    mpp: float | None = shared.resolution("pixels", "Large regions are seen best at 1 to 4.")
    unlabelled: str = setting(
        "ignored",
        "Unlabelled tissue",
        "What nobody outlined and nobody declared finished. ignored: it teaches nothing. background: it "
        "counts as none of the labels, which is right only where everything is outlined.",
        choices=("ignored", "background"),
    )
    crop: int = shared.training_crop()
    tile: int = shared.window()
    width: int = shared.finest_width()
    steps: int = shared.training_steps(400)
    minutes: float = shared.time_budget()
    batch: int = shared.batch(8, "Crops")
    learning_rate: float = shared.learning_rate(3e-3)
    finest: int = setting(
        4,
        "Detail of outlines",
        "Outlines follow cells of this side; on large slides they are coarser, to bound the memory.",
        unit="px",
        minimum=1,
        maximum=64,
    )
    smallest: int = setting(
        400,
        "Smallest region",
        "Regions of fewer pixels are dropped.",
        unit="px",
        minimum=1,
        maximum=100_000_000,
    )


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


@dataclass(frozen=True, slots=True)
class MusaConfig(RegionConfig):
    """Settings of ``musa-unet``."""


@dataclass(frozen=True, slots=True)
class SaMilConfig(RegionConfig):
    """Settings of ``sa-mil``."""

    nothing: str | None = setting(
        None,
        "Label of nothing",
        "The label of tiles that hold none of what is looked for, such as normal; empty where there is none.",
    )
    attention: str = setting(
        "3",
        "Attention",
        "Which of the three stages attend along rows and columns. Earlier ones let the label of a tile leak "
        "to every pixel, unless they start from good weights.",
        choices=("none", "3", "2 and 3", "all"),
    )
    attn_norm: str = setting(
        "criss_cross",
        "Normalisation of attention",
        "criss_cross: over the places that a pixel attends to. published: as in the published code, over the "
        "rows of the image.",
        choices=("criss_cross", "published"),
    )
    area: float | None = setting(
        None,
        "Largest area",
        "The share of a tile that a label can cover at most, where a pathologist can say so; empty: any.",
        minimum=0.01,
        maximum=1.0,
    )
    outlined: int = setting(
        10,
        "Outlined tiles",
        "How many tiles that are outlined to the pixel choose the threshold. Without any, it is the one that "
        "hardly any pixel of empty tiles passes.",
        minimum=0,
        maximum=1000,
    )


RECIPES: tuple[RecipeInfo, ...] = (
    RecipeInfo(
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
    ),
    RecipeInfo(
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
    ),
    RecipeInfo(
        name="sa-mil",
        title="Regions from tile labels (SA-MIL)",
        task=Task.REGION,
        summary="Outlines what whole tiles are labelled with, without anybody drawing it.",
        source="Li et al., Medical Image Analysis 86:102791 (2023); criss-cross attention: Huang et al., "
        "CCNet, ICCV (2019).",
        claim="Outlines lesions from labels of tiles alone with an F1 of pixels of about 0.75 on phantoms; "
        "beside the same network without attention no difference was measured.",
        needs="Tiles or regions labelled as a whole, some without; a few outlined ones for the threshold.",
        cost="Minutes to an hour on a CPU.",
        quick=False,
        config=SaMilConfig,
        class_name="SaMil",
    ),
)
