"""A network that also learns from drawn tiles, where they measurably improve it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ml.contracts import Context
from ml.data.variation.patches import Augmentation
from ml.data.variation.selection import select_drawn
from ml.evaluation import weighted
from ml.evaluation.bootstrap import estimate, resample_units
from ml.methods.bases.network_recipe import NetworkRecipe
from ml.methods.bases.patch_recipe import TrainingTable, join_tables
from ml.methods.patches.selective.info import INFO, SelectiveConfig
from ml.networks.encoders import PatchNetwork
from ml.training.gan import Drawer, DrawingPlan
from ml.training.logistic import probabilities

DRAWN_UNIT = "drawn"


class Selective(NetworkRecipe[SelectiveConfig]):
    """Training without and with drawn tiles; these are kept only where macro F1 significantly rises."""

    info = INFO

    _per_epoch = 0

    def new_network(self) -> nn.Module:
        """Return a new network."""
        return PatchNetwork(self.config.encoder, len(self.classes))

    def augmentation(self) -> Augmentation:
        """Return the augmentation of training patches."""
        return Augmentation(stain=self.config.stain)

    def order(self, learned: TrainingTable, random: np.random.Generator) -> NDArray[np.intp]:
        """Return as many items as there are real ones, so that drawn tiles do not lengthen training."""
        return super().order(learned, random)[: self._per_epoch or None]

    def learn(self, network: nn.Module, learned: TrainingTable, held: TrainingTable, context: Context) -> int:
        """Train on real tiles; draw, select, train again on both, and keep the better network."""
        self._per_epoch = len(learned.rows)
        plain = dataclasses.replace(
            context, report=_span(context, 0.0, 0.3), scratch=context.scratch / "plain"
        )
        epochs = super().learn(network, learned, held, plain)
        more = self.drawn(network, learned, context)
        self.facts = {"drawn": self.config.drawn * len(np.unique(learned.truth)), "accepted": len(more.rows)}
        if not len(more.rows):
            self.facts |= {"gate": "shut", "gain": 0.0}
            return epochs
        other = self.fresh(context.seed)
        both = dataclasses.replace(context, report=_span(context, 0.7, 1.0), scratch=context.scratch / "both")
        super().learn(other, join_tables([learned, more]), held, both)
        gain = self.gain(network, other, held, context)
        is_open = self.config.always or gain.low > 0
        self.facts |= {"gate": "open" if is_open else "shut", "gain": gain.value, "gain_low": gain.low}
        if is_open:
            network.load_state_dict(other.state_dict())
        return epochs

    def drawn(self, network: nn.Module, learned: TrainingTable, context: Context) -> TrainingTable:
        """Return the selected drawn tiles, with hard labels; they never enter the held-out part."""
        sure = np.flatnonzero(learned.truth >= 0)
        tiles, labels = learned.rows[sure], learned.truth[sure].astype(np.int64)
        config = self.config
        plan = DrawingPlan(config.steps, config.batch, config.width, config.minutes)
        drawer = Drawer(tiles, labels, plan, steered=config.steered)
        drawer.train(dataclasses.replace(context, report=_span(context, 0.3, 0.7)))
        classes = np.repeat(np.unique(labels), config.drawn)
        drawn_tiles = drawer.draw(classes, context.seed)
        if config.always:
            keep = np.ones(len(classes), dtype=bool)
        else:
            self._network = network
            scores = self.scores(network, drawn_tiles.tiles, context)
            keep = select_drawn(
                classes,
                probabilities(scores, 1.0),
                self.embed(drawn_tiles.tiles).astype(np.float64),
                (self.embed(tiles).astype(np.float64), labels),
                least=config.least,
                quantile=config.quantile,
            )
        chosen = classes[keep]
        return TrainingTable(
            drawn_tiles.tiles[keep],
            np.eye(len(self.classes))[chosen],
            chosen.astype(np.int16),
            np.ones(len(chosen)),
            np.full(len(chosen), DRAWN_UNIT),
        )

    def gain(self, before: nn.Module, after: nn.Module, held: TrainingTable, context: Context) -> Any:
        """Return the gain of macro F1 on the held-out part, with its interval by resampled units."""
        known = held.take(held.truth >= 0)
        weights = resample_units(known.units, context.seed)
        scores = [
            weighted.mean_of_defined(
                weighted.f1_scores(
                    weighted.confusion(
                        weights, known.truth, probabilities(self.scores(net, known.rows, context), 1.0)
                    )
                )
            )
            for net in (before, after)
        ]
        return estimate(scores[1] - scores[0])


def _span(context: Context, low: float, high: float) -> Any:
    return lambda share, words: context.report(low + (high - low) * share, words)
