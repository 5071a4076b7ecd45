"""Fitting of networks that outline or detect objects: training on crops, then a threshold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Final, Protocol

import numpy as np
from torch import Tensor, nn

from ml.contracts import Context, DataError, Dataset
from ml.data.channels import take_channels, with_channels
from ml.data.objects import OutlinedImage, outlined_images
from ml.evaluation.froc import best_threshold
from ml.evaluation.objects import measure_image
from ml.inference.detection_finder import POINT, DetectionFinder
from ml.inference.outline_finder import INSIDES, OutlineFinder
from ml.inference.splitting import Cut
from ml.messages import Message
from ml.training.crop_trainer import Batch, CropTrainer, hold_out
from ml.training.crops import Layers, Material, draw_crops
from ml.training.loop import Progress

# Pixels on which the cut is chosen, at most: a few seconds.
CHOOSE_BY: Final = 1 << 20


class CropTargets(Protocol):
    """The targets of a network on crops, and its loss."""

    def paint(self, image: OutlinedImage, side: int) -> Material:
        """Return an image with the layers from which targets are computed."""
        ...

    def finish(self, layers: Layers) -> Layers:
        """Return the targets of a crop from its layers."""
        ...

    def loss(self, scores: Tensor, targets: Batch) -> Tensor:
        """Return the loss of a batch's scores."""
        ...


@dataclass(frozen=True)
class OutlineFitting:
    """Trains on outlined images; keeps the weights and the cut that are best on ``validation``."""

    trainer: CropTrainer
    targets: CropTargets
    finder: OutlineFinder

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on ``train``; raises DataError(``no_labels``) where no object is outlined."""
        state = self.trainer.state
        take_channels(state, dataset)
        learned, held = self.material(with_channels(state, dataset), context)
        if not any(image.instances.any() for image in learned):
            raise DataError(Message("no_object_outlined"), code="no_labels")
        progress = train_on_crops(self.trainer, self.targets, learned, held, context)
        state.facts = {
            "images": len(learned),
            "nuclei": int(sum(image.instances.max() for image in learned)),
            "epochs": progress.epoch,
        }
        state.facts["cut"] = asdict(self.best_cut(held))

    def material(self, dataset: Dataset, context: Context) -> tuple[list[OutlinedImage], list[OutlinedImage]]:
        """Return the training and the held-out images."""
        mpp = self.trainer.config.mpp
        return training_images(lambda parts: outlined_images(dataset, parts, mpp), context)

    def best_cut(self, images: Sequence[OutlinedImage]) -> Cut:
        """Return the cut with the greatest mean panoptic quality, searching its thresholds one by one."""
        splitter = self.finder.splitter
        chosen = images[: max(1, CHOOSE_BY // max(image.instances.size for image in images))]
        seen = [(image, self.finder.maps(image.pixels)) for image in chosen]

        def quality(cut: Cut) -> float:
            rows = [
                measure_image(image.instances * image.valid, splitter.instances(maps, cut) * image.valid)[
                    "pq"
                ]
                for image, maps in seen
            ]
            known = [row for row in rows if not np.isnan(row)]
            return float(np.mean(known)) if known else 0.0

        best = max((Cut(inside, *splitter.partings[0]) for inside in INSIDES), key=quality)
        return max((Cut(best.inside, *parting) for parting in splitter.partings), key=quality)


@dataclass(frozen=True)
class DetectionFitting:
    """Trains on marked images; keeps the weights and the threshold that are best on ``validation``."""

    trainer: CropTrainer
    targets: CropTargets
    finder: DetectionFinder

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on ``train``; raises DataError(``no_labels``) where no object is marked."""
        state, mpp = self.trainer.state, self.trainer.config.mpp
        take_channels(state, dataset)
        seen = with_channels(state, dataset)
        learned, held = training_images(lambda parts: outlined_images(seen, parts, mpp, POINT), context)
        count = int(sum(image.instances.max() for image in learned))
        if not count:
            raise DataError(Message("no_object_marked"), code="no_labels")
        progress = train_on_crops(self.trainer, self.targets, learned, held, context)
        state.facts = {"images": len(learned), "objects": count, "epochs": progress.epoch}
        matched = [self.finder.matched(image) for image in held]
        state.facts["threshold"] = round(best_threshold(matched), 4)


def training_images(
    read: Callable[[Sequence[str]], list[OutlinedImage]], context: Context
) -> tuple[list[OutlinedImage], list[OutlinedImage]]:
    """Return the images of ``train`` and of ``validation``; some of ``train`` where that part is empty."""
    learned = read(("train",))
    try:
        return learned, read(("validation",))
    except DataError as error:
        if error.code != "no_labels":
            raise
    return hold_out(learned, context.seed)


def train_on_crops(
    trainer: CropTrainer,
    targets: CropTargets,
    learned: Sequence[OutlinedImage],
    held: Sequence[OutlinedImage],
    context: Context,
) -> Progress:
    """Train on crops of ``learned``, with a fixed draw of crops of ``held`` to stop by."""
    crop, batch = trainer.config.crop, trainer.config.batch
    painted = trainer.toned([targets.paint(image, crop) for image in learned])
    fixed = trainer.toned([targets.paint(image, crop) for image in held])
    random = np.random.default_rng(context.seed)

    def draw(random: np.random.Generator) -> Batch:
        return draw_crops(painted, batch, crop, random, targets.finish)

    def loss(network: nn.Module, layers: Batch) -> Tensor:
        return targets.loss(network(layers[0]), layers[1:])

    stop_by = draw_crops(fixed, trainer.validation_crops(), crop, random, targets.finish)
    return trainer.train(painted, draw, loss, stop_by, context)
