"""Physical pixel size and objective power: read from files, checked, converted. Free of torch and Django."""

from __future__ import annotations

from ml.slides.resolution.files import read_scale
from ml.slides.resolution.formats import name_format
from ml.slides.resolution.scale import Resolution, Scale, estimate_power
from ml.slides.resolution.square import opened_square, predict_square, square_view, stretch_of

__all__ = [
    "Resolution",
    "Scale",
    "estimate_power",
    "name_format",
    "opened_square",
    "predict_square",
    "read_scale",
    "square_view",
    "stretch_of",
]
