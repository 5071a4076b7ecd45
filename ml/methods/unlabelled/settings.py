"""Settings that methods without labels share."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue import shared_settings as shared
from ml.catalogue.settings import setting
from ml.methods.patches.settings import EncoderConfig

NEEDS = "Slides or tiles without labels, hundreds of tiles; a few labels, where it should name something."


@dataclass(frozen=True, slots=True)
class SimilarityConfig(EncoderConfig):
    """Settings of encoders that learn from tiles without labels."""

    encoder: str = setting(
        "small",
        "Encoder",
        "The network that looks at the pixels; small is for few tiles and slow machines.",
        choices=("small", "resnet18", "densenet121", "efficientnet-b0"),
    )
    tiles: int = setting(
        4000,
        "Tiles",
        "Most tiles that are learned from without labels, drawn from all slides and images.",
        minimum=8,
        maximum=200_000,
    )
    view_epochs: int = setting(
        30, "Epochs without labels", "Passes over those tiles.", minimum=1, maximum=5000
    )
    group: int = setting(
        64, "Tiles compared", "How many tiles are compared with each other.", minimum=2, maximum=2048
    )
    projection: int = setting(
        128, "Projection", "Size of the vectors that are compared.", minimum=8, maximum=4096
    )
    least: float = setting(
        0.4, "Smallest view", "Least share of a tile that a view shows.", minimum=0.05, maximum=1.0
    )
    blur: float = setting(0.3, "Blur", "Share of views that are blurred.", minimum=0.0, maximum=1.0)
    mode: str = setting(
        "linear probe",
        "Mode",
        "linear probe: only the last layer learns from labels, within seconds. partial: also the upper "
        "stages. full: all, the lower stages more slowly.",
        choices=("linear probe", "partial", "full"),
    )
    trained: int = shared.trained_stages()
    decay: float = shared.rate_per_stage()
    anchor: float = setting(
        0.0,
        "Anchor",
        "Penalty on leaving what was learned without labels (L2-SP); 0 switches it off.",
        minimum=0.0,
        maximum=100.0,
    )
    beside: bool = setting(
        False,
        "From scratch beside it",
        "Also train the same network from scratch on the labels, and note how both do on the held-out part.",
    )

    @property
    def source(self) -> str:
        """Return the setting of the source of the encoder's weights."""
        return "tiles without labels"
