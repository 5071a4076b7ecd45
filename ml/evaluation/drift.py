"""Stain drift: the distance of a slide's stain from that of a model's training slides.

Stain vectors and moments of colour of a slide, as a Mahalanobis distance to the training slides, with a
covariance drawn towards its diagonal since slides are few (Ledoit and Wolf, J. Multivariate Analysis 88:365,
2004). The limit is where training slides themselves end when each is measured against the others.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf

from ml.contracts import DataError, SlideReader
from ml.messages import Message
from ml.slides.stains import StainFit, fit_slide

LEAST: Final = 3
MARGIN: Final = 1.25
FORMAT: Final = "coverslip-domain-1"
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Domain:
    """``mean`` and ``spread`` (12,), ``precision`` (12, 12) of scaled numbers; ``limit`` of the distance."""

    mean: Floats
    spread: Floats
    precision: Floats
    limit: float

    def distance(self, numbers: Floats) -> float:
        """Return the Mahalanobis distance of one slide's numbers (12,), per square root of their count."""
        away = (numbers - self.mean) / self.spread
        return float(np.sqrt(away @ self.precision @ away / len(away)))

    def is_outside(self, numbers: Floats) -> bool:
        """Return whether a slide is outside the training domain."""
        return self.distance(numbers) > self.limit

    def write(self, path: Path) -> None:
        """Write the domain as JSON."""
        document = {
            "format": FORMAT,
            "mean": self.mean.tolist(),
            "spread": self.spread.tolist(),
            "precision": self.precision.tolist(),
            "limit": self.limit,
        }
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Domain:
        """Read a file of ``write``; raises DataError(``bad_domain``)."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            if document["format"] != FORMAT:
                raise ValueError(document["format"])
            arrays = [np.array(document[name], dtype=np.float64) for name in ("mean", "spread", "precision")]
            return cls(arrays[0], arrays[1], arrays[2], float(document["limit"]))
        except (OSError, KeyError, TypeError, ValueError) as error:
            message = Message("not_a_slide_domain", file=str(path), reason=error)
            raise DataError(message, code="bad_domain") from error


def numbers_of(fit: StainFit) -> Floats:
    """Return twelve numbers: the two stain vectors, then means and deviations of L*a*b*."""
    return np.concatenate([fit.vectors.T.ravel(), fit.lab.ravel()])


def slide_numbers(reader: SlideReader) -> Floats:
    """Return the stain numbers (12,) of a slide; raises DataError(``no_tissue``)."""
    fit = fit_slide(reader, "macenko")
    if fit is None:
        message = Message("stain_needs_tissue", slide=reader.path.name)
        raise DataError(message, code="no_tissue")
    return numbers_of(fit)


def learn_domain(rows: Sequence[Floats]) -> Domain:
    """Return the stain domain of training slides by their numbers; raises DataError(``too_few_slides``)."""
    if len(rows) < LEAST:
        message = Message("drift_too_few_slides", count=len(rows), least=LEAST)
        raise DataError(message, code="too_few_slides")
    table = np.stack(rows)
    whole = _fitted(table, np.inf)
    left_out = [
        _fitted(np.delete(table, number, axis=0), np.inf).distance(row) for number, row in enumerate(table)
    ]
    return Domain(whole.mean, whole.spread, whole.precision, max(1.0, MARGIN * max(left_out)))


def _fitted(table: Floats, limit: float) -> Domain:
    mean = table.mean(axis=0)
    # Never less than a hundredth: two slides of one batch may agree by chance.
    spread = np.maximum(table.std(axis=0), 0.01)
    covariance, _ = ledoit_wolf((table - mean) / spread)
    return Domain(mean, spread, np.linalg.inv(covariance + 1e-3 * np.eye(len(mean))), limit)
