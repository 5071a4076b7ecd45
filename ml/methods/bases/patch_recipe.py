"""Base of recipes of patches: labelled patches, evaluation, prediction over a grid."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ml.contracts import (
    Context,
    DataError,
    Dataset,
    Evaluation,
    HeatMap,
    LabelledImage,
    Objects,
    Prediction,
    SettingsT_co,
    SlideFinding,
    SlideReader,
)
from ml.data.patches import (
    BACKGROUND,
    MOSTLY,
    PatchSamples,
    has_background,
    in_parts,
    label_patches,
    part_of,
)
from ml.data.squares import Squares, read_patches, reading_order
from ml.evaluation.classification import evaluate_classes
from ml.features.store import FeatureStore
from ml.inference.entropy import entropy_share
from ml.inference.journal import Arrays, Journal
from ml.messages import Message
from ml.methods.bases.catalogue_recipe import CatalogueRecipe
from ml.methods.bases.settings import GridSettingsT_co
from ml.slides import PatchGrid, grid_of, open_as, tissue_mask
from ml.slides.grid import GridSettings
from ml.slides.resolution import opened_square
from ml.storage.model_folder import ModelFile, fitting, read_model, read_weights, write_model

# Heat maps are handed on at most this often, because each is a copy of the whole grid.
LOOKS = 50
# Patches in a row that the same process looks at, where several share a slide: whole blocks of every recipe.
SHARED = 512
Weights = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class PatchPredictions:
    """Predictions for the patches ``indices`` (m,): ``probability`` float64 (m, k) over the classes.

    ``uncertainty`` (m,) is 0..1. Patches without a reported label are false in ``reported``: they make no
    object and leave a hole in the maps of probability.
    """

    indices: NDArray[np.intp]
    probability: NDArray[np.float64]
    uncertainty: NDArray[np.float32]
    reported: NDArray[np.bool_]


JUDGED = tuple(field.name for field in dataclasses.fields(PatchPredictions))


def _from_arrays(arrays: Arrays, left: NDArray[np.bool_]) -> PatchPredictions:
    """Return the predictions stored in a journal, without patches that already have one."""
    judged = PatchPredictions(*(arrays[name] for name in JUDGED))
    new = left[judged.indices]
    return PatchPredictions(*(getattr(judged, name)[new] for name in JUDGED))


def predictions_of(indices: NDArray[np.intp], probability: NDArray[np.float64]) -> PatchPredictions:
    """Return predictions from probabilities, with their entropy as uncertainty, all reported."""
    return PatchPredictions(
        indices, probability, entropy_share(probability), np.ones(len(indices), dtype=bool)
    )


@dataclass(frozen=True, slots=True)
class TrainingTable:
    """All labelled items of some parts, as one table; ``rows`` are the recipe's inputs."""

    rows: NDArray[Any]
    targets: NDArray[np.float64]
    truth: NDArray[np.int16]
    weights: NDArray[np.float64]
    units: NDArray[np.str_]

    def take(self, which: NDArray[Any]) -> TrainingTable:
        """Return the items at these indices, or of a mask."""
        return TrainingTable(
            self.rows[which],
            self.targets[which],
            self.truth[which],
            self.weights[which],
            self.units[which],
        )


class PatchRecipe(CatalogueRecipe[SettingsT_co], ABC):
    """A classifier of patches. Subclasses define reading, training and prediction of rows."""

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        super().__init__(labels, config)
        self.background = False
        self.temperature = 1.0

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the labels, and background where it is a class."""
        return (*self.labels, BACKGROUND) if self.background else self.labels

    @property
    @abstractmethod
    def grid_settings(self) -> GridSettings:
        """Return the settings by which patches are laid out on a slide."""

    @abstractmethod
    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on the parts ``train`` and ``validation``."""

    @abstractmethod
    def rows_of(self, reader: SlideReader, content: str, squares: Squares, context: Context) -> Any:
        """Return the input of the classifier for each patch, (n, ...)."""

    @abstractmethod
    def image_rows(self, images: Sequence[LabelledImage], context: Context) -> Any:
        """Return the input of the classifier for each image, (n, ...)."""

    def ready(self, context: Context) -> None:
        """Move the model to the device of the context; by default there is nothing to move."""

    @abstractmethod
    def judge(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k) over the classes."""

    @abstractmethod
    def pixel_rows(self, reader: SlideReader, squares: Squares, context: Context) -> NDArray[np.uint8]:
        """Return the pixels (n, ..., side, side, 3) of each patch as the network reads them."""

    @abstractmethod
    def image_pixel_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.uint8]:
        """Return the pixels (n, ..., side, side, 3) of each image as the network reads them."""

    @abstractmethod
    def judge_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k) for pixels as the two methods above return them."""

    @abstractmethod
    def _stream(self, reader: SlideReader, squares: Squares, context: Context) -> Iterator[PatchPredictions]:
        """Yield predictions for the patches, block by block."""

    @abstractmethod
    def _weights(self) -> Weights:
        """Return the learned arrays; raises DataError(``not_fitted``)."""

    @abstractmethod
    def restore(self, weights: Weights) -> None:
        """Restore the arrays of ``_weights``."""

    def evaluate(self, dataset: Dataset, context: Context, part: str = "test") -> Evaluation:
        """Measure on the labelled patches of one part; ``all`` is every part."""
        self.ready(context)
        known = self.gather(dataset, context, (part,))
        sure = known.truth >= 0
        if not sure.any():
            message = Message(
                "no_patch_to_measure",
                part=part,
            )
            raise DataError(message, code="nothing_to_measure")
        return evaluate_classes(
            self.classes,
            known.truth[sure],
            self.judge(known.rows[sure]).astype(np.float32),
            known.units[sure],
            context.seed,
        )

    def predict(
        self, slide: SlideReader, context: Context, region: BaseGeometry | None = None
    ) -> Iterator[Prediction]:
        """Yield growing heat maps and new boxes, block by block; the last has progress 1."""
        self.ready(context)
        grid = self._tissue_grid(slide, context, region)
        if not len(grid):
            yield Prediction(1.0)
            return
        canvas = _Canvas(grid, len(self.labels))
        done, shown = 0, 0
        waiting: list[Objects] = []
        for judged in self._judged(slide, grid, context):
            canvas.paint(judged)
            waiting.append(self._objects(canvas.boxes(judged.indices), judged))
            done += len(judged.indices)
            context.report(
                done / len(grid),
                Message("patches_judged", done=done, total=len(grid)),
            )
            # The first block is shown at once: somebody may be waiting for it.
            if not shown or done == len(grid) or done - shown >= len(grid) / LOOKS:
                shown = done
                finding = self._finding(canvas.values()) if done == len(grid) else None
                maps = canvas.heat_maps()
                yield Prediction(done / len(grid), join_objects(waiting), maps, finding)
                waiting.clear()

    def _judged(self, slide: SlideReader, grid: PatchGrid, context: Context) -> Iterator[PatchPredictions]:
        """Yield the predictions of earlier runs, then of the rest of this run's share."""
        squares = squares_of(grid)
        order = reading_order(squares)
        part, parts = context.share
        mine = np.arange(len(order)) // SHARED % parts == part
        left = np.ones(len(order), dtype=bool)
        question = f"{feature_store(context).content_of(slide.path)} {grid.key} {' '.join(JUDGED)}"
        with Journal(context, question) as journal:
            for arrays in journal.finished():
                predicted = _from_arrays(arrays, left)
                left[predicted.indices] = False
                yield predicted
            pending = order[mine & left[order]]
            for judged in self._stream(slide, squares.take(pending), context) if len(pending) else ():
                predicted = dataclasses.replace(judged, indices=pending[judged.indices])
                journal.add({name: getattr(predicted, name) for name in JUDGED})
                yield predicted

    def _finding(self, values: NDArray[np.float32]) -> SlideFinding | None:
        """Return the finding of the whole slide from the probabilities of all patches, and their uncertainty.

        ``values`` (n, labels + 1). Nothing, unless a recipe says more.
        """
        del values
        return None

    def save(self, folder: Path) -> None:
        """Write ``model.json`` and safetensors into a new folder."""
        model = ModelFile(
            recipe=self.name,
            version="1",
            labels=self.labels,
            config=self.settings,
            seed=self.seed,
            background=self.background,
            temperature=self.temperature,
            facts=self.facts,
            channels=self.channels,
        )
        write_model(folder, model, self._weights())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model folder; raises DataError(``bad_weights``) with the reason."""
        model = read_model(folder)
        recipe = cls.build(model.labels, model.config)
        recipe.background, recipe.temperature = model.background, model.temperature
        recipe.seed, recipe.facts, recipe.channels = model.seed, dict(model.facts), model.channels
        weights = read_weights(folder)
        with fitting(f"{folder}", cls.title):
            recipe.restore(weights)
        return recipe

    def _prepare(self, dataset: Dataset, context: Context) -> None:
        """Store labels and classes of the dataset; raises DataError when there is only one class."""
        self.seed = context.seed
        self.take_channels(dataset)
        self.background = has_background(dataset)
        if dataset.labels != self.labels:
            message = Message(
                "labels_of_data_differ",
                labels=", ".join(dataset.labels),
                known=", ".join(self.labels),
            )
            raise DataError(message, code="other_labels")
        if len(self.classes) < 2:  # noqa: PLR2004 - one against another
            message = Message(
                "one_label_marked",
            )
            raise DataError(message, code="one_class_only")

    def gather(self, dataset: Dataset, context: Context, parts: Sequence[str]) -> TrainingTable:
        """Return all labelled items of some parts; raises DataError(``no_labels``) for none."""
        tables: list[TrainingTable] = []
        for labelled in dataset.slides:
            store = feature_store(context)
            store.remember(labelled.path, labelled.content)
            with opened_square(partial(open_as, channels=self.channels), labelled) as (reader, slide):
                grid = self.grid(reader)
                tissue = tissue_mask(reader) if self.background and slide.finished else None
                samples = label_patches(slide, grid, tissue, dataset, background=self.background)
                samples = samples.take(in_parts(dataset, samples.units, parts))
                if len(samples):
                    rows = self.rows_of(reader, slide.content, samples.squares, context)
                    tables.append(_table(rows, samples))
        images = [
            image
            for image in dataset.images
            if image.label is not None and ("all" in parts or part_of(dataset, image.case) in parts)
        ]
        if images:
            tables.append(self._image_table(images, context))
        if not tables:
            listed = " or ".join(parts)
            message = Message(
                "nothing_labelled",
                part=listed,
            )
            raise DataError(message, code="no_labels")
        return join_tables(tables)

    def _image_table(self, images: Sequence[LabelledImage], context: Context) -> TrainingTable:
        truth = np.array([self.labels.index(str(image.label)) for image in images], dtype=np.int16)
        return TrainingTable(
            self.image_rows(images, context),
            np.eye(len(self.classes))[truth],
            truth,
            np.ones(len(images)),
            np.array([image.case for image in images], dtype=np.str_),
        )

    def grid(self, reader: SlideReader) -> PatchGrid:
        """Return all patches of a slide at the recipe's settings."""
        return full_grid(reader, self.grid_settings, None)

    def _tissue_grid(self, reader: SlideReader, context: Context, region: BaseGeometry | None) -> PatchGrid:
        return tissue_grid(reader, self.grid_settings, context, region)

    def _objects(self, boxes: NDArray[np.object_], judged: PatchPredictions) -> Objects:
        best = judged.probability.argmax(axis=1)
        kept = (best < len(self.labels)) & judged.reported
        return Objects(
            boxes[kept],
            best[kept].astype(np.int16),
            judged.probability.max(axis=1)[kept].astype(np.float32),
            judged.uncertainty[kept],
        )


class GridRecipe(PatchRecipe[GridSettingsT_co]):
    """A patch recipe whose own settings lay out the patches."""

    @property
    def grid_settings(self) -> GridSettings:
        """Return the settings of the recipe."""
        return self.config


class _Canvas:
    """Growing heat maps of a prediction."""

    def __init__(self, grid: PatchGrid, labels: int) -> None:
        side = min(grid.step, grid.size)
        # Where patches overlap, each speaks for the cell around its own centre.
        margin = (grid.size - side) / 2
        self._x, self._y = grid.x + margin, grid.y + margin
        self._step, self._index = grid.step, grid.index
        self._side = side
        shape = (labels + 1, grid.rows, grid.columns)
        self._values = np.full(shape, np.nan, dtype=np.float32)

    def boxes(self, indices: NDArray[np.intp]) -> NDArray[np.object_]:
        """Return the squares (m,) of patches with a reported label."""
        rows, columns = self._index[indices].T
        x, y = self._x + columns * self._step, self._y + rows * self._step
        squares: NDArray[np.object_] = shapely.box(x, y, x + self._side, y + self._side)
        return squares

    def paint(self, judged: PatchPredictions) -> None:
        """Write the cells of some patches."""
        rows, columns = self._index[judged.indices].T
        labels = len(self._values) - 1
        shown = np.where(judged.reported[:, None], judged.probability[:, :labels], np.nan)
        self._values[:labels, rows, columns] = shown.T
        self._values[labels, rows, columns] = judged.uncertainty

    def values(self) -> NDArray[np.float32]:
        """Return (n, labels + 1): the probabilities of each patch of the grid, then its uncertainty."""
        rows, columns = self._index.T
        return self._values[:, rows, columns].T

    def heat_maps(self) -> tuple[HeatMap, ...]:
        """Return copies of the current maps: one per label, then uncertainty."""
        labels = len(self._values) - 1
        kinds = [("probability", number) for number in range(labels)]
        return tuple(
            HeatMap(kind, label, self._x, self._y, self._step, values.copy())
            for (kind, label), values in zip([*kinds, ("uncertainty", None)], self._values, strict=True)
        )


def feature_store(context: Context) -> FeatureStore:
    """Return the store of a run, or one in its scratch space."""
    return FeatureStore(context.features or context.scratch / "features")


def full_grid(reader: SlideReader, config: GridSettings, region: BaseGeometry | None) -> PatchGrid:
    """Return all patches of a slide, or of a region."""
    return grid_of(reader, patch=config.patch, stride=config.stride, mpp=config.mpp, region=region)


def tissue_grid(
    reader: SlideReader, config: GridSettings, context: Context, region: BaseGeometry | None
) -> PatchGrid:
    """Return the patches on tissue; the choice is stored with the slide's features."""
    full = full_grid(reader, config, None)

    def on_tissue() -> NDArray[np.bool_]:
        return tissue_mask(reader).shares(full.corners()) >= MOSTLY

    store = feature_store(context)
    content = store.content_of(reader.path)
    tissue = store.cached(content, f"tissue-{full.key}", on_tissue)
    if region is None:
        return dataclasses.replace(full, index=full.index[tissue])
    grid = full_grid(reader, config, region)
    kept = tissue.reshape(full.rows, full.columns)[grid.index[:, 0], grid.index[:, 1]]
    return dataclasses.replace(grid, index=grid.index[kept])


def pixels_of(reader: SlideReader, squares: Squares, side: int, context: Context) -> NDArray[np.uint8]:
    """Return (n, side, side, 3) RGB of patches, or (n, side, side, channels)."""
    rows = np.empty((len(squares), side, side, len(reader.channels) or 3), dtype=np.uint8)
    done = 0
    for which, patches in read_patches(reader, squares, side, workers=context.workers):
        rows[which] = patches
        done += len(which)
        context.report(0.0, Message("patches_read", done=done, total=len(squares)))
    return rows


def join_objects(batches: Sequence[Objects]) -> Objects:
    """Return one batch of all."""
    return Objects(
        np.concatenate([batch.geometry for batch in batches]),
        np.concatenate([batch.label for batch in batches]),
        np.concatenate([batch.score for batch in batches]),
        np.concatenate([batch.uncertainty for batch in batches]),
    )


def squares_of(grid: PatchGrid) -> Squares:
    """Return the patches of a grid as squares of whole pixels."""
    corners = np.rint(grid.corners()[:, :2]).astype(np.int64)
    return Squares(corners, max(1, round(grid.size)))


def _table(rows: NDArray[Any], samples: PatchSamples) -> TrainingTable:
    return TrainingTable(rows, samples.targets, samples.truth, samples.weights, samples.units)


def join_tables(tables: Sequence[TrainingTable]) -> TrainingTable:
    """Return one table of all."""
    return TrainingTable(
        np.concatenate([table.rows for table in tables]),
        np.concatenate([table.targets for table in tables]),
        np.concatenate([table.truth for table in tables]),
        np.concatenate([table.weights for table in tables]),
        np.concatenate([table.units for table in tables]),
    )
