"""Description, sources and settings of ``multiscale``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.patches.settings import EncoderConfig


@dataclass(frozen=True, slots=True)
class MultiScaleConfig(EncoderConfig):
    """Settings of ``multiscale``."""

    scales: int = setting(
        3,
        "Magnifications",
        "How many views there are with the same centre, each twice as wide as the one before.",
        minimum=2,
        maximum=3,
    )
    fusion: str = setting(
        "concat",
        "Fusion",
        "How the views are joined: side by side, averaged, or weighed for each place.",
        choices=("concat", "mean", "gated"),
    )
    shared: bool = setting(
        False,
        "One encoder",
        "Look at all magnifications with the same encoder, which learns from all of them.",
    )


INFO = RecipeInfo(
    name="multiscale",
    title="Several magnifications",
    task=Task.PATCH,
    summary="Looks at each place near and from afar, and joins what it sees.",
    source="Multi-scale classification as in D'Amato et al., cited by the survey; gated attention: "
    "Ilse, Tomczak and Welling, ICML (2018).",
    claim="Beats the best single magnification in macro F1 where the answer needs cells and their "
    "surroundings.",
    needs="Labelled patches on slides, or images wider than the widest view.",
    cost="Minutes on a CPU; as many times the cost of one network as there are magnifications.",
    quick=False,
    config=MultiScaleConfig,
    class_name="MultiScale",
    channels=True,
    rank=60,
)
