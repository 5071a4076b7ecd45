"""Whole slide images: readers, tissue, quality, grids of patches, and synthetic slides with known truth."""

from __future__ import annotations

from ml.slides.errors import SlideError
from ml.slides.grid import PatchGrid, grid_of, scale_of
from ml.slides.phantom import PhantomTruth, write_phantom
from ml.slides.quality.map import QualityMap, quality_map
from ml.slides.quality.scores import QualityScores, assess, focus_score, pen_score
from ml.slides.reading import find_channels, open_any, open_as, open_slide, thumbnail
from ml.slides.tissue import TissueMask, tissue_mask

__all__ = [
    "PatchGrid",
    "PhantomTruth",
    "QualityMap",
    "QualityScores",
    "SlideError",
    "TissueMask",
    "assess",
    "find_channels",
    "focus_score",
    "grid_of",
    "open_any",
    "open_as",
    "open_slide",
    "pen_score",
    "quality_map",
    "scale_of",
    "thumbnail",
    "tissue_mask",
    "write_phantom",
]
