"""Settings that recipes for patches share. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue.settings import setting

ENCODERS = ("efficientnet-b0", "resnet18", "densenet121", "small")


@dataclass(frozen=True, slots=True)
class PatchConfig:
    """Where patches lie and at which resolution they are read."""

    patch: int = setting(
        224, "Patch side", "Side of the square patches.", unit="px", minimum=16, maximum=1024
    )
    stride: int = setting(
        224,
        "Stride",
        "Distance between the corners of neighbouring patches.",
        unit="px",
        minimum=16,
        maximum=1024,
    )
    mpp: float | None = setting(
        None,
        "Resolution",
        "Resolution at which patches are read; empty means the pixels of the slide as they are.",
        unit="µm/px",
        minimum=0.05,
        maximum=20.0,
    )


@dataclass(frozen=True, slots=True)
class NetworkConfig(PatchConfig):
    """How a network is trained on patches."""

    pixels: int = setting(
        112,
        "Network input",
        "Side to which a patch is reduced before the network sees it.",
        unit="px",
        minimum=32,
        maximum=512,
    )
    epochs: int = setting(20, "Epochs", "Most passes over the training part.", minimum=1, maximum=1000)
    minutes: float = setting(
        20.0,
        "Time budget",
        "Training ends after the epoch in which this time has passed.",
        unit="min",
        minimum=0.05,
        maximum=10_000,
    )
    batch: int = setting(16, "Batch", "Patches per step.", minimum=2, maximum=512)
    learning_rate: float = setting(
        1e-3, "Learning rate", "Highest rate of the schedule.", minimum=1e-6, maximum=1.0
    )
    patience: int = setting(
        6,
        "Patience",
        "Epochs without a better validation loss after which training stops.",
        minimum=1,
        maximum=1000,
    )


@dataclass(frozen=True, slots=True)
class EncoderConfig(NetworkConfig):
    """A network on an encoder that is chosen by name."""

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
