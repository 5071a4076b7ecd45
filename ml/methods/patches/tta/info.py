"""Description, sources and settings of ``tta``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task


@dataclass(frozen=True, slots=True)
class AveragedConfig:
    """Settings of ``tta``."""

    source: str = setting("", "Model", "Name of the earlier model that is asked.")
    mode: str = setting(
        "dihedral",
        "Changes",
        "dihedral: the eight turns and mirrorings of the square, exact. random: turns by any angle.",
        choices=("dihedral", "random"),
    )
    draws: int = setting(16, "Draws", "How many random changes.", minimum=2, maximum=100)
    stain: float = setting(
        0.0,
        "Stain variation",
        "Reach by which stains are varied in random changes.",
        minimum=0.0,
        maximum=0.9,
    )
    dropout: bool = setting(
        False, "Dropout", "Leave out parts of the network at random in each answer (Monte Carlo dropout)."
    )
    uncertainty: str = setting(
        "entropy",
        "Uncertainty",
        "What is shown as uncertainty: entropy of the mean, disagreement of the answers, or their deviation.",
        choices=("entropy", "mutual information", "deviation"),
    )


INFO = RecipeInfo(
    name="tta",
    title="Test-time averaging",
    task=Task.PATCH,
    summary="Asks an earlier model about turned and mirrored patches, and averages its answers.",
    source="Monte Carlo test-time averaging, as the survey describes MC-ViT; uncertainty: Wang et "
    "al., Neurocomputing 338:34 (2019).",
    claim="Lowers the log-loss of the model that it asks.",
    needs="An earlier model that answers about patches, for the same labels.",
    cost="No training; eight times the cost of the model at prediction.",
    quick=False,
    config=AveragedConfig,
    class_name="Averaged",
    rank=90,
)
