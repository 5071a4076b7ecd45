"""Labelled patches and images of a dataset, as rows that a classifier learns from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Context, DataError, Dataset, LabelledImage
from ml.data.channels import take_channels
from ml.data.patches import PatchSamples, has_background, in_parts, label_patches, part_of
from ml.data.training_table import TrainingTable, hold_out, join_tables
from ml.features.patch_grids import full_grid
from ml.features.patch_reader import PatchReader
from ml.features.store import feature_store
from ml.messages import Message
from ml.slides import open_as, tissue_mask
from ml.slides.grid import GridSettings
from ml.slides.resolution import opened_square
from ml.storage.model_state import ModelState

LEAST_CLASSES = 2


class Sampler(Protocol):
    """Gathers the labelled items of a dataset."""

    def gather(self, dataset: Dataset, context: Context, parts: Sequence[str]) -> TrainingTable:
        """Return all labelled items of some parts; raises DataError(``no_labels``) for none."""
        ...

    def material(self, dataset: Dataset, context: Context) -> tuple[TrainingTable, TrainingTable]:
        """Return the training and the held-out items; raises DataError(``one_class_only``)."""
        ...


@dataclass(frozen=True)
class PatchSampler:
    """The patches that shapes and finished regions label, and labelled images.

    ``grid`` returns the settings of the patches; ``check`` raises DataError for unusable training items.
    """

    state: ModelState
    reader: PatchReader
    grid: Callable[[], GridSettings]
    check: Callable[[TrainingTable], None] | None = None

    def gather(self, dataset: Dataset, context: Context, parts: Sequence[str]) -> TrainingTable:
        """Return all labelled items of some parts; raises DataError(``no_labels``) for none."""
        state = self.state
        tables: list[TrainingTable] = []
        for labelled in dataset.slides:
            store = feature_store(context)
            store.remember(labelled.path, labelled.content)
            with opened_square(partial(open_as, channels=state.channels), labelled) as (reader, slide):
                grid = full_grid(reader, self.grid(), None)
                tissue = tissue_mask(reader) if state.background and slide.finished else None
                samples = label_patches(slide, grid, tissue, dataset, background=state.background)
                samples = samples.take(in_parts(dataset, samples.units, parts))
                if len(samples):
                    rows = self.reader.rows_of(reader, slide.content, samples.squares, context)
                    tables.append(_table(rows, samples))
        images = [
            image
            for image in dataset.images
            if image.label is not None and ("all" in parts or part_of(dataset, image.case) in parts)
        ]
        if images:
            tables.append(self._image_table(images, context))
        if not tables:
            message = Message("nothing_labelled", part=" or ".join(parts))
            raise DataError(message, code="no_labels")
        return join_tables(tables)

    def material(self, dataset: Dataset, context: Context) -> tuple[TrainingTable, TrainingTable]:
        """Return the training and the held-out items; without a validation part a fifth is held out.

        Raises DataError(``one_class_only``), and what ``check`` raises.
        """
        return training_material(self, dataset, context, self.check)

    def _image_table(self, images: Sequence[LabelledImage], context: Context) -> TrainingTable:
        state = self.state
        truth = np.array([state.labels.index(str(image.label)) for image in images], dtype=np.int16)
        return TrainingTable(
            self.reader.image_rows(images, context),
            np.eye(len(state.classes))[truth],
            truth,
            np.ones(len(images)),
            np.array([image.case for image in images], dtype=np.str_),
        )


def training_material(
    sampler: Sampler,
    dataset: Dataset,
    context: Context,
    check: Callable[[TrainingTable], None] | None = None,
) -> tuple[TrainingTable, TrainingTable]:
    """Return the training items and those of the validation part, or a fifth where that part is empty.

    Raises DataError(``one_class_only``), and what ``check`` raises.
    """
    learned = sampler.gather(dataset, context, ("train",))
    check_classes(learned)
    if check is not None:
        check(learned)
    try:
        return learned, sampler.gather(dataset, context, ("validation",))
    except DataError as error:
        if error.code != "no_labels":
            raise
    return hold_out(learned, context.seed)


def check_classes(learned: TrainingTable) -> None:
    """Raise DataError(``one_class_only``) unless at least two classes lead in some item."""
    if len(np.unique(learned.targets.argmax(axis=1))) < LEAST_CLASSES:
        message = Message("one_class_marked")
        raise DataError(message, code="one_class_only")


def check_pixels(learned: TrainingTable) -> None:
    """Raise DataError(``constant_images``) where every patch (n, ..., h, w, depth) is of one colour."""
    if not any((row != row[..., :1, :1, :]).any() for row in learned.rows):
        message = Message("patches_of_one_colour")
        raise DataError(message, code="constant_images")


def take_classes(state: ModelState, dataset: Dataset, context: Context) -> None:
    """Store seed, channels and background of a training run; raises DataError for unusable labels."""
    state.seed = context.seed
    take_channels(state, dataset)
    state.background = has_background(dataset)
    if dataset.labels != state.labels:
        message = Message(
            "labels_of_data_differ", labels=", ".join(dataset.labels), known=", ".join(state.labels)
        )
        raise DataError(message, code="other_labels")
    if len(state.classes) < LEAST_CLASSES:
        message = Message("one_label_marked")
        raise DataError(message, code="one_class_only")


def _table(rows: NDArray[Any], samples: PatchSamples) -> TrainingTable:
    return TrainingTable(rows, samples.targets, samples.truth, samples.weights, samples.units)
