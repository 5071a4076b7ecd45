"""Description, sources and settings of ``sa-mil``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.regions.settings import RegionConfig


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


INFO = RecipeInfo(
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
    rank=130,
)
