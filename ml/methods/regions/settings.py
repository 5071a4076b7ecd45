"""Settings that methods for regions share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml.catalogue import shared_settings as shared
from ml.catalogue.settings import setting


def unlabelled_tissue() -> Any:
    """Return the setting of the class that unlabelled tissue gets."""
    return setting(
        "ignored",
        "Unlabelled tissue",
        "What nobody outlined and nobody declared finished. ignored: it teaches nothing. background: it "
        "counts as none of the labels, which is right only where everything is outlined.",
        choices=("ignored", "background"),
    )


def detail_of_outlines() -> Any:
    """Return the setting of the resolution of outlines."""
    return setting(
        4,
        "Detail of outlines",
        "Outlines follow cells of this side; on large slides they are coarser, to bound the memory.",
        unit="px",
        minimum=1,
        maximum=64,
    )


def smallest_region() -> Any:
    """Return the setting of the area below which a region is dropped."""
    return setting(
        400,
        "Smallest region",
        "Regions of fewer pixels are dropped.",
        unit="px",
        minimum=1,
        maximum=100_000_000,
    )


@dataclass(frozen=True, slots=True)
class RegionConfig:
    """Settings that all recipes of regions share."""

    mpp: float | None = shared.resolution("pixels", "Large regions are seen best at 1 to 4.")
    unlabelled: str = unlabelled_tissue()
    crop: int = shared.training_crop()
    tile: int = shared.window()
    width: int = shared.finest_width()
    steps: int = shared.training_steps(400)
    minutes: float = shared.time_budget()
    batch: int = shared.batch(8, "Crops")
    learning_rate: float = shared.learning_rate(3e-3)
    finest: int = detail_of_outlines()
    smallest: int = smallest_region()
