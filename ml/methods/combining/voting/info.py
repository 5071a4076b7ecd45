"""Description, sources and settings of ``voting``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.combining.settings import MEMBERS
from ml.methods.patches.settings import PatchConfig


@dataclass(frozen=True, slots=True)
class VotingConfig(PatchConfig):
    """Settings of ``voting``."""

    members: str = setting(
        "descriptors, residual", "Members", f"{MEMBERS}; or model: and the name of an earlier model."
    )
    weights: str = setting(
        "held-out",
        "Weights",
        "equal, or by how well the members do on the held-out part.",
        choices=("held-out", "equal"),
    )


INFO = RecipeInfo(
    name="voting",
    title="Voting",
    task=Task.PATCH,
    summary="Several models vote with their probabilities.",
    source="Soft voting with weights from held-out cases; ten networks against one: Cruz-Roa et al. "
    "and others, as cited in the survey.",
    claim="Should beat its best member in log-loss; no difference was measured.",
    needs="What its members need.",
    cost="The sum of its members.",
    quick=False,
    config=VotingConfig,
    class_name="Voting",
    rank=310,
)
