"""Translation of a dataset's labels into those of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ml.contracts import DataError, Dataset
from ml.data.folders.reading import OBJECT
from ml.messages import Message


def match_labels(dataset: Dataset, labels: Sequence[str]) -> Dataset:
    """Return the dataset with the labels of a model, in its order.

    Masks have no names for what they outline, so they fit any model. Raises
    DataError(``other_labels``) when an image or a whole slide has a label that the model does not know.
    """
    known = set(labels)
    if dataset.labels == (OBJECT,) and dataset.images:
        return replace(dataset, labels=tuple(labels))
    strange = sorted(set(dataset.labels) - known)
    if strange and (dataset.images or any(slide.label in strange for slide in dataset.slides)):
        message = Message(
            "labels_unknown",
            labels=", ".join(strange),
            known=", ".join(labels),
        )
        raise DataError(message, code="other_labels")
    return replace(dataset, labels=tuple(labels))
