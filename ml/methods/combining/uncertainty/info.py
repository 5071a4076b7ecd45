"""Description, sources and settings of ``uncertainty``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.combining.settings import HeadConfig


@dataclass(frozen=True, slots=True)
class UncertaintyConfig(HeadConfig):
    """Settings of ``uncertainty``."""

    dropout: float = setting(
        0.1, "Dropout", "Share of hidden numbers left out in training and in each pass.",
        minimum=0.01, maximum=0.9,
    )  # fmt: skip
    passes: int = setting(30, "Passes", "How often each patch is judged.", minimum=2, maximum=200)
    patches: int = setting(
        500,
        "Patches per slide",
        "Most patches that are learned from of a slide that has a label and no marks.",
        minimum=10,
        maximum=100_000,
    )


INFO = RecipeInfo(
    name="uncertainty",
    title="Uncertainty-informed prediction",
    task=Task.PATCH,
    summary="Leaves out patches that it doubts, and refers slides that it doubts to a person.",
    source="Dolezal et al., Nature Communications 13:6572 (2022).",
    claim="The patches that it keeps have a higher area under the curve than all patches.",
    needs="Labelled patches of several cases of each label, or slides with labels.",
    cost="A minute on a CPU; sixteen small trainings on stored features.",
    quick=False,
    config=UncertaintyConfig,
    class_name="Uncertainty",
    rank=360,
)
