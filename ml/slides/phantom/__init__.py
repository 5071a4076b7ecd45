"""Synthetic H&E slides with exactly known truth."""

from __future__ import annotations

from ml.slides.phantom.truth import PhantomTruth, truth_of
from ml.slides.phantom.writing import write_phantom

__all__ = ["PhantomTruth", "truth_of", "write_phantom"]
