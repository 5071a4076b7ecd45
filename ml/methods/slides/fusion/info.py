"""Description, sources and settings of ``fusion``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.slides.settings import COST, BagConfig


@dataclass(frozen=True, slots=True)
class FusionConfig(BagConfig):
    """Settings of ``fusion``."""

    answer: str = setting(
        "label",
        "Answer",
        "label: what the slide is. cox: how the risk of the patient compares with that of others. hazards: "
        "the same by intervals of time.",
        choices=("label", "cox", "hazards"),
    )
    how: str = setting(
        "kronecker",
        "Fusion",
        "late: each side answers, the answers are weighed. early: both sides' features are joined. "
        "kronecker: every feature of one side meets every one of the other.",
        choices=("late", "early", "kronecker"),
    )
    compare: bool = setting(
        True,
        "Compare",
        "Also learn from the image alone and from the clinical fields alone, to show the gain.",
    )
    forget: float = setting(
        0.3,
        "Forgetting",
        "Share of training steps in which nothing clinical is known, so that the image alone stays usable.",
        minimum=0.0,
        maximum=0.9,
    )
    intervals: int = setting(
        8, "Intervals", "Intervals of time of the hazards, with as many events each.", minimum=2, maximum=50
    )
    batch: int = setting(
        16, "Batch", "Slides per step; survival is compared among those.", minimum=2, maximum=512
    )


INFO = RecipeInfo(
    name="fusion",
    title="Slide and clinical fields",
    task=Task.SLIDE,
    summary="Joins what a slide shows with what is known of the patient, for a label or for survival.",
    source="Chen et al., Pathomic Fusion, IEEE Transactions on Medical Imaging 41(4):757 (2022); "
    "Cox, Journal of the Royal Statistical Society B 34:187 (1972); Gensheimer and Narasimhan, "
    "PeerJ 7:e6257 (2019).",
    claim="Beats the image alone where both matter, in area under the curve and in concordance; "
    "beside the clinical fields alone no difference was measured.",
    needs="Slides with a label each, or cases with months of follow-up and whether the event was "
    "seen; clinical fields, which may be missing.",
    cost=COST,
    quick=False,
    config=FusionConfig,
    class_name="Fusion",
    rank=300,
)
