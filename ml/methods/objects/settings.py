"""Settings that methods for objects share."""

from __future__ import annotations

from dataclasses import dataclass

from ml.catalogue import shared_settings as shared
from ml.catalogue.settings import setting


@dataclass(frozen=True, slots=True)
class NucleiConfig:
    """Settings of ``nuclei``, and of all others that outline nuclei."""

    mpp: float | None = shared.resolution("pixels")
    crop: int = shared.training_crop()
    tile: int = shared.window()
    width: int = shared.finest_width()
    steps: int = shared.training_steps(1200)
    minutes: float = shared.time_budget()
    batch: int = shared.batch(8, "Crops")
    learning_rate: float = shared.learning_rate(3e-3)
    smallest: int = setting(
        20,
        "Smallest object",
        "Objects of fewer pixels are dropped.",
        unit="px",
        minimum=1,
        maximum=10_000,
    )


@dataclass(frozen=True, slots=True)
class PointsConfig(NucleiConfig):
    """Settings of ``points``."""

    steps: int = shared.training_steps(600)
    reach: int = setting(
        10,
        "Reach",
        "Two points nearer than half of this are one; a point this near to a marked one is right.",
        unit="px",
        minimum=1,
        maximum=200,
    )
    counted_from: float = setting(
        0.0,
        "Counted from",
        "Objects whose longest axis is shorter count for nothing when the model is measured: 275 leaves "
        "isolated tumour cells out, as CAMELYON16 does; 0 counts all. Needs a resolution.",
        unit="µm",
        minimum=0.0,
        maximum=10_000.0,
    )
