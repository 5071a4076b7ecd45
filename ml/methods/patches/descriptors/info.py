"""Description, sources and settings of ``descriptors``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue import shared_settings as shared
from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.patches.settings import PatchConfig


@dataclass(frozen=True, slots=True)
class DescriptorsConfig(PatchConfig):
    """Settings of ``descriptors``."""

    penalty: float = shared.penalty()
    kernel: str = setting(
        "rbf",
        "Kernel",
        "linear: logistic regression on the descriptors. rbf: on their Gaussian similarity to "
        "labelled patches, which bends the border between classes.",
        choices=("linear", "rbf"),
    )


INFO = RecipeInfo(
    name="descriptors",
    title="Colour and texture",
    task=Task.PATCH,
    summary="Tells kinds of tissue apart by colour, texture and nuclei. Learns in a second.",
    source="Kather et al., Multi-class texture analysis in colorectal cancer histology, "
    "Scientific Reports 6:27988 (2016), for the kind of descriptors.",
    claim="Beats a random forest on plain colour and texture statistics on colorectal patches "
    "in area under the curve and accuracy.",
    needs="A few marks of two labels, or of one label and a finished region.",
    cost="Seconds on a CPU.",
    quick=True,
    config=DescriptorsConfig,
    class_name="Descriptors",
    rank=10,
)
