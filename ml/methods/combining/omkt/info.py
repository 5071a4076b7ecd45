"""Description, sources and settings of ``omkt``. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.info import RecipeInfo
from ml.catalogue.settings import setting
from ml.contracts import Task
from ml.methods.combining.settings import ENCODERS
from ml.methods.patches.settings import EncoderConfig


@dataclass(frozen=True, slots=True)
class TransferPairConfig(EncoderConfig):
    """Settings of ``omkt``."""

    second: str = setting(
        "resnet18", "Second encoder", "The encoder of the second network.", choices=ENCODERS
    )
    heat: float = setting(
        3.0, "Softening", "Temperature at which networks teach each other.", minimum=1.0, maximum=20.0
    )
    alpha: float = setting(
        0.5, "Mutual teaching", "Weight of what the two networks teach each other.", minimum=0.0, maximum=10.0
    )
    beta: float = setting(
        0.5, "Joint teaching", "Weight of what their joint answer teaches.", minimum=0.0, maximum=10.0
    )
    warm_up: int = setting(5, "Warm-up", "Epochs before teaching starts.", minimum=0, maximum=1000)


INFO = RecipeInfo(
    name="omkt",
    title="Mutual transfer with feature fusion",
    task=Task.PATCH,
    summary="Two kinds of network teach each other; their joined features answer.",
    source="MF-OMKT, Artificial Intelligence in Medicine (2022), and EFML, Biomedical Signal "
    "Processing and Control (2023), reconstructed from their abstracts.",
    claim="Beats one of its networks trained alone, in log-loss.",
    needs="Hundreds of labelled patches.",
    cost="Minutes to hours on a CPU; the sum of both networks.",
    quick=False,
    config=TransferPairConfig,
    class_name="MutualTransfer",
    channels=True,
    rank=350,
)
