"""Description, sources and settings of ``multitask``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.patches.settings import EncoderConfig


@dataclass(frozen=True, slots=True)
class MultiTaskConfig(EncoderConfig):
    """Settings of ``multitask``."""

    facets: str = setting(
        "",
        "What labels say",
        "label=type/grade/property for each label, separated by semicolons: grade 1 to 9, property yes or "
        "no, - where the label leaves it open.",
    )


INFO = RecipeInfo(
    name="multitask",
    title="Several tasks at once",
    task=Task.PATCH,
    summary="Learns type, grade and a property together, also from labels that leave some of them open.",
    source="Kendall, Gal and Cipolla, CVPR (2018), for the weights of the tasks; ordinal logits: "
    "McCullagh, JRSS B 42:109 (1980).",
    claim="Labels without a grade raise the balanced accuracy of a network that has few graded ones.",
    needs="Labels of which some say more than others, and a line that says what each means.",
    cost="Minutes on a CPU.",
    quick=False,
    config=MultiTaskConfig,
    class_name="MultiTask",
    channels=True,
    rank=70,
)
