"""Settings of recipes that answer about a whole slide."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue import shared_settings as shared
from ml.catalogue.settings import setting


@dataclass(frozen=True, slots=True)
class TilesConfig:
    """How a slide is cut into tiles, and how a tile becomes numbers."""

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
class AttentionConfig(BagConfig):
    """Settings of ``abmil``."""

    pooling: str = setting(
        "attention",
        "Pooling",
        "How tiles become one answer: by learned weights (attention), all alike (mean), or by the highest "
        "alone (max). The last two are there to compare with.",
        choices=("attention", "mean", "max"),
    )


@dataclass(frozen=True, slots=True)
class ClamConfig(BagConfig):
    """Settings of ``clam``."""

    branches: str = setting(
        "single",
        "Branches",
        "single: one map of attention. multiple: one map for every label.",
        choices=("single", "multiple"),
    )
    instances: int = setting(
        8,
        "Instances",
        "How many of the heaviest, and of the lightest, tiles must look alike.",
        minimum=1,
        maximum=256,
    )
    exclusive: bool = setting(
        True,
        "Labels exclude each other",
        "The heaviest tiles of one label are then examples against the others.",
    )
    instance_loss: str = setting(
        "cross-entropy",
        "Instance loss",
        "How tiles are told apart: cross-entropy, or a smooth support vector machine.",
        choices=("cross-entropy", "svm"),
    )


@dataclass(frozen=True, slots=True)
class DualStreamConfig(BagConfig):
    """Settings of ``dsmil``."""

    average: bool = setting(
        False,
        "Average the streams",
        "Whether the critical tile has half of the say; else the slide's features decide alone.",
    )


@dataclass(frozen=True, slots=True)
class TransformerConfig(BagConfig):
    """Settings of ``transmil``."""

    heads: int = setting(8, "Heads", "Most heads of attention.", minimum=1, maximum=32)


@dataclass(frozen=True, slots=True)
class SlideTransformerConfig(TransformerConfig):
    """Settings of ``wt``."""

    layers: int = setting(4, "Layers", "Layers of the transformer.", minimum=1, maximum=24)
    types: str = setting(
        "probabilities",
        "Tissue types",
        "Whether a tile's token carries all types by their probability, or the likeliest alone.",
        choices=("probabilities", "likeliest"),
    )


@dataclass(frozen=True, slots=True)
class RecurrentConfig(BagConfig):
    """Settings of ``recurrent``."""

    top: int = setting(20, "Tiles read", "How many tiles are read in order.", minimum=1, maximum=500)
    hidden: int = setting(128, "State", "Size of the recurrent state.", minimum=8, maximum=1024)


@dataclass(frozen=True, slots=True)
class SparseAttentionConfig(BagConfig):
    """Settings of ``ssmil``."""

    epochs: int = setting(
        120,
        "Epochs",
        "Most passes over the training part: half with soft weights, half with sparse ones.",
        minimum=2,
        maximum=5000,
    )
    patience: int = setting(
        40,
        "Patience",
        "Epochs without a better validation loss after which either half stops.",
        minimum=1,
        maximum=5000,
    )

    choice: str = setting(
        "sparsemax",
        "Choice",
        "How key patches are chosen: as many as needed (sparsemax), or a fixed number (top).",
        choices=("sparsemax", "top"),
    )
    top: int = setting(
        32, "Number", "How many key patches there are when their number is fixed.", minimum=1, maximum=1024
    )
    heat: float = setting(
        1.0, "Softness", "Higher spreads the weight over more patches.", minimum=0.01, maximum=100.0
    )
    neighbours: bool = setting(
        True,
        "Neighbours count",
        "Whether a patch is judged together with the eight around it. Without that, sparse choice "
        "falls for single look-alikes.",
    )
    smoothness: float = setting(
        0.1,
        "Smoothness",
        "Strength of the penalty on different weights of neighbouring patches.",
        minimum=0.0,
        maximum=100.0,
    )
    entropy_floor: float = setting(
        0.0,
        "Least spread",
        "Entropy of the weights below which training is penalised, 0 for none.",
        unit="nat",
        minimum=0.0,
        maximum=10.0,
    )


@dataclass(frozen=True, slots=True)
class SparseConvConfig(BagConfig):
    """Settings of ``sparseconv``."""

    channels: int = setting(
        32, "Channels", "Channels of the convolutions over the map.", minimum=4, maximum=512
    )
    pool: str = setting(
        "mean",
        "Pooling",
        "Whether the mean of all places decides, or the highest of them.",
        choices=("mean", "max"),
    )
    vary: bool = setting(
        True, "Vary the map", "Turn and mirror the map and move single tiles while learning."
    )


@dataclass(frozen=True, slots=True)
class MeanTeacherConfig(BagConfig):
    """Settings of ``semimil``."""

    decay: float = setting(
        0.99, "Decay", "How slowly the teacher follows the student.", minimum=0.5, maximum=0.9999
    )
    consistency: float = setting(
        1.0, "Consistency", "Weight of agreement on slides without a label.", minimum=0.0, maximum=100.0
    )
    ramp: float = setting(
        0.3, "Ramp-up", "Share of training over which that weight rises.", minimum=0.0, maximum=1.0
    )
    sure: float = setting(
        0.95,
        "Sure",
        "Probability from which the teacher's answer counts as a label.",
        minimum=0.5,
        maximum=1.0,
    )


@dataclass(frozen=True, slots=True)
class BarcodeConfig(TilesConfig):
    """Settings of ``barcode``."""

    clusters: int = setting(32, "Kinds", "How many kinds of tiles are told apart.", minimum=2, maximum=1024)
    penalty: float = shared.penalty()


@dataclass(frozen=True, slots=True)
class ContrastiveConfig(BagConfig):
    """Settings of ``contrastive-mil``."""

    contrast_epochs: int = setting(
        60, "Epochs without labels", "Passes in which slides are contrasted.", minimum=0, maximum=5000
    )
    subset: int = setting(
        256, "Tiles of a view", "Tiles of each of the two views of a slide.", minimum=1, maximum=4096
    )
    slides: int = setting(
        32, "Slides contrasted", "How many slides are contrasted with each other.", minimum=2, maximum=512
    )
    temperature: float = setting(
        0.2, "Temperature", "Lower looks at the likest slides more.", minimum=0.01, maximum=10.0
    )
    projection: int = setting(
        128, "Projection", "Size of the vectors that are contrasted.", minimum=8, maximum=1024
    )
    then: str = setting(
        "probe",
        "Then",
        "probe: only the last layer learns from labels. finetune: everything does.",
        choices=("probe", "finetune"),
    )


@dataclass(frozen=True, slots=True)
class FusionConfig(BagConfig):
    """Settings of ``fusion``."""

    answer: str = setting(
        "label",
        "Answer",
        "label: what the slide is. cox: how the risk of the patient compares with that of others. hazards: "
        "the same by intervals of time.",
        choices=("label", "cox", "hazards"),
    )
    how: str = setting(
        "kronecker",
        "Fusion",
        "late: each side answers, the answers are weighed. early: both sides' features are joined. "
        "kronecker: every feature of one side meets every one of the other.",
        choices=("late", "early", "kronecker"),
    )
    compare: bool = setting(
        True,
        "Compare",
        "Also learn from the image alone and from the clinical fields alone, to show the gain.",
    )
    forget: float = setting(
        0.3,
        "Forgetting",
        "Share of training steps in which nothing clinical is known, so that the image alone stays usable.",
        minimum=0.0,
        maximum=0.9,
    )
    intervals: int = setting(
        8, "Intervals", "Intervals of time of the hazards, with as many events each.", minimum=2, maximum=50
    )
    batch: int = setting(
        16, "Batch", "Slides per step; survival is compared among those.", minimum=2, maximum=512
    )
