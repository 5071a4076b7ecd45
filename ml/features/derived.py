"""Descriptors of a whole slide from its typed nuclei, and a linear score of them.

Survey reference 5, on breast cancer and its recurrence score: counts of tumour cells and of lymphocytes, the
variance of lymphocytes from place to place, nuclear grade; linear regression on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from ml.contracts import DataError
from ml.messages import Message

NAMES: Final = (
    "tumour_density",
    "lymphocyte_density",
    "lymphocyte_share",
    "lymphocyte_variance",
    "lymphocytes_near_tumour",
    "nuclear_area",
    "nuclear_area_deviation",
    "nuclear_grade",
)
PLACE_UM: Final = 250.0
NEAR_UM: Final = 30.0
# Areas of tumour nuclei, in µm², from which the grade of nuclei counts as 2 and as 3.
GRADES: Final = (50.0, 80.0)
Floats = NDArray[np.float64]


def slide_features(tumour: Sequence[shapely.Polygon], lymphocytes: Sequence[shapely.Polygon]) -> Floats:
    """Return (8,) numbers in the order of ``NAMES`` from outlines in µm; NaN where there is no tumour.

    Densities are per mm² of the places of 250 µm that hold any nucleus. The grade is the mean of 1, 2 and 3
    by the area of tumour nuclei.
    """
    shapes = [np.asarray(list(items), dtype=object) for items in (tumour, lymphocytes)]
    centres = [shapely.get_coordinates(shapely.centroid(items)).reshape(-1, 2) for items in shapes]
    if not len(centres[0]):
        return np.full(len(NAMES), np.nan)
    places = [np.floor(points / PLACE_UM).astype(int) for points in centres]
    names, member = np.unique(np.concatenate(places), axis=0, return_inverse=True)
    member = member.ravel()
    counts = np.bincount(member[len(places[0]) :], minlength=len(names)).astype(np.float64)
    with_tumour = np.bincount(member[: len(places[0])], minlength=len(names)) > 0
    millimetres = len(names) * (PLACE_UM / 1000) ** 2
    area = shapely.area(shapes[0])
    near = 0.0
    if len(centres[1]):
        tree = shapely.STRtree(list(map(shapely.Point, centres[0])))
        hit = tree.query(shapely.points(centres[1]), predicate="dwithin", distance=NEAR_UM)[0]
        near = len(np.unique(hit)) / len(centres[1])
    return np.array(
        [
            len(centres[0]) / millimetres,
            len(centres[1]) / millimetres,
            len(centres[1]) / (len(centres[0]) + len(centres[1])),
            counts[with_tumour].var(),
            near,
            area.mean(),
            area.std(),
            (1 + (area >= GRADES[0]) + (area >= GRADES[1])).mean(),
        ]
    )


@dataclass(frozen=True, slots=True)
class Line:
    """A linear regression of standardised numbers: ``mean``, ``spread``, ``weights`` (d,), ``intercept``."""

    mean: Floats
    spread: Floats
    weights: Floats
    intercept: float

    def predict(self, rows: Floats) -> Floats:
        """Return the score (n,) of rows (n, d)."""
        scores: Floats = (rows - self.mean) / self.spread @ self.weights + self.intercept
        return scores


def fit_line(rows: Floats, score: Floats, penalty: float = 1.0) -> Line:
    """Return the least-squares line with an L2 ``penalty``, since slides are few.

    Raises DataError: ``too_few_slides`` below five, ``no_numbers`` where a slide has no tumour.
    """
    if len(rows) < 5:  # noqa: PLR2004 - a line through eight numbers needs some slides
        message = Message("regression_too_few_slides", count=len(rows))
        raise DataError(message, code="too_few_slides")
    if not np.isfinite(rows).all() or not np.isfinite(score).all():
        message = Message("slide_without_tumour_or_score")
        raise DataError(message, code="no_numbers")
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    scaled, middle = (rows - mean) / spread, float(score.mean())
    square = scaled.T @ scaled + penalty * np.eye(rows.shape[1])
    return Line(mean, spread, np.linalg.solve(square, scaled.T @ (score - middle)), middle)


def left_out(rows: Floats, score: Floats, penalty: float = 1.0) -> Floats:
    """Return the leave-one-out score (n,) of each slide, by a line through all the others."""
    everyone = np.arange(len(rows))
    return np.array(
        [
            fit_line(rows[everyone != i], score[everyone != i], penalty).predict(rows[i : i + 1])[0]
            for i in everyone
        ]
    )
