"""Regions from a few strokes: a linear head on feature maps of a pretrained network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ml.contracts import Context, DataError, Dataset, Evaluation, SlideReader
from ml.data.cells import Cells, class_of_cells, draw_cells, join_cells, with_thin_marks
from ml.data.channels import take_channels
from ml.data.folders.images import read_image
from ml.data.patches import in_parts
from ml.data.regions import UnitMarks, marks_of, region_images
from ml.encoders.dense import CELL, DenseEncoder
from ml.encoders.map_scores import MapScores
from ml.encoders.packed_maps import BLOCK
from ml.encoders.stored_maps import MARGIN, StoredMaps
from ml.evaluation.classification import evaluate_classes
from ml.features.store import feature_store
from ml.inference.canvas import Shares
from ml.inference.edges import follow_edges
from ml.inference.region_windows import SeeWindow, margin_of
from ml.inference.windows import Window, Windows
from ml.messages import Message
from ml.methods.bases.region_recipe import RegionParts, RegionRecipe
from ml.methods.regions.paint.info import INFO, PaintConfig
from ml.methods.regions.paint.marked import classes_in_block, evenly, scale_of, stored_maps
from ml.networks.model_network import ModelNetwork
from ml.slides import open_as
from ml.slides.resolution import opened_square
from ml.storage.model_state import BACKGROUND
from ml.training.kernel import LENGTH, KernelHead, fit_head
from ml.training.logistic import probabilities
from ml.training.region_fitting import known_regions, take_region_classes

# Cells of one class that are learned from at most; more take time and teach little.
MOST = 1000
# Cells that a model is measured on at most: intervals come from a thousand resamples of all of them.
MOST_MEASURED = 20_000
# Cells of one labelled tile that are learned from, beside the mean of the tile.
CELLS_OF_TILE = 4
# Share of a prediction that goes by while maps are computed, where some are missing.
DESCRIBED = 0.8
LEARNED_FROM = ("train", "validation")


class PaintHead(nn.Module):
    """Standardised features, one linear layer, and the temperature that calibrates it."""

    def __init__(self, size: int, classes: int) -> None:
        super().__init__()
        for name, shape in (("mean", size), ("spread", size), ("matrix", (size + 1, classes))):
            self.register_buffer(name, torch.zeros(shape))
        self.register_buffer("temperature", torch.ones(()))
        self.mean: Tensor
        self.spread: Tensor
        self.matrix: Tensor
        self.temperature: Tensor

    def take(self, head: KernelHead, temperature: float) -> None:
        """Store the trained head."""
        self.mean, self.spread = (torch.from_numpy(each).float() for each in (head.mean, head.spread))
        self.matrix = torch.from_numpy(head.matrix).float()
        self.temperature = torch.tensor(temperature)

    def weights(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the weights (size, classes) and offsets (classes,) of features that are not standardised."""
        matrix = self.matrix[:-1].double() * (LENGTH / len(self.mean) ** 0.5) / self.spread.double()[:, None]
        offset = self.matrix[-1].double() - self.mean.double() @ matrix
        return matrix.float().numpy(), offset.float().numpy()

    def calibrated(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return calibrated probabilities of scores (..., classes)."""
        flat = scores.reshape(-1, scores.shape[-1]).astype(np.float64)
        return probabilities(flat, float(self.temperature)).astype(np.float32).reshape(scores.shape)

    def judge(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return calibrated probabilities (n, classes) of features (n, size)."""
        matrix, offset = self.weights()
        return self.calibrated(rows @ matrix + offset)


class Paint(RegionRecipe[PaintConfig]):
    """A fixed encoder, cells of eight pixels, and a linear head; outlines follow image edges."""

    info = INFO

    halo: ClassVar[int] = MARGIN * CELL

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        super().__init__(labels, config)
        self._device = "cpu"
        self._known_encoder: DenseEncoder | None = None

    def compose(self) -> RegionParts:
        """Return the head as the network; the recipe itself trains, measures, and reads stored maps."""
        return RegionParts(ModelNetwork(self._new_network), self, self, self)

    @property
    def tile(self) -> int:
        """Return the side of a block of stored maps."""
        return BLOCK * CELL

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the labels, after background where it is a class."""
        return (BACKGROUND, *self.labels) if self.background else self.labels

    @property
    def _encoder(self) -> DenseEncoder:
        if self._known_encoder is None:
            self._known_encoder = DenseEncoder(self.config.encoder, self._device)
        return self._known_encoder

    def ready(self, context: Context) -> None:
        """Move the encoder to the device of the context; raises DataError(``not_fitted``)."""
        self.parts.network.fitted()
        if self._device != context.device:
            self._device, self._known_encoder = context.device, None

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on the marked cells and labelled tiles of the parts ``train`` and ``validation``."""
        take_channels(self.state, dataset)
        self.seed, self._device = context.seed, context.device
        tables = list(self._known_cells(dataset, context, LEARNED_FROM, CELLS_OF_TILE))
        known = draw_cells(tables, MOST, context.seed)
        context.report(0.9, Message("learning_from_cells", count=len(known.classes)))
        self.learn(known, context.seed)
        context.report(1.0, Message("learned"))

    def learn(self, known: Cells, seed: int) -> None:
        """Train the head on labelled cells; raises DataError(``no_labels``, ``one_class_only``)."""
        take_region_classes(self.state, sorted({int(value) for value in known.classes}))
        numbers = known.classes if self.background else known.classes - 1
        head, temperature = fit_head(
            known.rows.astype(np.float64),
            np.eye(len(self.classes))[numbers],
            np.ones(len(numbers)),
            known.units,
            penalty=self.config.penalty,
            kernel="linear",
            seed=seed,
        )
        network = PaintHead(known.rows.shape[1], len(self.classes))
        network.take(head, temperature)
        self.parts.network.current = network
        self.facts = {"cells": len(numbers)}

    def describe(self, reader: SlideReader, content: str, context: Context) -> int:
        """Compute and store the maps of all tissue of a slide; return the number of blocks."""
        self._device = context.device
        feature_store(context).remember(reader.path, content)
        maps = self._maps_of(reader, content, context)
        places = [(int(row), int(column)) for row, column in np.argwhere(maps.on_tissue)]
        _compute(maps, places, context, 0.0, 1.0)
        return len(places)

    def evaluate(self, dataset: Dataset, context: Context, part: str = "test") -> Evaluation:
        """Measure on the marked cells and labelled tiles of one part; ``all`` is every part.

        Of many cells, ``MOST_MEASURED`` drawn at random are measured on.
        """
        self.ready(context)
        head = self.head
        judged = [
            replace(cells, rows=head.judge(cells.rows))
            for cells in self._known_cells(dataset, context, (part,), cells_of_tile=0)
        ]
        known = join_cells(judged)
        numbers = known.classes if self.background else known.classes - 1
        drawn = np.random.default_rng(context.seed).permutation(np.flatnonzero(numbers >= 0))
        keep = np.sort(drawn[:MOST_MEASURED])
        return evaluate_classes(
            self.classes, numbers[keep], known.rows[keep], known.units[keep], context.seed
        )

    def prepared(self, slide: SlideReader, windows: Windows, context: Context) -> tuple[float, SeeWindow]:
        """Compute the maps that are not stored; windows are blocks of stored maps."""
        maps = self._maps_of(slide, feature_store(context).content_of(slide.path), context)
        part, parts = context.share
        places = [(window.row, window.column) for window in windows.places]
        # Those of this run's share first: others may come to have been computed by then.
        around = maps.with_neighbours(maps.with_neighbours(places[part::parts]))
        begun = DESCRIBED if maps.missing(around) else 0.0
        _compute(maps, around, context, 0.0, begun)
        matrix, offset = self.head.weights()
        scores = MapScores(maps, matrix)

        def see(window: Window, pixels: NDArray[np.uint8]) -> Shares:
            cells = self.head.calibrated(scores.with_margin((window.row, window.column)) + offset)
            return self._shares(cells, pixels)

        return begun, see

    def _shares(self, cells: NDArray[np.float32], pixels: NDArray[np.uint8]) -> Shares:
        """Return the share (1 + labels, h, w) of each pixel, of the probabilities of cells."""
        tensor = torch.from_numpy(cells).permute(2, 0, 1)[None]
        shares = functional.interpolate(tensor, scale_factor=CELL, mode="bilinear")[0].numpy()
        if not self.background:
            shares = np.concatenate([np.zeros_like(shares[:1]), shares])
        return follow_edges(shares, pixels, self.config.edge)

    def scale_of(self, slide: SlideReader) -> float:
        """Return level-0 pixels per pixel as read; a slide of unknown resolution is read as it is."""
        return scale_of(slide, self.config)

    def field_of(self, shares: Shares, number: int) -> Shares:
        """Return by how much (h, w) a label's share exceeds the share of all other classes."""
        return margin_of(shares, number)

    def _known_cells(
        self, dataset: Dataset, context: Context, parts: Sequence[str], cells_of_tile: int
    ) -> Iterator[Cells]:
        """Yield the labelled cells of some parts; raises DataError(``no_labels``) for none."""
        none = True
        for cells in chain(
            self._marked(dataset, context, parts),
            self._masks(dataset, context, parts),
            self._tiles(dataset, context, parts, cells_of_tile),
        ):
            none = False
            yield cells
        if none:
            message = Message(
                "nothing_labelled",
                part=" or ".join(parts),
            )
            raise DataError(message, code="no_labels")

    def _masks(self, dataset: Dataset, context: Context, parts: Sequence[str]) -> Iterator[Cells]:
        """Yield the cells of images with masks, of some parts."""
        try:
            images = region_images(replace(dataset, slides=()), parts, self.config.mpp_if_known)
        except DataError as error:
            if error.code != "no_labels":
                raise
            return
        for number, image in enumerate(known_regions(images, self.config.unlabelled)):
            _report_images(context, number, len(images))
            classes = class_of_cells(image.classes, CELL, len(self.labels))
            rows = self._encoder.dense(image.pixels)[classes >= 0]
            yield Cells(rows, classes[classes >= 0], np.full(len(rows), image.unit))

    def _marked(self, dataset: Dataset, context: Context, parts: Sequence[str]) -> Iterator[Cells]:
        """Yield the cells of slides within marks, of some parts."""
        for number, labelled in enumerate(dataset.slides):
            with opened_square(partial(open_as, channels=dataset.channels), labelled) as (reader, slide):
                feature_store(context).remember(reader.path, labelled.content)
                maps = self._maps_of(reader, labelled.content, context)
                marked = with_thin_marks(slide, CELL * maps.scale)
                places = [
                    (marks, evenly(maps.touched(marks.shapes))) for marks in marks_of(marked, dataset, parts)
                ]
                start, end = (0.9 * n / len(dataset.slides) for n in (number, number + 1))
                needed = maps.with_neighbours(place for _, blocks in places for place in blocks)
                _compute(maps, needed, context, start, end)
                for marks, blocks in places:
                    for place in blocks:
                        yield self._cells(maps, marks, place)

    def _cells(self, maps: StoredMaps, marks: UnitMarks, place: tuple[int, int]) -> Cells:
        """Return the labelled cells of one unit in a block."""
        classes = classes_in_block(marks, place, maps.scale, len(self.labels), self.config)
        known = classes >= 0
        rows = maps.features(place, known)
        return Cells(rows, classes[known], np.full(len(rows), marks.unit))

    def _maps_of(self, reader: SlideReader, content: str, context: Context) -> StoredMaps:
        """Return the stored maps of a slide by this encoder."""
        return stored_maps(reader, content, self._encoder, self.config, feature_store(context))

    def _tiles(
        self, dataset: Dataset, context: Context, parts: Sequence[str], cells_of_tile: int
    ) -> Iterator[Cells]:
        """Yield labelled tiles as the mean of their cells, and some of their cells individually."""
        images = [image for image in dataset.images if image.label in self.labels and image.mask is None]
        cases = np.array([image.case for image in images], dtype=np.str_)
        chosen = np.flatnonzero(in_parts(dataset, cases, parts))
        random = np.random.default_rng(context.seed)
        for number, which in enumerate(chosen):
            _report_images(context, number, len(chosen))
            image = images[which]
            features = self._encoder.dense(read_image(image.path))
            rows = features.reshape(-1, features.shape[2])
            drawn = rows[random.integers(len(rows), size=cells_of_tile)]
            table = np.concatenate([rows.mean(axis=0, keepdims=True), drawn])
            label = self.labels.index(str(image.label)) + 1
            yield Cells(table, np.full(len(table), label, np.int16), np.full(len(table), image.case))

    @property
    def head(self) -> PaintHead:
        """Return the trained head; raises DataError(``not_fitted``)."""
        return cast("PaintHead", self.parts.network.fitted())

    def _new_network(self) -> nn.Module:
        return PaintHead(self._encoder.size, len(self.classes))


def _report_images(context: Context, number: int, count: int) -> None:
    text = Message("images_described", done=number, total=count)
    context.report(0.9 * number / count, text)


def _compute(
    maps: StoredMaps, places: Sequence[tuple[int, int]], context: Context, start: float, end: float
) -> None:
    """Compute the maps that are not stored, with progress from ``start`` to ``end``."""

    def report(done: int, total: int) -> None:
        text = Message("blocks_described", done=done, total=total)
        context.report(start + (end - start) * done / max(1, total), text)

    maps.compute(places, report, context.workers)
