"""Image quality of a slide: focus, pen ink, tissue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ml.contracts import Bounds, SlideReader
from ml.slides.grid import grid_of
from ml.slides.quality.colour import pen_pixels
from ml.slides.reading import thumbnail
from ml.slides.tissue import TissueMask, tissue_mask

FOCUS_PATCH = 256
FOCUS_SAMPLES = 48
# Ratio of the Laplacian's variance to the gray variance at which a patch counts as half sharp. On
# sharp 20x tissue it is 0.02 to 0.18; a Gaussian blur of 2 px brings it below 0.012 nearly everywhere.
SHARP_RATIO = 0.012
MIN_CONTRAST = 16.0
IN_FOCUS = 0.5


@dataclass(frozen=True)
class QualityScores:
    """Quality of a slide; ``focus`` 0..1 is the share of sampled tissue in focus (NaN without tissue).

    ``pen`` 0..1: share of the slide covered by marker ink. ``tissue_fraction`` 0..1.
    """

    focus: float
    pen: float
    tissue_fraction: float
    mask: TissueMask


def focus_score(pixels: NDArray[np.uint8]) -> float:
    """Return the sharpness of an RGB patch (h, w, 3), 0 (blurred) to 1; NaN without contrast.

    Variance of the Laplacian over the variance of the gray values, so that pale and dark stains
    are judged alike, after a light Gaussian that keeps sensor noise and JPEG edges from passing
    for detail. The ratio falls with the fourth power of the blur (Pertuz et al. 2013, LAPV).
    """
    gray = pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    smooth = ndimage.gaussian_filter(gray, 1.0)
    contrast = float(smooth.var())
    if contrast < MIN_CONTRAST:
        return float("nan")
    ratio = float(ndimage.laplace(smooth).var()) / contrast
    return ratio / (ratio + SHARP_RATIO)


def pen_score(pixels: NDArray[np.uint8]) -> float:
    """Return the share 0..1 of an RGB image (h, w, 3) that is marker ink."""
    ink = ndimage.binary_opening(pen_pixels(pixels), np.ones((3, 3)))
    return float(ink.mean())


def assess(reader: SlideReader) -> QualityScores:
    """Measure focus on evenly sampled tissue patches, and ink and tissue on a thumbnail."""
    mask = tissue_mask(reader)
    grid = grid_of((reader.width, reader.height), patch=FOCUS_PATCH, stride=FOCUS_PATCH, tissue=mask)
    count = min(FOCUS_SAMPLES, len(grid))
    chosen = (
        np.unique(np.linspace(0, len(grid) - 1, count).round().astype(int)) if count else np.zeros(0, int)
    )
    scores = np.array([focus_score(read_patch(reader, grid.bounds(int(i)))) for i in chosen])
    judged = scores[~np.isnan(scores)] if len(scores) else scores
    return QualityScores(
        focus=float((judged > IN_FOCUS).mean()) if len(judged) else float("nan"),
        pen=pen_score(thumbnail(reader, 1024)),
        tissue_fraction=mask.fraction(),
        mask=mask,
    )


def read_patch(reader: SlideReader, bounds: Bounds) -> NDArray[np.uint8]:
    """Read a patch at full resolution."""
    return reader.read(bounds, (bounds.width, bounds.height))
