"""Eye-tracking or cursor recordings as proposed boxes on a slide (Mariam et al. 2022; METHODS 8.2).

Samples are screen pixels with the viewport of their moment. Fixations are detected by dispersion on the
screen (I-DT, Salvucci and Goldberg, ETRA 2000), placed on the slide, and weighted by how long and how near
one looked. The same works for a cursor that dwells. Nothing is read without the consent of who was recorded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from ml.contracts import Bounds, DataError
from ml.messages import Message
from ml.slides.tissue import TissueMask

# At a magnification of 1 a pixel of a microscope's camera shows 10 µm, by the usual reading.
MICROMETRES_AT_ONE: Final = 10.0
NEAREST: Final = 40.0
MOST_CELLS: Final = 4_000_000
# A sample this long after the one before is of another look: a blink, or a lost eye.
LONGEST_GAP: Final = 300.0
COLUMNS: Final = 6
HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class GazeRules:
    """Rules: ``dispersion``, ``fovea`` (radius) in screen pixels, ``shortest`` in ms, ``least_zoom`` in x."""

    dispersion: float = 40.0
    shortest: float = 100.0
    fovea: float = 40.0
    least_zoom: float = 5.0
    half_maximum: bool = False


@dataclass(frozen=True, slots=True)
class Fixation:
    """A fixation: its place in level-0 pixels, ms, level-0 pixels per screen pixel, and magnification."""

    x: float
    y: float
    start: float
    duration: float
    scale: float
    zoom: float

    @property
    def weight(self) -> float:
        """Return seconds times magnification / 10, with magnification capped at 40x."""
        return self.duration / 1000 * min(self.zoom, NEAREST) / 10


@dataclass(frozen=True, slots=True)
class GazeBox:
    """A proposed box: bounds, total seconds, and its weight relative to the heaviest, 0..1."""

    bounds: Bounds
    seconds: float
    weight: float


def read_stream(document: Any) -> NDArray[np.float64]:
    """Return samples (n, 6): t ms, x, y on the screen, left, top of the viewport, level-0 px per screen px.

    ``document``: {"consent": true, "samples": [{"t", "x", "y", "viewport": {"x", "y", "scale"}}]}. Samples
    whose eye was lost (x or y null) are left out. Raises DataError(``no_consent``, ``bad_stream``).
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("samples"), list):
        raise DataError(
            Message("recording_no_object"),
            code="bad_stream",
        )
    if document.get("consent") is not True:
        message = Message(
            "recording_no_consent",
        )
        raise DataError(message, code="no_consent")
    rows = []
    for number, sample in enumerate(document["samples"]):
        try:
            if sample["x"] is None or sample["y"] is None:
                continue
            view = sample["viewport"]
            row = [sample["t"], sample["x"], sample["y"], view["x"], view["y"], view["scale"]]
            rows.append([float(value) for value in row])
        except (KeyError, TypeError, ValueError) as error:
            message = Message(
                "recording_bad_sample",
                number=number,
                reason=error,
            )
            raise DataError(message, code="bad_stream") from error
    samples = np.array(rows, dtype=np.float64).reshape(-1, COLUMNS)
    if not np.isfinite(samples).all() or (samples[:, 5] <= 0).any():
        raise DataError(
            Message(
                "recording_bad_numbers",
            ),
            code="bad_stream",
        )
    return samples[np.argsort(samples[:, 0], kind="stable")]


def find_fixations(
    samples: NDArray[np.float64], magnification: Callable[[float], float], rules: GazeRules
) -> list[Fixation]:
    """Return the fixations of samples (n, 6); ``magnification`` maps level-0 px per screen px to x.

    A look ends where the eye leaves the dispersion, the viewport moves, or samples are missing.
    """
    moved = (np.diff(samples[:, 3:], axis=0) != 0).any(axis=1) if len(samples) else np.zeros(0, bool)
    lost = np.diff(samples[:, 0]) > LONGEST_GAP
    cuts = np.flatnonzero(moved | lost) + 1
    fixations = []
    for part in np.split(samples, cuts):
        start = 0
        while start < len(part):
            end = _still(part, start, rules.dispersion)
            if part[end - 1, 0] - part[start, 0] < rules.shortest:
                start += 1
                continue
            fixations.append(_fixation(part[start:end], magnification))
            start = end
    return [item for item in fixations if item.zoom >= rules.least_zoom]


def _still(part: NDArray[np.float64], start: int, dispersion: float) -> int:
    """Return the end of the longest run from ``start`` whose width plus height stays within dispersion."""
    left = right = part[start, 1]
    top = bottom = part[start, 2]
    for place in range(start + 1, len(part)):
        x, y = part[place, 1], part[place, 2]
        left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
        if right - left + bottom - top > dispersion:
            return place
    return len(part)


def _fixation(part: NDArray[np.float64], magnification: Callable[[float], float]) -> Fixation:
    scale = float(part[0, 5])
    x = float(part[0, 3] + part[:, 1].mean() * scale)
    y = float(part[0, 4] + part[:, 2].mean() * scale)
    return Fixation(x, y, part[0, 0], float(part[-1, 0] - part[0, 0]), scale, magnification(scale))


def magnification_of(mpp: float | None, objective: float | None) -> Callable[[float], float]:
    """Return the map from level-0 px per screen px to magnification; raises DataError(``no_resolution``)."""
    if objective:
        return lambda scale: objective / scale
    if mpp:
        return lambda scale: MICROMETRES_AT_ONE / (mpp * scale)
    message = Message(
        "gaze_no_resolution",
    )
    raise DataError(message, code="no_resolution")


def gaze_map(
    fixations: Sequence[Fixation], size: tuple[int, int], fovea: float
) -> tuple[NDArray[np.float32], float]:
    """Return the viewing weight of each cell, float32 (rows, columns), and the cell's side in level-0 px.

    Each look adds its weight under a Gaussian whose sigma is the fovea's radius on the slide, its peak
    being the weight: so a long look from afar is not hidden by a short one from near.
    """
    width, height = size
    finest = min((item.scale for item in fixations), default=1.0) * fovea / 2
    step = max(finest, math.sqrt(width * height / MOST_CELLS), 1.0)
    shape = (math.ceil(height / step), math.ceil(width / step))
    total = np.zeros(shape, np.float32)
    for scale in sorted({item.scale for item in fixations}):
        marks = np.zeros(shape, np.float32)
        sigma = fovea * scale / step
        for item in fixations:
            row, column = int(item.y / step), int(item.x / step)
            if item.scale == scale and 0 <= row < shape[0] and 0 <= column < shape[1]:
                marks[row, column] += item.weight
        total += ndimage.gaussian_filter(marks, sigma, mode="constant") * (2 * math.pi * sigma**2)
    return total, step


def propose_boxes(
    fixations: Sequence[Fixation],
    size: tuple[int, int],
    rules: GazeRules,
    tissue: TissueMask | None = None,
) -> list[GazeBox]:
    """Return boxes around viewed areas, heaviest first, clipped to tissue if given."""
    seen, step = gaze_map(fixations, size, rules.fovea)
    if tissue is not None:
        corners = np.argwhere(seen > 0)[:, ::-1] * step
        shares = tissue.shares(np.hstack([corners, corners + step]))
        seen[seen > 0] *= shares >= HALF
    positive = seen[seen > seen.max(initial=0) / 100]
    if not positive.size:
        return []
    flat = np.ptp(positive) == 0
    level = float(seen.max()) / 2 if rules.half_maximum or flat else float(threshold_otsu(positive))
    labels, _ = ndimage.label(seen > level, structure=np.ones((3, 3)))
    boxes = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        inside = [item for item in fixations if _at(labels, item, step) == number]
        heaviest = float(seen[rows, columns].max() / seen.max())
        seconds = sum(item.duration for item in inside) / 1000
        boxes.append(GazeBox(_bounds(rows, columns, step, size), seconds, heaviest))
    return sorted(boxes, key=lambda box: -box.weight)


def _at(labels: NDArray[np.int32], item: Fixation, step: float) -> int:
    row, column = int(item.y / step), int(item.x / step)
    inside = 0 <= row < labels.shape[0] and 0 <= column < labels.shape[1]
    return int(labels[row, column]) if inside else 0


def _bounds(rows: slice, columns: slice, step: float, size: tuple[int, int]) -> Bounds:
    left, top = round(columns.start * step), round(rows.start * step)
    right, bottom = min(round(columns.stop * step), size[0]), min(round(rows.stop * step), size[1])
    return Bounds(left, top, right - left, bottom - top)
