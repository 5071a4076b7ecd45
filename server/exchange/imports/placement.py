"""Check that the shapes of a file are on tissue, and estimate the scale that would place them there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import shape as to_shapely
from shapely.geometry.base import BaseGeometry

from ml.messages import Message
from server.exchange.formats.shapes import ForeignShape
from server.slides.models import Slide

MOST_SAMPLED: Final = 2000
# Fewer than half of the shapes in place is a wrong slide or scale; a factor must put most of them there.
LEAST_IN_PLACE: Final = 0.5
LEAST_AFTER: Final = 0.8
LEAST_GAIN: Final = 0.3
# Two factors are equally good within this share of the shapes.
EQUAL: Final = 0.02
DOWNSAMPLES: Final = tuple(2.0**power for power in range(1, 8))
PAIR: Final = 2


@dataclass(frozen=True, slots=True)
class Placement:
    """Warning that most shapes are misplaced; ``scale`` is a factor that would place them correctly."""

    warning: Message
    scale: float | None


def check_placement(slide: Slide, middles: NDArray[np.float64], scale: float) -> Placement | None:
    """Return a warning when most shapes, times ``scale``, lie off the tissue or off the slide; else None.

    Parameters
    ----------
    slide
        Slide with its size and its tissue in level-0 pixels.
    middles
        Middles (n, 2) of the shapes in the coordinates of the file.
    scale
        Factor that the person chose. The factor in the answer replaces it.

    """
    if not len(middles):
        return None
    return _check(slide, _tissue(slide), middles, scale)


def _check(
    slide: Slide, area: BaseGeometry | None, middles: NDArray[np.float64], scale: float
) -> Placement | None:
    now = _share(middles * scale, slide, area)
    if now >= LEAST_IN_PLACE:
        return None
    factors = _factors(slide)
    shares = np.array([_share(middles * factor, slide, area) for factor in factors])
    best = float(shares.max())
    if best < LEAST_AFTER or best < now + LEAST_GAIN:
        if area is not None and _share(middles * scale, slide, None) < LEAST_IN_PLACE:
            # Most lie off the slide: a factor that brings them onto it is worth trying, whatever the tissue.
            return _check(slide, None, middles, scale)
        return Placement(_warning(area, scale=None), None)
    # Shapes that shrink towards the corner may stay on the slide: the largest factor is the right one.
    good = [factor for factor, share in zip(factors, shares, strict=True) if share >= best - EQUAL]
    powers = [factor for factor in good if factor in DOWNSAMPLES or 1 / factor in DOWNSAMPLES]
    chosen = max(powers or good)
    return Placement(_warning(area, scale=chosen), chosen)


def _warning(area: object | None, *, scale: float | None) -> Message:
    place = Message("place_tissue") if area is not None else Message("place_slide")
    if scale is None:
        return Message(
            "placement_wrong_slide",
            place=place,
        )
    return Message(
        "placement_wrong_scale",
        place=place,
        scale=int(scale) if scale == int(scale) else round(scale, 6),
    )


def _factors(slide: Slide) -> list[float]:
    """Return factors of coordinates in pixels of another level, in micrometres, or in millimetres."""
    factors = [1.0, *DOWNSAMPLES, *(1 / downsample for downsample in DOWNSAMPLES)]
    if slide.mpp_x:
        factors += [1 / slide.mpp_x, 1000 / slide.mpp_x]
    return factors


def _tissue(slide: Slide) -> BaseGeometry | None:
    if not slide.tissue:
        return None
    tissue = shapely.make_valid(to_shapely(slide.tissue))
    # Outlines at the edge of tissue are in place: the mask is coarse.
    grown: BaseGeometry = tissue.buffer(max(slide.width, slide.height) / 100)
    if grown.is_empty:
        return None
    shapely.prepare(grown)
    return grown


def _share(middles: NDArray[np.float64], slide: Slide, area: BaseGeometry | None) -> float:
    if area is not None:
        return float(shapely.contains_xy(area, middles[:, 0], middles[:, 1]).mean())
    size = np.array([slide.width, slide.height])
    return float(((middles >= 0) & (middles <= size)).all(axis=1).mean())


def sample_middles(shapes: Sequence[ForeignShape]) -> NDArray[np.float64]:
    """Return the centres (n, 2) of the bounds of at most ``MOST_SAMPLED`` shapes, spread over the file."""
    step = max(1, -(-len(shapes) // MOST_SAMPLED))
    middles = [middle for shape in shapes[::step] if (middle := _middle(shape)) is not None]
    return np.array(middles, dtype=np.float64).reshape(-1, PAIR)


def _middle(shape: ForeignShape) -> tuple[float, float] | None:
    try:
        left, top, right, bottom = to_shapely(shape.geometry).bounds
    except (
        shapely.errors.ShapelyError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        OverflowError,
    ):
        return None
    middle = (left + right) / 2, (top + bottom) / 2
    return middle if np.isfinite(middle).all() else None
