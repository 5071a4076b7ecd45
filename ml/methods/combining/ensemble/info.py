"""Description, sources and settings of ``ensemble``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.combining.settings import HeadConfig


@dataclass(frozen=True, slots=True)
class EnsembleConfig(HeadConfig):
    """Settings of ``ensemble``."""

    members: int = setting(5, "Heads", "How many heads there are.", minimum=2, maximum=50)
    uncertainty: str = setting(
        "mutual information",
        "Uncertainty",
        "What is shown as uncertainty: disagreement of the heads, entropy of their mean, or their deviation.",
        choices=("mutual information", "entropy", "deviation"),
    )


INFO = RecipeInfo(
    name="ensemble",
    title="Ensemble of heads",
    task=Task.PATCH,
    summary="Several heads over stored features; where they disagree, a person should look.",
    source="Lakshminarayanan, Pritzel and Blundell, Deep ensembles, NeurIPS (2017).",
    claim="Should lower the log-loss of a single such head; no difference was measured.",
    needs="A few dozen labelled patches.",
    cost="Seconds on a CPU.",
    quick=False,
    config=EnsembleConfig,
    class_name="Ensemble",
    rank=330,
)
