"""Regions from a few strokes: a linear head on feature maps of a pretrained network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ml.contracts import Context, DataError, Dataset, Evaluation, SlideReader
from ml.data.cells import Cells, class_of_cells, draw_cells, join_cells, with_thin_marks
from ml.data.folders.images import read_image
from ml.data.objects import level_scale
from ml.data.patches import BACKGROUND, in_parts
from ml.data.regions import region_images
from ml.encoders.dense import CELL, DenseEncoder
from ml.evaluation.classification import evaluate_classes
from ml.inference.canvas import Shares
from ml.inference.edges import follow_edges
from ml.messages import Message
from ml.methods.bases.region_recipe import RegionRecipe
from ml.training.kernel import KernelHead, fit_head
from ml.training.logistic import probabilities

# Cells of one class that are learned from at most; more take time and teach little.
MOST = 3000
# Cells that a model is measured on at most: intervals come from a thousand resamples of all of them.
MOST_MEASURED = 20_000
# Cells of one labelled tile that are learned from, beside the mean of the tile.
CELLS_OF_TILE = 4
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

    def judge(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return calibrated probabilities (n, classes) of features (n, size)."""
        mean, spread, matrix = (each.double().numpy() for each in (self.mean, self.spread, self.matrix))
        none = np.zeros((0, 0))
        scores = KernelHead(mean, spread, none, none, matrix).scores(rows.astype(np.float64))
        return probabilities(scores, float(self.temperature)).astype(np.float32)


class Paint(RegionRecipe, recipe="paint"):
    """A fixed encoder, cells of eight pixels, and a linear head; outlines follow image edges."""

    halo: ClassVar[int] = 96

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        super().__init__(labels, config)
        self._known_encoder: DenseEncoder | None = None

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
        self._fitted()
        if self._device != context.device:
            self._device, self._known_encoder = context.device, None

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on the marked cells and labelled tiles of the parts ``train`` and ``validation``."""
        self.take_channels(dataset)
        self.seed, self._device = context.seed, context.device
        tables = list(self._known_cells(dataset, context, LEARNED_FROM, CELLS_OF_TILE))
        known = draw_cells(tables, MOST, context.seed)
        self._check_classes(sorted({int(value) for value in known.classes}))
        numbers = known.classes if self.background else known.classes - 1
        targets = np.eye(len(self.classes))[numbers]
        context.report(0.9, Message("learning_from_cells", count=len(numbers)))
        head, temperature = fit_head(
            known.rows.astype(np.float64),
            targets,
            np.ones(len(numbers)),
            known.units,
            penalty=self.config.penalty,
            kernel="linear",
            seed=context.seed,
        )
        network = PaintHead(self._encoder.size, len(self.classes))
        network.take(head, temperature)
        self.network = network
        self.facts = {"cells": len(numbers)}
        context.report(1.0, Message("learned"))

    def evaluate(self, dataset: Dataset, context: Context, part: str = "test") -> Evaluation:
        """Measure on the marked cells and labelled tiles of one part; ``all`` is every part.

        Of many cells, ``MOST_MEASURED`` drawn at random are measured on.
        """
        self.ready(context)
        head = self._head()
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

    def see(self, pixels: NDArray[np.uint8]) -> Shares:
        """Return the share (1 + labels, h, w) of background and each label at each pixel."""
        features = self._encoder.dense(pixels)
        predicted = self._head().judge(features.reshape(-1, features.shape[2]))
        cells = torch.from_numpy(predicted).T.reshape(1, -1, *features.shape[:2]).float()
        size = tuple(CELL * n for n in features.shape[:2])
        shares = functional.interpolate(cells, size, mode="bilinear")[0].numpy()
        shares = shares[:, : pixels.shape[0], : pixels.shape[1]]
        if not self.background:
            shares = np.concatenate([np.zeros_like(shares[:1]), shares])
        return follow_edges(shares, pixels, self.config.edge)

    def scale_of(self, slide: SlideReader) -> float:
        """Return level-0 pixels per pixel as read; a slide of unknown resolution is read as it is."""
        return level_scale(slide, self.config.mpp_if_known if slide.mpp else None)

    def _known_cells(
        self, dataset: Dataset, context: Context, parts: Sequence[str], cells_of_tile: int
    ) -> Iterator[Cells]:
        """Yield the labelled cells of some parts; raises DataError(``no_labels``) for none."""
        none = True
        for cells in chain(
            self._marked(dataset, context, parts), self._tiles(dataset, context, parts, cells_of_tile)
        ):
            none = False
            yield cells
        if none:
            message = Message(
                "nothing_labelled",
                part=" or ".join(parts),
            )
            raise DataError("no_labels", message)

    def _marked(self, dataset: Dataset, context: Context, parts: Sequence[str]) -> Iterator[Cells]:
        """Yield the cells of some parts within marks or masks."""
        try:
            images = region_images(
                with_thin_marks(dataset, CELL),
                parts,
                self.config.mpp_if_known,
                margin=self.halo,
                unknown_as_is=True,
            )
        except DataError as error:
            if error.code != "no_labels":
                raise
            return
        for number, image in enumerate(self._known(images)):
            _report_images(context, number, len(images))
            classes = class_of_cells(image.classes, CELL, len(self.labels))
            rows = self._encoder.dense(image.pixels)[classes >= 0]
            units = np.full(len(rows), image.unit)
            yield Cells(rows, classes[classes >= 0], units)

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

    def _head(self) -> PaintHead:
        return cast("PaintHead", self._fitted())

    def _new_network(self) -> nn.Module:
        return PaintHead(self._encoder.size, len(self.classes))


def _report_images(context: Context, number: int, count: int) -> None:
    text = Message("images_described", done=number, total=count)
    context.report(0.9 * number / count, text)
