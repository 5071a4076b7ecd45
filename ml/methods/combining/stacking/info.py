"""Description, sources and settings of ``stacking``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.combining.settings import MEMBERS
from ml.methods.patches.settings import PatchConfig


@dataclass(frozen=True, slots=True)
class StackingConfig(PatchConfig):
    """Settings of ``stacking``."""

    members: str = setting("descriptors, residual", "Members", f"{MEMBERS}.")
    folds: int = setting(
        4, "Folds", "How often the members are trained to learn what they say of unseen cases.",
        minimum=2, maximum=10,
    )  # fmt: skip
    penalty: float = setting(
        1.0, "Penalty", "Strength of the L2 penalty of the regression.", minimum=1e-4, maximum=1e4
    )


INFO = RecipeInfo(
    name="stacking",
    title="Stacking",
    task=Task.PATCH,
    summary="A regression learns how far to trust each of several models.",
    source="Wolpert, Stacked generalization, Neural Networks 5:241 (1992).",
    claim="Should beat its best member in log-loss; no difference was measured.",
    needs="What its members need, and as many cases as folds.",
    cost="The sum of its members, once per fold and once more.",
    quick=False,
    config=StackingConfig,
    class_name="Stacking",
    rank=320,
)
