"""Description, sources and settings of ``paint``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue import shared_settings as shared
from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.regions.settings import detail_of_outlines, smallest_region, unlabelled_tissue


@dataclass(frozen=True, slots=True)
class PaintConfig:
    """Settings of ``paint``."""

    encoder: str = setting(
        "efficientnet-lite0",
        "Encoder",
        "The network that describes the tissue. It was trained on photographs and does not learn here.",
        choices=("efficientnet-lite0", "efficientnet-lite2"),
    )
    mpp_if_known: float = setting(
        1.0,
        "Resolution",
        "Resolution at which pixels are read. Images, and slides of unknown resolution, are read as they "
        "are.",
        unit="µm/px",
        minimum=0.05,
        maximum=20.0,
    )
    unlabelled: str = unlabelled_tissue()
    penalty: float = shared.penalty()
    edge: int = setting(
        6,
        "Reach of edges",
        "Outlines move by up to this much to follow edges in the picture.",
        unit="px",
        minimum=1,
        maximum=32,
    )
    finest: int = detail_of_outlines()
    smallest: int = smallest_region()


INFO = RecipeInfo(
    name="paint",
    title="Regions from strokes (Paint)",
    task=Task.REGION,
    summary="Outlines kinds of tissue after a few strokes of the brush, along the edges of the tissue.",
    source="Tan and Le, EfficientNet, ICML (2019), trained on ImageNet; joined maps: Hariharan et al., "
    "Hypercolumns, CVPR (2015); edges: He et al., Guided image filtering, ECCV (2010).",
    claim="Holds on tiles of another collection, where hand-made descriptors do not.",
    needs="Strokes, points, outlines or labelled tiles of two labels, or of one and a finished region.",
    cost="Seconds to minutes on a CPU.",
    quick=False,
    config=PaintConfig,
    class_name="Paint",
    rank=5,
)
