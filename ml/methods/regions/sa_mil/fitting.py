"""Training on labels of whole tiles, and the choice of a threshold per label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ml.contracts import Context, DataError, Dataset
from ml.data.channels import take_channels
from ml.data.regions import RegionImage, region_images
from ml.data.variation.patches import SYMMETRIES, turn, vary_stain
from ml.data.weak import WeakTiles, weak_tiles
from ml.messages import Message
from ml.methods.regions.sa_mil.classifier import WeakClassifier
from ml.methods.regions.sa_mil.info import SaMilConfig
from ml.methods.regions.sa_mil.network import generalised_mean
from ml.training.crop_trainer import Batch, CropTrainer, hold_out
from ml.training.crops import Material

SIDES = 3
AREA_WEIGHT = 4.0
VALIDATION_TILES = 48
# Thresholds that are tried, and the share of pixels of empty tiles that may pass where none can be tried.
THRESHOLDS = np.linspace(0.05, 0.99, 48)
FALSE_SHARE = 0.01


@dataclass(frozen=True)
class WeakFitting:
    """Trains on the tiles of ``train``, stops by ``validation``, then chooses a threshold per label."""

    trainer: CropTrainer
    config: SaMilConfig
    classifier: WeakClassifier

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train and choose; raises DataError(``one_class_only``) for tiles that all say the same."""
        state = self.trainer.state
        take_channels(state, dataset)
        learned, held = self._tiles(dataset, context)
        _check_bags(learned)
        rows = [
            Material(pixels, (holds,)) for pixels, holds in zip(learned.pixels, learned.holds, strict=True)
        ]
        random = np.random.default_rng(context.seed)
        some = random.permutation(len(held.pixels))[:VALIDATION_TILES]

        def draw(random: np.random.Generator) -> Batch:
            return self._draw(learned, random)

        stop_by = (_tensor(held.pixels[some]), torch.from_numpy(held.holds[some]))
        progress = self.trainer.train(rows, draw, self._loss, stop_by, context)
        height, width = learned.pixels.shape[1:3]
        state.facts = {
            "tiles": len(learned.pixels),
            "epochs": progress.epoch,
            "height": height,
            "width": width,
        }
        outlined = self._outlined(dataset)
        state.facts["outlined tiles for the threshold"] = len(outlined)
        thresholds = self._choose(outlined) if outlined else self._from_empty(held)
        state.facts["thresholds"] = [round(value, 4) for value in thresholds]

    def _tiles(self, dataset: Dataset, context: Context) -> tuple[WeakTiles, WeakTiles]:
        crop, mpp, nothing = self.config.crop, self.config.mpp, self.config.nothing
        learned = weak_tiles(dataset, ("train",), crop, mpp, nothing)
        try:
            return learned, weak_tiles(dataset, ("validation",), crop, mpp, nothing)
        except DataError as error:
            if error.code != "no_labels":
                raise
        first, second = hold_out(range(len(learned.pixels)), context.seed)
        return _take(learned, first), _take(learned, second)

    def _draw(self, tiles: WeakTiles, random: np.random.Generator) -> Batch:
        """Return a batch with as many labelled as empty tiles, where there are any."""
        filled = np.asarray(tiles.holds.max(axis=1) > 0)
        chances = np.where(filled, 1 / max(1, filled.sum()), 1 / max(1, (~filled).sum()))
        chosen = random.choice(len(filled), self.config.batch, p=chances / chances.sum())
        augmented = [
            turn(vary_stain(tiles.pixels[i], random), int(random.integers(SYMMETRIES))) for i in chosen
        ]
        return _tensor(np.stack(augmented)), torch.from_numpy(tiles.holds[chosen])

    def _loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Return the cross-entropy of the pooled fused and side maps, plus a penalty on large areas."""
        pixels, holds = batch
        maps = network(_even(pixels))
        bags = generalised_mean(maps)
        target = holds.repeat(1, 1 + SIDES)
        loss = functional.binary_cross_entropy(bags, target, reduction="mean") * (1 + SIDES)
        if self.config.area is not None:
            count = len(self.trainer.state.labels)
            excess = functional.relu(maps[:, :count].mean(dim=(2, 3)) - self.config.area)
            loss = loss + AREA_WEIGHT * (excess**2 * holds).sum() / holds.sum().clamp(min=1.0)
        return loss

    def _outlined(self, dataset: Dataset) -> list[RegionImage]:
        """Return a few fully outlined images, those of the validation part first."""
        outlined: list[RegionImage] = []
        for part in ("validation", "train"):
            try:
                images = region_images(dataset, (part,), self.config.mpp)
            except DataError as error:
                if error.code != "no_labels":
                    raise
                continue
            outlined += [image for image in images if (image.classes == 0).any()]
        return outlined[: self.config.outlined]

    def _choose(self, images: list[RegionImage]) -> list[float]:
        """Return the threshold with the best F1 of pixels over the outlined images, per label."""
        labels = len(self.trainer.state.labels)
        counts = np.zeros((labels, len(THRESHOLDS), 3))
        for image in images:
            shares = self.classifier.see(image.pixels)[1:]
            for number, share in enumerate(shares):
                real = image.classes == number + 1
                other = ~real & (image.classes <= labels)
                hits, extra = _above(share[real]), _above(share[other])
                counts[number] += np.stack([hits, extra, real.sum() - hits], axis=1)
        f1 = 2 * counts[..., 0] / np.maximum(2 * counts[..., 0] + counts[..., 1] + counts[..., 2], 1)
        return [float(THRESHOLDS[row.argmax()]) if row.any() else 0.5 for row in f1]

    def _from_empty(self, held: WeakTiles) -> list[float]:
        """Return thresholds at the 99th percentile of pixels in tiles without the label, at least 0.5."""
        thresholds = []
        for number in range(len(self.trainer.state.labels)):
            empty = held.pixels[held.holds[:, number] == 0][:VALIDATION_TILES]
            shares = [self.classifier.see(pixels)[number + 1].ravel() for pixels in empty]
            highest = np.quantile(np.concatenate(shares), 1 - FALSE_SHARE) if shares else 0.5
            thresholds.append(max(0.5, float(highest)))
        return thresholds


def _check_bags(tiles: WeakTiles) -> None:
    there = tiles.holds.sum(axis=0)
    if not there.any() or (there == len(tiles.holds)).any():
        raise DataError(Message("tiles_of_one_label"), code="one_class_only")


def _above(shares: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the number of shares (n,) that reach each threshold."""
    counts = np.bincount(np.digitize(shares, THRESHOLDS), minlength=len(THRESHOLDS) + 1)
    reached: NDArray[np.int64] = counts[::-1].cumsum()[::-1][1:]
    return reached


def _take(tiles: WeakTiles, which: list[int]) -> WeakTiles:
    return WeakTiles(tiles.pixels[which], tiles.holds[which], tiles.units[which])


def _tensor(pixels: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float() / 255


def _even(pixels: Tensor) -> Tensor:
    """Return pixels (n, 3, h, w) cropped to sides that are multiples of 8."""
    height, width = (n // 8 * 8 for n in pixels.shape[2:])
    return pixels[:, :, :height, :width]
