"""Description, sources and settings of ``semimil``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.slides.settings import COST, NEEDS, BagConfig


@dataclass(frozen=True, slots=True)
class MeanTeacherConfig(BagConfig):
    """Settings of ``semimil``."""

    decay: float = setting(
        0.99, "Decay", "How slowly the teacher follows the student.", minimum=0.5, maximum=0.9999
    )
    consistency: float = setting(
        1.0, "Consistency", "Weight of agreement on slides without a label.", minimum=0.0, maximum=100.0
    )
    ramp: float = setting(
        0.3, "Ramp-up", "Share of training over which that weight rises.", minimum=0.0, maximum=1.0
    )
    sure: float = setting(
        0.95,
        "Sure",
        "Probability from which the teacher's answer counts as a label.",
        minimum=0.5,
        maximum=1.0,
    )


INFO = RecipeInfo(
    name="semimil",
    title="Slides without a label too",
    task=Task.SLIDE,
    summary="Learns from a few labelled slides and from many of which nothing is known.",
    source="Tarvainen and Valpola, Mean teachers are better role models, NeurIPS (2017); Sohn et "
    "al., FixMatch, NeurIPS (2020).",
    claim="Should beat attention trained on the labelled slides alone in area under the curve; no "
    "difference was measured.",
    needs=NEEDS,
    cost=COST,
    quick=False,
    config=MeanTeacherConfig,
    class_name="MeanTeacherBags",
    rank=260,
)
