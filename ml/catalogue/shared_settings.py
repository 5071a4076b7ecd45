"""Settings that several recipes share, each with one label and one range. Free of torch."""

from __future__ import annotations

from typing import Any

from ml.catalogue.settings import setting


def side(title: str, of: str) -> Any:
    """Return the setting of the side of patches or tiles (``of``)."""
    return setting(224, title, f"Side of the square {of}.", unit="px", minimum=16, maximum=1024)


def stride(of: str) -> Any:
    """Return the setting of the distance between neighbouring patches or tiles (``of``)."""
    return setting(
        224,
        "Stride",
        f"Distance between the corners of neighbouring {of}.",
        unit="px",
        minimum=16,
        maximum=1024,
    )


def resolution(of: str, hint: str = "") -> Any:
    """Return the setting of the resolution at which patches, tiles or pixels (``of``) are read."""
    description = f"Resolution at which {of} are read; empty means the pixels of the slide as they are."
    return setting(
        None, "Resolution", f"{description} {hint}".strip(), unit="µm/px", minimum=0.05, maximum=20.0
    )


def training_crop() -> Any:
    """Return the setting of the side of the crops that a segmentation network is trained on."""
    return setting(128, "Crop", "Side of a training crop.", unit="px", minimum=64, maximum=512)


def window() -> Any:
    """Return the setting of the side of the windows in which a segmentation network reads a slide."""
    return setting(
        512,
        "Tile",
        "Side of the windows in which a slide is read, without their overlap.",
        unit="px",
        minimum=128,
        maximum=2048,
    )


def finest_width() -> Any:
    """Return the setting of the width of a segmentation network."""
    return setting(16, "Width", "Channels of the finest level.", minimum=4, maximum=64)


def training_steps(default: int) -> Any:
    """Return the setting of the number of training steps of a segmentation network."""
    return setting(
        default, "Steps", "Training steps, each on one batch of crops.", minimum=1, maximum=100_000
    )


def epochs(default: int) -> Any:
    """Return the setting of the largest number of epochs."""
    return setting(default, "Epochs", "Most passes over the training part.", minimum=1, maximum=5000)


def patience(default: int) -> Any:
    """Return the setting of the number of epochs without progress after which training stops."""
    return setting(
        default,
        "Patience",
        "Epochs without a better validation loss after which training stops.",
        minimum=1,
        maximum=5000,
    )


def time_budget(default: float = 20.0) -> Any:
    """Return the setting of the time after which training ends."""
    return setting(
        default,
        "Time budget",
        "Training ends after the epoch in which this time has passed.",
        unit="min",
        minimum=0.05,
        maximum=10_000,
    )


def batch(default: int, of: str, *, least: int = 1) -> Any:
    """Return the setting of the batch size (``of``: Patches, Crops or Slides)."""
    return setting(default, "Batch", f"{of} per step.", minimum=least, maximum=512)


def learning_rate(default: float) -> Any:
    """Return the setting of the highest learning rate of the schedule."""
    return setting(default, "Learning rate", "Highest rate of the schedule.", minimum=1e-6, maximum=1.0)


def penalty() -> Any:
    """Return the setting of the penalty of a linear classifier."""
    return setting(
        1.0,
        "Penalty",
        "Strength of the L2 penalty on the weights; more is smoother and needs fewer labels.",
        minimum=1e-4,
        maximum=1e4,
    )


def trained_stages() -> Any:
    """Return the setting for the number of upper stages that learn in the mode ``partial``."""
    return setting(
        2, "Trained stages", "How many upper stages learn in the mode partial.", minimum=1, maximum=20
    )


def rate_per_stage() -> Any:
    """Return the setting for the learning rate of a stage as a share of that of the stage above it."""
    return setting(
        0.3,
        "Rate per stage",
        "Each stage learns at this share of the rate of the stage above it.",
        minimum=0.01,
        maximum=1.0,
    )
