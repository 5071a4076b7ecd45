"""Settings that methods for patches share."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue import shared_settings as shared
from ml.catalogue.settings import setting

ENCODERS = ("efficientnet-b0", "resnet18", "densenet121", "small")


@dataclass(frozen=True, slots=True)
class PatchConfig:
    """Settings of the patch grid and of the resolution at which patches are read."""

    patch: int = shared.side("Patch side", "patches")
    stride: int = shared.stride("patches")
    mpp: float | None = shared.resolution("patches")


@dataclass(frozen=True, slots=True)
class NetworkConfig(PatchConfig):
    """Settings of the training of a network on patches."""

    pixels: int = setting(
        112,
        "Network input",
        "Side to which a patch is reduced before the network sees it.",
        unit="px",
        minimum=32,
        maximum=512,
    )
    epochs: int = shared.epochs(20)
    minutes: float = shared.time_budget()
    batch: int = shared.batch(16, "Patches", least=2)
    learning_rate: float = shared.learning_rate(1e-3)
    patience: int = shared.patience(6)


@dataclass(frozen=True, slots=True)
class EncoderConfig(NetworkConfig):
    """Settings of a network on an encoder that is chosen by name."""

    encoder: str = setting(
        "efficientnet-b0",
        "Encoder",
        "The network that looks at the pixels; small is for few labels and slow machines.",
        choices=ENCODERS,
    )
    stain: float = setting(
        0.2,
        "Stain variation",
        "Reach by which the strength of each stain is varied in training.",
        minimum=0.0,
        maximum=0.9,
    )
