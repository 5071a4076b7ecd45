"""Regions from labels of whole tiles: SA-MIL, with thresholds chosen on data."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ml.contracts import Context, DataError, Dataset, Evaluation
from ml.data.channels import take_channels
from ml.data.regions import RegionImage, region_images
from ml.data.variation.patches import SYMMETRIES, turn, vary_stain
from ml.data.weak import WeakTiles, weak_tiles
from ml.evaluation.counts import evaluate_counts
from ml.inference.canvas import Shares
from ml.messages import Message
from ml.methods.bases.region_recipe import RegionRecipe
from ml.methods.bases.window_recipe import Batch, hold_out
from ml.methods.regions.sa_mil.info import INFO, SaMilConfig
from ml.methods.regions.sa_mil.network import SaMilNetwork, generalised_mean
from ml.training.crops import Material

STAGES = {"none": (), "3": (3,), "2 and 3": (2, 3), "all": (1, 2, 3)}
SIDES = 3
AREA_WEIGHT = 4.0
VALIDATION_TILES = 48
# Thresholds that are tried, and the share of pixels of empty tiles that may pass where none can be tried.
THRESHOLDS = np.linspace(0.05, 0.99, 48)
FALSE_SHARE = 0.01


class SaMil(RegionRecipe[SaMilConfig]):
    """A map of each label, learned from labels of whole tiles."""

    info = INFO

    def _new_network(self) -> nn.Module:
        return SaMilNetwork(
            len(self.labels),
            self.config.width,
            STAGES[self.config.attention],
            published=self.config.attn_norm == "published",
        )

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on the tiles of ``train``, stop by ``validation``, then choose a threshold per label."""
        take_channels(self.state, dataset)
        learned, held = self._tiles(dataset, context)
        self._check_bags(learned)
        rows = [
            Material(pixels, (holds,)) for pixels, holds in zip(learned.pixels, learned.holds, strict=True)
        ]
        random = np.random.default_rng(context.seed)
        some = random.permutation(len(held.pixels))[:VALIDATION_TILES]
        progress = self._train(
            rows,
            lambda random: self._draw(learned, random),
            self._bag_loss,
            (_tensor(held.pixels[some]), torch.from_numpy(held.holds[some])),
            context,
        )
        height, width = learned.pixels.shape[1:3]
        self.facts = {
            "tiles": len(learned.pixels),
            "epochs": progress.epoch,
            "height": height,
            "width": width,
        }
        outlined = self._outlined(dataset)
        self.facts["outlined tiles for the threshold"] = len(outlined)
        thresholds = self._choose(outlined) if outlined else self._from_empty(held)
        self.facts["thresholds"] = [round(value, 4) for value in thresholds]

    def evaluate(self, dataset: Dataset, context: Context, part: str = "test") -> Evaluation:
        """Measure pixels of one part where they are outlined, else the labels of its tiles."""
        try:
            return super().evaluate(dataset, context, part)
        except DataError as error:
            if error.code != "no_labels":
                raise
        tiles = weak_tiles(dataset, (part,), self.config.crop, self.config.mpp, self.config.nothing)
        predicted = np.stack([self.tile_share(pixels) for pixels in tiles.pixels]) > np.array(self.thresholds)
        real = tiles.holds > 0
        counts = np.stack([real & predicted, predicted & ~real, real & ~predicted], axis=2).astype(np.float64)
        return evaluate_counts(self.labels, counts, tiles.units, len(real), seed=context.seed)

    @property
    def thresholds(self) -> list[float]:
        """Return the share from which a pixel has a label, per label."""
        thresholds: list[float] = self.facts.get("thresholds", [0.5] * len(self.labels))
        return thresholds

    @property
    def roi(self) -> tuple[int, int]:
        """Return the size of the training tiles, since attention spans the whole tile."""
        height, width = (self.facts.get(name, self.config.crop) for name in ("height", "width"))
        return height // 8 * 8, width // 8 * 8

    def see(self, pixels: NDArray[np.uint8]) -> Shares:
        """Return the shares (1 + labels, h, w) of background and each label at each pixel."""
        maps = self.look(pixels)[: len(self.labels)].numpy()
        shares: Shares = np.concatenate([1 - maps.max(axis=0, keepdims=True), maps]).astype(np.float32)
        return shares

    def tile_share(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probability (k,) of each label in a tile (h, w, 3)."""
        maps = torch.from_numpy(self.see(pixels)[1:])
        shares: NDArray[np.float32] = generalised_mean(maps[None])[0].numpy()
        return shares

    def field_of(self, shares: Shares, number: int) -> Shares:
        """Return the excess (h, w) of a label over its threshold, minus that of the best other label."""
        over = shares[1:] / np.array(self.thresholds, dtype=np.float32)[:, None, None] - 1
        others = np.delete(over, number, axis=0)
        if not len(others):
            alone: Shares = over[number]
            return alone
        field: Shares = np.minimum(over[number], over[number] - others.max(axis=0))
        return field

    def classes_of(self, shares: Shares) -> NDArray[np.uint8]:
        """Return the class (h, w) of each pixel: 0 background, 1.. labels."""
        over = shares[1:] / np.array(self.thresholds, dtype=np.float32)[:, None, None]
        best = np.where(over.max(axis=0) >= 1, over.argmax(axis=0) + 1, 0)
        return best.astype(np.uint8)

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

    def _check_bags(self, tiles: WeakTiles) -> None:
        there = tiles.holds.sum(axis=0)
        if not there.any() or (there == len(tiles.holds)).any():
            message = Message(
                "tiles_of_one_label",
            )
            raise DataError(message, code="one_class_only")

    def _draw(self, tiles: WeakTiles, random: np.random.Generator) -> Batch:
        """Return a batch with as many labelled as empty tiles, where there are any."""
        filled = np.asarray(tiles.holds.max(axis=1) > 0)
        chances = np.where(filled, 1 / max(1, filled.sum()), 1 / max(1, (~filled).sum()))
        chosen = random.choice(len(filled), self.config.batch, p=chances / chances.sum())
        augmented = [
            turn(vary_stain(tiles.pixels[i], random), int(random.integers(SYMMETRIES))) for i in chosen
        ]
        return _tensor(np.stack(augmented)), torch.from_numpy(tiles.holds[chosen])

    def _bag_loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Return the cross-entropy of the pooled fused and side maps, plus a penalty on large areas."""
        pixels, holds = batch
        maps = network(_even(pixels))
        bags = generalised_mean(maps)
        target = holds.repeat(1, 1 + SIDES)
        loss = functional.binary_cross_entropy(bags, target, reduction="mean") * (1 + SIDES)
        if self.config.area is not None:
            excess = functional.relu(maps[:, : len(self.labels)].mean(dim=(2, 3)) - self.config.area)
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
        counts = np.zeros((len(self.labels), len(THRESHOLDS), 3))
        for image in images:
            shares = self.see(image.pixels)[1:]
            for number, share in enumerate(shares):
                real = image.classes == number + 1
                other = ~real & (image.classes <= len(self.labels))
                hits, extra = _above(share[real]), _above(share[other])
                counts[number] += np.stack([hits, extra, real.sum() - hits], axis=1)
        f1 = 2 * counts[..., 0] / np.maximum(2 * counts[..., 0] + counts[..., 1] + counts[..., 2], 1)
        return [float(THRESHOLDS[row.argmax()]) if row.any() else 0.5 for row in f1]

    def _from_empty(self, held: WeakTiles) -> list[float]:
        """Return thresholds at the 99th percentile of pixels in tiles without the label, at least 0.5."""
        thresholds = []
        for number in range(len(self.labels)):
            empty = held.pixels[held.holds[:, number] == 0][:VALIDATION_TILES]
            shares = [self.see(pixels)[number + 1].ravel() for pixels in empty]
            highest = np.quantile(np.concatenate(shares), 1 - FALSE_SHARE) if shares else 0.5
            thresholds.append(max(0.5, float(highest)))
        return thresholds


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
