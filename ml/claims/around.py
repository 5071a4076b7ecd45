"""Claims of registration and label transfer, on pairs of slides with a known warp."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ml.claims.harness import Pair, claim
from ml.claims.pairs import MPP, write_pair
from ml.slides import open_slide
from ml.slides.registration.label_transfer import transfer_labels
from ml.slides.registration.transform import Registration, register

BOUND_UM = 5.0
PATCH = 112
DATA = "phantom pairs of 1 mm, turned, sheared and bent by up to 14 µm"


def _errors_um(registration: Registration, points: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    return float(np.median(np.linalg.norm(registration.to_moving(points) - truth, axis=1)) * MPP)


@claim(
    "registration-error",
    method="registration",
    baseline="bound of 5 µm",
    metric="median error in µm",
    data=f"{DATA}, second slide in DAB",
    says="Places lie less than 5 µm from where they belong.",
    less=True,
)
def registration_error(seed: int, scratch: Path) -> Pair:
    """Measure the registration error across stains at 400 points on tissue."""
    pair = write_pair(scratch, seed, stain="DAB")
    with open_slide(pair.fixed) as fixed, open_slide(pair.moving) as moving:
        registration = register(fixed, moving, seed=seed)
    return Pair(BOUND_UM, _errors_um(registration, pair.points, pair.truth(pair.points)), len(pair.points))


@claim(
    "registration-local-shifts",
    method="registration",
    baseline="affine map alone",
    metric="median error in µm",
    data=DATA,
    says="Local shifts bring places nearer than the affine map alone.",
    less=True,
)
def registration_local_shifts(seed: int, scratch: Path) -> Pair:
    """Measure the registration error with and without local shifts."""
    pair = write_pair(scratch, seed)
    with open_slide(pair.fixed) as fixed, open_slide(pair.moving) as moving:
        registration = register(fixed, moving, seed=seed)
    truth = pair.truth(pair.points)
    plain = Registration(registration.matrix, np.zeros((0, 0, 2)), 1.0)
    return Pair(
        _errors_um(plain, pair.points, truth), _errors_um(registration, pair.points, truth), len(pair.points)
    )


@claim(
    "label-transfer",
    method="label-transfer",
    baseline="the same without registration",
    metric="balanced accuracy of labels",
    data=f"{DATA}, tumour brown in the second slide",
    says="Labels agree with the truth better than without registration.",
)
def label_transfer(seed: int, scratch: Path) -> Pair:
    """Measure labels of patches inside one tissue, transferred by the computed map and by none."""
    pair = write_pair(scratch, seed, stain="DAB")
    with open_slide(pair.fixed) as fixed, open_slide(pair.moving) as moving:
        maps = (
            Registration(np.eye(3), np.zeros((0, 0, 2)), 1.0),
            register(fixed, moving, seed=seed),
        )
        labelled = [
            transfer_labels(fixed, moving, each, patch=PATCH, positive="tumour", negative="stroma")
            for each in maps
        ]
    regions = pair.phantom.regions
    right = [_balanced([(item.geometry, str(item.label)) for item in shapes], regions) for shapes in labelled]
    return Pair(right[0], right[1], len(labelled[1]))


def _balanced(labelled: list[tuple[BaseGeometry, str]], regions: Sequence[tuple[str, BaseGeometry]]) -> float:
    truth, predicted = [], []
    for square, label in labelled:
        within = [name for name, region in regions if region.contains(square)]
        if within and within[-1] in {"tumour", "stroma"}:
            truth.append(within[-1])
            predicted.append(label)
    known, given = np.array(truth), np.array(predicted)
    recalls = [float((given[known == name] == name).mean()) for name in ("tumour", "stroma")]
    return float(np.mean(recalls))
