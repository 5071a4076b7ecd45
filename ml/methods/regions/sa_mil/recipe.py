"""Regions from labels of whole tiles: SA-MIL, with thresholds chosen on data."""

from __future__ import annotations

import numpy as np
from torch import nn

from ml.contracts import Context, DataError, Dataset, Evaluation
from ml.data.weak import weak_tiles
from ml.evaluation.counts import evaluate_counts
from ml.inference.region_windows import PixelEvaluator, PixelWindows
from ml.inference.window_network import WindowNetwork
from ml.methods.bases.region_recipe import RegionParts, RegionRecipe
from ml.methods.regions.sa_mil.classifier import WeakClassifier
from ml.methods.regions.sa_mil.fitting import WeakFitting
from ml.methods.regions.sa_mil.info import INFO, SaMilConfig
from ml.methods.regions.sa_mil.network import SaMilNetwork
from ml.networks.model_network import ModelNetwork
from ml.training.crop_trainer import CropTrainer

STAGES = {"none": (), "3": (3,), "2 and 3": (2, 3), "all": (1, 2, 3)}


class SaMil(RegionRecipe[SaMilConfig]):
    """A map of each label, learned from labels of whole tiles."""

    info = INFO

    def compose(self) -> RegionParts:
        """Return a network with criss-cross attention, trained on labels of tiles."""
        config, state = self.config, self.state
        network: ModelNetwork[nn.Module] = ModelNetwork(self._network)
        self.classifier = WeakClassifier(state, config, WindowNetwork(network, self._roi))
        fitting = WeakFitting(CropTrainer(state, config, network), config, self.classifier)
        evaluator = PixelEvaluator(state, config.mpp, self.classifier)
        return RegionParts(network, fitting, evaluator, PixelWindows(config, self.classifier))

    def evaluate(self, dataset: Dataset, context: Context, part: str = "test") -> Evaluation:
        """Measure pixels of one part where they are outlined, else the labels of its tiles."""
        try:
            return super().evaluate(dataset, context, part)
        except DataError as error:
            if error.code != "no_labels":
                raise
        classifier = self.classifier
        tiles = weak_tiles(dataset, (part,), self.config.crop, self.config.mpp, self.config.nothing)
        shares = np.stack([classifier.tile_share(pixels) for pixels in tiles.pixels])
        predicted = shares > np.array(classifier.thresholds)
        real = tiles.holds > 0
        counts = np.stack([real & predicted, predicted & ~real, real & ~predicted], axis=2).astype(np.float64)
        return evaluate_counts(self.labels, counts, tiles.units, len(real), seed=context.seed)

    def _roi(self) -> tuple[int, int]:
        """Return the size of the training tiles, since attention spans the whole tile."""
        height, width = (self.facts.get(name, self.config.crop) for name in ("height", "width"))
        return height // 8 * 8, width // 8 * 8

    def _network(self) -> nn.Module:
        return SaMilNetwork(
            len(self.labels),
            self.config.width,
            STAGES[self.config.attention],
            published=self.config.attn_norm == "published",
        )
