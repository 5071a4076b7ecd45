"""Recipes that find objects."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue import shared_settings as shared
from ml.catalogue.info import RecipeInfo, ToolInfo
from ml.catalogue.settings import setting
from ml.contracts import Task


@dataclass(frozen=True, slots=True)
class NucleiConfig:
    """Settings of ``nuclei``, and of all others that outline nuclei."""

    mpp: float | None = shared.resolution("pixels")
    crop: int = shared.training_crop()
    tile: int = shared.window()
    width: int = shared.finest_width()
    steps: int = shared.training_steps(1200)
    minutes: float = shared.time_budget()
    batch: int = shared.batch(8, "Crops")
    learning_rate: float = shared.learning_rate(3e-3)
    smallest: int = setting(
        20,
        "Smallest object",
        "Objects of fewer pixels are dropped.",
        unit="px",
        minimum=1,
        maximum=10_000,
    )


@dataclass(frozen=True, slots=True)
class HoverNetConfig(NucleiConfig):
    """Settings of ``hovernet``, whose network takes one size of crop only."""

    crop: int = setting(256, "Crop", "Side of a training crop.", unit="px", minimum=256, maximum=256)
    width: int = setting(64, "Width", "Channels of the finest level, as published.", minimum=64, maximum=64)
    batch: int = shared.batch(2, "Crops")
    learning_rate: float = shared.learning_rate(3e-4)


@dataclass(frozen=True, slots=True)
class PointsConfig(NucleiConfig):
    """Settings of ``points``."""

    steps: int = shared.training_steps(600)
    reach: int = setting(
        10,
        "Reach",
        "Two points nearer than half of this are one; a point this near to a marked one is right.",
        unit="px",
        minimum=1,
        maximum=200,
    )
    counted_from: float = setting(
        0.0,
        "Counted from",
        "Objects whose longest axis is shorter count for nothing when the model is measured: 275 leaves "
        "isolated tumour cells out, as CAMELYON16 does; 0 counts all. Needs a resolution.",
        unit="µm",
        minimum=0.0,
        maximum=10_000.0,
    )


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


RECIPES: tuple[RecipeInfo, ...] = (
    RecipeInfo(
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
    ),
    RecipeInfo(
        name="nuclei-hv",
        title="Nuclei (by offsets)",
        task=Task.OBJECT,
        summary="Outlines every nucleus with a light network that says where in its nucleus a pixel lies.",
        source="Graham et al., HoVer-Net, Medical Image Analysis 58:101563 (2019), on a plain U-Net.",
        claim="Parts nuclei better than connected dark areas, in aggregated Jaccard index on H&E crops; "
        "beside nuclei by depth no difference was measured.",
        needs="Finished regions in which every nucleus is outlined, or images with masks.",
        cost="Minutes on a CPU.",
        quick=False,
        config=NucleiConfig,
        class_name="NucleiHV",
        channels=True,
    ),
    RecipeInfo(
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
    ),
    RecipeInfo(
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
    ),
    RecipeInfo(
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
    ),
)

TOOLS: tuple[ToolInfo, ...] = (
    ToolInfo(
        name="nucleus-clusters",
        title="Clusters of nuclei",
        group="objects",
        summary="Joins nuclei to clusters, says how each is shaped, groups them, and tells grades by them.",
        source="Survey reference 12, on prostate; minimum spanning tree within the Delaunay triangulation; "
        "K-medoids: Park and Jun, Expert Systems with Applications 36:3336 (2009).",
        claim="Finds clusters of any outline better than k-means that is told their number.",
    ),
    ToolInfo(
        name="slide-features",
        title="Numbers of a slide",
        group="objects",
        summary="Counts tumour cells and lymphocytes, their spread and nuclear grade, and fits a score "
        "to them.",
        source="Survey reference 5, on breast cancer: derived features and linear regression.",
        claim="Tells a score that depends on immune cells and grade better than tumour cells alone.",
    ),
)
