"""Labelled material: reading, splitting, cutting into patches, augmentation."""

from __future__ import annotations

from ml.data.folders.reading import load_dataset
from ml.data.split import split_dataset

__all__ = ["load_dataset", "split_dataset"]
