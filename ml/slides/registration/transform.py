"""Registration of two slides of the same tissue: an affine matrix, then small local shifts. Free of torch.

Coarse: SIFT on small pictures of optical density (Lowe, IJCV 60:91, 2004), matched by the ratio test, and a
similarity, then an affine map by RANSAC (Fischler and Bolles, CACM 24:381, 1981). Fine: phase correlation
of windows on tissue (Guizar-Sicairos et al., Optics Letters 33:156, 2008), smoothed over a grid. What does
not match have a false ``Quality.good``; then three or more landmarks make the map (``from_landmarks``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from shapely.geometry.base import BaseGeometry
from skimage.exposure import equalize_adapthist
from skimage.feature import SIFT, match_descriptors
from skimage.measure import ransac
from skimage.registration import phase_cross_correlation
from skimage.transform import AffineTransform, SimilarityTransform

from ml.contracts import Bounds, DataError, SlideReader
from ml.messages import Message
from ml.slides.reading import thumbnail
from ml.slides.resolution import stretch_of
from ml.slides.tissue import tissue_mask

Points = NDArray[np.float64]

COARSE_SIDE: Final = 700
RATIO: Final = 0.75
REACH_PX: Final = 5.0
LEAST_MATCHES: Final = 8
LEAST_LANDMARKS: Final = 3
# Side and spacing of the windows of the fine step, in pixels at ``FINE_UM`` each.
FINE_UM: Final = 2.0
WINDOW: Final = 128
SPACING: Final = 80
# How far neighbouring windows speak for each other, in windows.
BLUR: Final = 0.5
# A window counts when shifting it makes the two pictures this alike.
LEAST_LIKENESS: Final = 0.3
GOOD_DICE, GOOD_LIKENESS = 0.6, 0.3
LEAST_DENSITY: Final = 0.15


@dataclass(frozen=True, slots=True)
class Quality:
    """Match of two slides: RANSAC's inliers and their share, NCC and Dice after the map."""

    inliers: int
    share: float
    likeness: float
    dice: float

    @property
    def good(self) -> bool:
        """Return whether the map may be used without a review."""
        return self.inliers >= LEAST_MATCHES and self.likeness >= GOOD_LIKENESS and self.dice >= GOOD_DICE


@dataclass(frozen=True, slots=True)
class Registration:
    """A map from level-0 pixels of the fixed slide to those of the moving one.

    ``matrix`` float64 (3, 3) is affine; ``shifts`` float64 (rows, columns, 2) are added after it, in pixels
    of the moving slide, given at (``step`` * column, ``step_y`` * row) of the fixed one, linear in between;
    ``step_y`` None stands for ``step``.
    """

    matrix: NDArray[np.float64]
    shifts: NDArray[np.float64]
    step: float
    quality: Quality | None = None
    step_y: float | None = None

    def to_moving(self, points: Points) -> Points:
        """Return the points (n, 2) on the moving slide of points (n, 2) of the fixed slide."""
        return _affine(self.matrix, points) + self._shift(points)

    def to_fixed(self, points: Points) -> Points:
        """Return the points (n, 2) on the fixed slide of points (n, 2) of the moving one, to 0.01 pixels."""
        inverse = np.linalg.inv(self.matrix).astype(np.float64)
        points_there = _affine(inverse, points)
        for _ in range(20):
            again = _affine(inverse, points - self._shift(points_there))
            moved = float(np.abs(again - points_there).max(initial=0.0))
            points_there = again
            if moved < 0.01:  # noqa: PLR2004 - a hundredth of a pixel
                break
        return points_there

    def warp(self, geometry: BaseGeometry) -> BaseGeometry:
        """Return a shape of the moving slide on the fixed one; repaired where the map folds it."""
        warped = shapely.transform(geometry, self.to_fixed)
        return warped if warped.is_valid else shapely.make_valid(warped)

    def document(self) -> dict[str, Any]:
        """Return the registration as JSON values."""
        quality = self.quality
        return {
            "matrix": self.matrix.tolist(),
            "shifts": self.shifts.round(3).tolist(),
            "step": self.step,
            "step_y": self.step_y,
            "quality": None
            if quality is None
            else {
                "inliers": quality.inliers,
                "share": quality.share,
                "likeness": quality.likeness,
                "dice": quality.dice,
            },
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Registration:
        """Return the registration of a ``document``."""
        quality = document["quality"]
        return cls(
            np.array(document["matrix"], dtype=np.float64),
            np.array(document["shifts"], dtype=np.float64).reshape(*_grid_shape(document["shifts"]), 2),
            float(document["step"]),
            None if quality is None else Quality(**quality),
            document.get("step_y"),
        )

    def _shift(self, points: Points) -> Points:
        rows, columns = self.shifts.shape[:2]
        if rows == 0 or columns == 0:
            return np.zeros_like(points)
        at = [points[:, 1] / (self.step_y or self.step), points[:, 0] / self.step]
        both = [ndimage.map_coordinates(self.shifts[..., k], at, order=1, mode="nearest") for k in (0, 1)]
        return np.stack(both, axis=1)


def register_slides(fixed: SlideReader, moving: SlideReader, *, seed: int = 0) -> Registration:
    """Return the map from ``fixed`` to ``moving``, in level-0 pixels of both; see ``register``.

    Either may be the square view of a slide of oblong pixels.
    """
    registration = register(fixed, moving, seed=seed)
    here, there = stretch_of(fixed), stretch_of(moving)
    back = np.diag([1 / there.x, 1 / there.y, 1.0])
    return replace(
        registration,
        matrix=back @ registration.matrix @ np.diag([here.x, here.y, 1.0]),
        shifts=registration.shifts / (there.x, there.y),
        step=registration.step / here.x,
        step_y=registration.step / here.y,
    )


def register(fixed: SlideReader, moving: SlideReader, *, seed: int = 0) -> Registration:
    """Return the map from the tissue of ``fixed`` to that of ``moving``.

    Raises DataError(``not_alike``) when too few places match: set landmarks then. Slides without µm per pixel
    are taken to be of one resolution. The same seed gives the same map.
    """
    one, scale_one = _density(fixed)
    two, scale_two = _density(moving)
    here, there = _matches(one, two)
    model, inliers = _robust(here, there, seed)
    coarse = np.diag([scale_two, scale_two, 1.0]) @ model @ np.diag([1 / scale_one, 1 / scale_one, 1.0])
    plain = Registration(coarse, np.zeros((0, 0, 2)), 1.0)
    refined = _refine(fixed, moving, plain)
    likeness, dice = _agreement(fixed, moving, refined)
    quality = Quality(int(inliers.sum()), float(inliers.mean()), likeness, dice)
    return Registration(refined.matrix, refined.shifts, refined.step, quality)


def from_landmarks(fixed: Sequence[Sequence[float]], moving: Sequence[Sequence[float]]) -> Registration:
    """Return the affine map that fits pairs of points best; raises DataError(``bad_landmarks``)."""
    here, there = np.asarray(fixed, dtype=np.float64), np.asarray(moving, dtype=np.float64)
    if here.shape != there.shape or here.ndim != 2 or len(here) < LEAST_LANDMARKS:  # noqa: PLR2004 - (n, 2)
        message = Message(
            "landmarks_too_few",
            least=LEAST_LANDMARKS,
        )
        raise DataError(message, code="bad_landmarks")
    design = np.column_stack([here, np.ones(len(here))])
    if np.linalg.matrix_rank(design, tol=1e-6 * np.abs(design).max()) < LEAST_LANDMARKS:
        message = Message("landmarks_on_a_line")
        raise DataError(message, code="bad_landmarks")
    solved, *_ = np.linalg.lstsq(design, there, rcond=None)
    matrix = np.vstack([solved.T, [0.0, 0.0, 1.0]])
    if np.linalg.det(matrix[:2, :2]) <= 0:
        message = Message(
            "landmarks_mirrored",
        )
        raise DataError(message, code="bad_landmarks")
    return Registration(matrix, np.zeros((0, 0, 2)), 1.0)


def _density(reader: SlideReader) -> tuple[NDArray[np.float64], float]:
    """Return mean optical density 0..1, locally equalised, and level-0 pixels per pixel of it."""
    small = thumbnail(reader, COARSE_SIDE)
    density = -np.log10((small.astype(np.float64).mean(axis=2) + 1) / 256)
    darkest = float(np.quantile(density, 0.995))
    if darkest < LEAST_DENSITY:
        # Glass alone would be equalised until its noise matches anything.
        raise _not_alike(0)
    picture = equalize_adapthist(np.clip(density / darkest, 0, 1))
    return picture, max(reader.width, reader.height) / max(small.shape[:2])


def _matches(one: NDArray[np.float64], two: NDArray[np.float64]) -> tuple[Points, Points]:
    keypoints = []
    for picture in (one, two):
        sift = SIFT(upsampling=1)
        try:
            sift.detect_and_extract(picture)
        except RuntimeError as error:
            raise _not_alike(0) from error
        keypoints.append((np.asarray(sift.keypoints), np.asarray(sift.descriptors)))
    pairs = match_descriptors(keypoints[0][1], keypoints[1][1], max_ratio=RATIO, cross_check=True)
    if len(pairs) < LEAST_MATCHES:
        raise _not_alike(len(pairs))
    # Row and column become x and y.
    return (
        keypoints[0][0][pairs[:, 0]][:, ::-1].astype(np.float64),
        keypoints[1][0][pairs[:, 1]][:, ::-1].astype(np.float64),
    )


def _robust(here: Points, there: Points, seed: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    rough, inliers = ransac(
        (here, there),
        SimilarityTransform,
        min_samples=2,
        residual_threshold=REACH_PX,
        max_trials=2000,
        rng=np.random.default_rng(seed),
    )
    if rough is None or inliers is None or inliers.sum() < LEAST_MATCHES:
        raise _not_alike(0 if inliers is None else int(inliers.sum()))
    affine = AffineTransform.from_estimate(here[inliers], there[inliers])
    return np.asarray(affine.params, dtype=np.float64), np.asarray(inliers, dtype=bool)


def _refine(fixed: SlideReader, moving: SlideReader, plain: Registration) -> Registration:
    """Add local shifts of windows on tissue; a window without a match gets its neighbours' shifts."""
    size = max(1.0, FINE_UM / fixed.mpp) if fixed.mpp else max(fixed.width, fixed.height) / 2048
    step, side = SPACING * size, WINDOW * size
    rows, columns = (max(2, round(length / step) + 1) for length in (fixed.height, fixed.width))
    mask = tissue_mask(fixed)
    shifts, weights = np.zeros((rows, columns, 2)), np.zeros((rows, columns))
    for row in range(rows):
        for column in range(columns):
            x, y = column * step - side / 2, row * step - side / 2
            window = Bounds(round(x), round(y), round(side), round(side))
            if mask.share_of(window) < 0.3:  # noqa: PLR2004 - glass has nothing to match
                continue
            shift, likeness = _local_shift(fixed, moving, plain, window, size)
            if likeness >= LEAST_LIKENESS:
                shifts[row, column], weights[row, column] = shift, likeness
    if not weights.any():
        return plain
    spread = [ndimage.gaussian_filter(shifts[..., k] * weights, BLUR) for k in (0, 1)]
    total = ndimage.gaussian_filter(weights, BLUR)
    wide = [ndimage.gaussian_filter(shifts[..., k] * weights, 4) for k in (0, 1)]
    far = np.maximum(ndimage.gaussian_filter(weights, 4), 1e-12)
    smooth = [(s + 1e-3 * w / far) / (total + 1e-3) for s, w in zip(spread, wide, strict=True)]
    return Registration(plain.matrix, np.stack(smooth, axis=-1), step)


def _local_shift(
    fixed: SlideReader, moving: SlideReader, plain: Registration, window: Bounds, size: float
) -> tuple[NDArray[np.float64], float]:
    """Return the shift of a window in moving pixels, and the similarity of the images after it."""
    here = _window(fixed, window, size)
    there = _warped_window(moving, plain, window, here.shape)
    drift, _, _ = phase_cross_correlation(here, there, upsample_factor=8, normalization=None)
    if np.abs(drift).max() > WINDOW / 3:
        return np.zeros(2), 0.0
    likeness = _likeness(here, ndimage.shift(there, drift, order=1, mode="nearest"))
    # The picture must be moved by the drift, so the map looks the other way.
    pull = -drift[::-1] * (window.width / here.shape[1])
    return plain.matrix[:2, :2] @ pull, likeness


def _window(reader: SlideReader, window: Bounds, size: float) -> NDArray[np.float64]:
    side = max(8, round(window.width / size))
    return _plain_density(reader.read(window, (side, side)))


def _warped_window(
    moving: SlideReader, plain: Registration, window: Bounds, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Return the moving slide in a window of the fixed one."""
    rows, columns = shape
    x = window.x + (np.arange(columns) + 0.5) * window.width / columns
    y = window.y + (np.arange(rows) + 0.5) * window.height / rows
    at = plain.to_moving(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2))
    left, top = np.floor(at.min(axis=0)) - 2
    right, bottom = np.ceil(at.max(axis=0)) + 2
    box = Bounds(int(left), int(top), int(right - left), int(bottom - top))
    scale = max(box.width / (columns * 1.5), 1e-6)
    picture = _plain_density(
        moving.read(box, (max(2, round(box.width / scale)), max(2, round(box.height / scale))))
    )
    place = [
        (at[:, 1] - box.y) / box.height * picture.shape[0] - 0.5,
        (at[:, 0] - box.x) / box.width * picture.shape[1] - 0.5,
    ]
    values: NDArray[np.float64] = ndimage.map_coordinates(picture, place, order=1, mode="nearest")
    return values.reshape(rows, columns)


def _plain_density(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    density: NDArray[np.float64] = -np.log10((pixels.astype(np.float64).mean(axis=2) + 1) / 256)
    return density


def _agreement(fixed: SlideReader, moving: SlideReader, registration: Registration) -> tuple[float, float]:
    """Return NCC of density and Dice of tissue over the whole fixed slide, under the map."""
    whole = Bounds(0, 0, fixed.width, fixed.height)
    side = 400
    scale = max(fixed.width, fixed.height) / side
    shape = (max(8, round(fixed.height / scale)), max(8, round(fixed.width / scale)))
    here = _plain_density(fixed.read(whole, shape[::-1]))
    there = _warped_window(moving, registration, whole, shape)
    one, two = here > _glass(here), there > _glass(there)
    dice = 2 * (one & two).sum() / max(1, one.sum() + two.sum())
    return _likeness(here, there), float(dice)


def _glass(density: NDArray[np.float64]) -> float:
    """Return the density threshold of tissue: a little above the lightest tenth."""
    return float(np.quantile(density, 0.1)) + 0.03


def _likeness(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
    a, b = one - one.mean(), two - two.mean()
    return float((a * b).sum() / (np.sqrt((a**2).sum() * (b**2).sum()) + 1e-12))


def _affine(matrix: NDArray[np.float64], points: Points) -> Points:
    moved: Points = np.asarray(points, dtype=np.float64)[:, :2] @ matrix[:2, :2].T + matrix[:2, 2]
    return moved


def _grid_shape(shifts: Sequence[Any]) -> tuple[int, int]:
    return len(shifts), len(shifts[0]) if len(shifts) else 0


def _not_alike(count: int) -> DataError:
    message = Message(
        "slides_not_alike",
        count=count,
        least=LEAST_LANDMARKS,
    )
    return DataError(message, code="not_alike")
