"""Settings that methods for whole slides share."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue import shared_settings as shared
from ml.catalogue.settings import setting

NEEDS = "Slides with a label each, at least a few of every label; no marks on them."
COST = "Seconds to minutes on a CPU, once the tiles are described."


@dataclass(frozen=True, slots=True)
class TilesConfig:
    """Settings of the tiles of a slide and of their encoder."""

    patch: int = shared.side("Tile side", "tiles")
    stride: int = shared.stride("tiles")
    mpp: float | None = shared.resolution("tiles")
    encoder: str = setting(
        "descriptors",
        "Encoder",
        "What describes a tile: descriptors (colour, texture, nuclei), or encoder: and then the name of an "
        "earlier model, as one that learned without labels.",
    )
    scales: str = setting(
        "1",
        "Magnifications",
        "How much wider than a tile is what is looked at around its centre: 1 is the tile alone, 1 2 4 also "
        "its surroundings at half and at a quarter of the magnification.",
        choices=("1", "1 2", "1 2 4"),
    )
    keys: int = setting(
        16, "Key patches", "How many of the heaviest tiles are shown as evidence.", minimum=1, maximum=256
    )


@dataclass(frozen=True, slots=True)
class BagConfig(TilesConfig):
    """Settings of networks over the tiles of a slide."""

    tiles: int = setting(
        1000,
        "Tiles per step",
        "Most tiles of one slide that a training step looks at, drawn anew each time.",
        minimum=8,
        maximum=20_000,
    )
    width: int = setting(128, "Width", "Features of a tile inside the network.", minimum=8, maximum=1024)
    dropout: float = setting(
        0.25,
        "Dropout",
        "Share of features left out at random in training, against learning by heart.",
        minimum=0.0,
        maximum=0.9,
    )
    epochs: int = shared.epochs(60)
    minutes: float = shared.time_budget()
    batch: int = shared.batch(4, "Slides")
    learning_rate: float = shared.learning_rate(1e-3)
    patience: int = shared.patience(15)


@dataclass(frozen=True, slots=True)
class TransformerConfig(BagConfig):
    """Settings of ``transmil``."""

    heads: int = setting(8, "Heads", "Most heads of attention.", minimum=1, maximum=32)
