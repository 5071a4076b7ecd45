"""Settings that methods over several models share."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue import shared_settings as shared
from ml.catalogue.settings import setting
from ml.methods.patches.settings import PatchConfig

MEMBERS = (
    "Recipes with settings in brackets, as in convolutional(encoder=small; epochs=9), separated by commas"
)
ENCODERS = ("resnet18", "efficientnet-b0", "densenet121", "small")


@dataclass(frozen=True, slots=True)
class HeadConfig(PatchConfig):
    """Settings of the training of heads on stored features."""

    encoder: str = setting(
        "descriptors",
        "Encoder",
        "What describes a patch: descriptors (colour, texture, nuclei), or encoder: and then the name of an "
        "earlier model.",
    )
    hidden: int = setting(64, "Hidden numbers", "Width of the hidden layer.", minimum=4, maximum=2048)
    epochs: int = shared.epochs(60)
    minutes: float = shared.time_budget(10.0)
    batch: int = shared.batch(64, "Patches", least=2)
    learning_rate: float = shared.learning_rate(2e-3)
    patience: int = shared.patience(10)
