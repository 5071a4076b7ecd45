"""Physical scale of a slide: pixel size along both axes, objective power, and doubts about them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from ml.messages import Message

# Slide scanners and microscopes stay inside; 72 to 1,200 dpi of printers and screens lie outside.
PLAUSIBLE_MPP: Final = (0.02, 20.0)
LARGEST_RATIO: Final = 20.0
PLAUSIBLE_POWER: Final = (0.2, 500.0)
# Pixels whose sides differ by less are read as squares: level sizes are rounded by as much.
SQUARE_WITHIN: Final = 0.01
_USUAL_POWERS: Final = (1.25, 2.5, 5, 10, 20, 40, 60, 80, 100)
_NEAR: Final = 0.15
# A camera adapter of 0.5x to 2x lies between objective and pixel; beyond this the two cannot both be right.
_LARGEST_DISAGREEMENT: Final = 3.0
_MICROMETRES_AT_ONE: Final = 10.0


@dataclass(frozen=True, slots=True)
class Resolution:
    """µm per level-0 pixel along ``x`` and ``y``. Raises ValueError unless both are positive and finite."""

    x: float
    y: float

    def __post_init__(self) -> None:
        if not all(math.isfinite(side) and side > 0 for side in (self.x, self.y)):
            message = f"µm per pixel must be positive, not {self.x} and {self.y}"
            raise ValueError(message)

    @classmethod
    def square(cls, mpp: float) -> Resolution:
        """Return square pixels of ``mpp`` µm."""
        return cls(mpp, mpp)

    @classmethod
    def of_axes(cls, x: float | None, y: float | None) -> Resolution | None:
        """Return the resolution of stored values; one may be missing, None where both are."""
        first = x if x is not None else y
        if first is None:
            return None
        return cls(first, y if y is not None else first)

    @property
    def finer(self) -> float:
        """Return the smaller of the two, in µm."""
        return min(self.x, self.y)

    @property
    def is_square(self) -> bool:
        """Return whether both sides agree within one percent."""
        return max(self.x, self.y) <= self.finer * (1 + SQUARE_WITHIN)

    @property
    def stretch(self) -> tuple[float, float]:
        """Return the factors of x and y that make pixels square at the finer side; (1, 1) for squares."""
        return (1.0, 1.0) if self.is_square else (self.x / self.finer, self.y / self.finer)


@dataclass(frozen=True, slots=True)
class StatedSize:
    """Pixel size as one place of a file states it, before it is checked.

    ``x`` and ``y`` are µm, or pixels where ``has_unit`` is false; None: not stated; NaN: not readable.
    """

    place: str
    x: float | None
    y: float | None
    has_unit: bool = True


@dataclass(frozen=True, slots=True)
class Scale:
    """The checked scale of a file.

    ``resolution`` is None where the file states none that can be right. ``estimated``: one axis was assumed
    from the other. ``power`` is the objective power as stated, or None. ``notes`` are for people.
    """

    resolution: Resolution | None = None
    estimated: bool = False
    power: float | None = None
    notes: tuple[Message, ...] = ()


def judge_scale(stated: StatedSize | None, power: float | None) -> Scale:
    """Return the scale that a file's statements support, with a note for each statement not used as it is."""
    notes: list[Message] = []
    power = _judge_power(power, notes)
    resolution, estimated = (None, False) if stated is None else _judge_size(stated, notes)
    if resolution is not None and power is not None:
        ratio = power * resolution.finer / _MICROMETRES_AT_ONE
        if not 1 / _LARGEST_DISAGREEMENT <= ratio <= _LARGEST_DISAGREEMENT:
            notes.append(
                Message(
                    "magnification_disagrees",
                    power=f"{power:g}",
                    mpp=f"{resolution.finer:g}",
                )
            )
    return Scale(resolution, estimated, power, tuple(notes))


def _judge_size(stated: StatedSize, notes: list[Message]) -> tuple[Resolution | None, bool]:
    sides = [side for side in (stated.x, stated.y) if side is not None]
    if not sides:
        return None, False
    value = " × ".join(f"{side:.4g}" for side in dict.fromkeys(sides))
    if not stated.has_unit:
        notes.append(
            Message(
                "resolution_without_unit",
                value=value,
                place=stated.place,
            )
        )
        return None, False
    if not all(is_plausible(side) for side in sides) or max(sides) > LARGEST_RATIO * min(sides):
        notes.append(
            Message(
                "resolution_implausible",
                value=value,
                place=stated.place,
            )
        )
        return None, False
    if stated.x is not None and stated.y is not None:
        return Resolution(stated.x, stated.y), False
    notes.append(
        Message(
            "resolution_one_axis",
            axis="x" if stated.y is None else "y",
        )
    )
    return Resolution.square(sides[0]), True


def is_plausible(mpp: float) -> bool:
    """Return whether a microscope or scanner can have pixels of ``mpp`` µm; false for NaN."""
    return PLAUSIBLE_MPP[0] <= mpp <= PLAUSIBLE_MPP[1]


def _judge_power(power: float | None, notes: list[Message]) -> float | None:
    if power is None:
        return None
    if PLAUSIBLE_POWER[0] <= power <= PLAUSIBLE_POWER[1]:
        return round(power, 2)
    notes.append(
        Message(
            "magnification_implausible",
            power=f"{power:g}",
        )
    )
    return None


def estimate_power(resolution: Resolution | None) -> float | None:
    """Return the usual objective nearest to 10 µm over the finer pixel side; None without resolution."""
    if resolution is None:
        return None
    value = _MICROMETRES_AT_ONE / resolution.finer
    nearest = min(_USUAL_POWERS, key=lambda usual: abs(math.log(usual / value)))
    return float(nearest) if abs(math.log(nearest / value)) < _NEAR else round(value, 1)
