"""Fitting of networks that classify each pixel: training on crops of outlined images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor, nn

from ml.contracts import Context, DataError, Dataset
from ml.data.channels import take_channels, with_channels
from ml.data.regions import UNKNOWN, RegionImage, region_images
from ml.messages import Message
from ml.storage.model_state import ModelState
from ml.training.crop_trainer import Batch, CropTrainer, hold_out
from ml.training.regions import RegionCrops, paint_regions, region_loss

LEAST_CLASSES = 2


@dataclass(frozen=True)
class RegionFitting:
    """Trains on outlined images; ``unlabelled`` tissue is ``ignored``, or counts as ``background``."""

    trainer: CropTrainer
    unlabelled: str

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on ``train``; keep the weights that are best on ``validation``."""
        trainer, state = self.trainer, self.trainer.state
        take_channels(state, dataset)
        learned, held = self._material(with_channels(state, dataset), context)
        crop, batch = trainer.config.crop, trainer.config.batch
        painted = trainer.toned([paint_regions(image, crop) for image in learned])
        crops = RegionCrops(painted, crop, context.seed)
        take_region_classes(state, crops.classes)
        fixed = RegionCrops(trainer.toned([paint_regions(image, crop) for image in held]), crop, context.seed)
        random = np.random.default_rng(context.seed)

        def draw(random: np.random.Generator) -> Batch:
            return crops.draw(batch, random)

        progress = trainer.train(
            painted, draw, _pixel_loss, fixed.draw(trainer.validation_crops(), random), context
        )
        state.facts = {
            "images": len(learned),
            "megapixels labelled": round(sum((i.classes != UNKNOWN).sum() for i in learned) / 1e6, 2),
            "epochs": progress.epoch,
        }

    def _material(self, dataset: Dataset, context: Context) -> tuple[list[RegionImage], list[RegionImage]]:
        mpp = self.trainer.config.mpp
        learned = known_regions(region_images(dataset, ("train",), mpp), self.unlabelled)
        try:
            return learned, known_regions(region_images(dataset, ("validation",), mpp), self.unlabelled)
        except DataError as error:
            if error.code != "no_labels":
                raise
        return hold_out(learned, context.seed)


def _pixel_loss(network: nn.Module, layers: Batch) -> Tensor:
    return region_loss(network(layers[0]), layers[1])


def take_region_classes(state: ModelState, classes: Sequence[int]) -> None:
    """Store whether background is a class; raises DataError(``no_labels``) or (``one_class_only``)."""
    if not any(classes):
        raise DataError(Message("no_region_in_training"), code="no_labels")
    if len(classes) < LEAST_CLASSES:
        raise DataError(Message("one_label_outlined"), code="one_class_only")
    state.background = 0 in classes


def known_regions(images: Sequence[RegionImage], unlabelled: str) -> list[RegionImage]:
    """Return the images after the setting for unlabelled tissue, which may count as background."""
    if unlabelled == "ignored":
        return list(images)
    return [
        replace(image, classes=np.where(image.classes == UNKNOWN, 0, image.classes).astype(np.uint8))
        for image in images
    ]
