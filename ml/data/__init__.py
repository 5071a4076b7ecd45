"""Labelled material: reading it, splitting it, cutting it into patches, varying it."""

from __future__ import annotations

from ml.data.folders import load_dataset
from ml.data.split import split_dataset

__all__ = ["load_dataset", "split_dataset"]
