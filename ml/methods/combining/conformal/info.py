"""Description, sources and settings of ``conformal``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task


@dataclass(frozen=True, slots=True)
class ConformalConfig:
    """Settings of ``conformal``."""

    source: str = setting("", "Model", "Name of the earlier model whose answers become sets.")
    error: float = setting(
        0.1, "Error", "Share of sets that may miss the true label.", minimum=0.001, maximum=0.5
    )


INFO = RecipeInfo(
    name="conformal",
    title="Sets with a promise",
    task=Task.PATCH,
    summary="Tells a label only where it is the only likely one; promises how often the truth is "
    "among the likely ones.",
    source="Split conformal prediction: Sadinle, Lei and Wasserman, Journal of the American "
    "Statistical Association 114:223 (2019).",
    claim="Sets hold the true label at least as often as promised.",
    needs="An earlier model for the same labels, and a validation part that it did not learn from.",
    cost="Seconds; then the cost of the model.",
    quick=False,
    config=ConformalConfig,
    class_name="Conformal",
    rank=370,
)
