"""A network that also learns from drawn tiles, if they are good and a measured gain says so."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ml.contracts import Context
from ml.data.augmentation import Variation
from ml.data.selection import select_drawn
from ml.evaluation import weighted
from ml.evaluation.bootstrap import estimate, resample_units
from ml.networks.encoders import PatchNetwork
from ml.recipes.networked import NetworkRecipe
from ml.recipes.patching import Learnable, join_learnable
from ml.training.gan import Drawer, DrawingPlan
from ml.training.logistic import probabilities

DRAWN_UNIT = "drawn"


class Selective(NetworkRecipe, recipe="selective"):
    """Trains without and with drawn tiles; keeps these only if macro F1 surely rises on held-out ones."""

    _per_epoch = 0

    def new_network(self) -> nn.Module:
        """Return a fresh network."""
        return PatchNetwork(self.config.encoder, len(self.classes))

    def variation(self) -> Variation:
        """Return how training patches are varied."""
        return Variation(stain=self.config.stain)

    def order(self, learned: Learnable, random: np.random.Generator) -> NDArray[np.intp]:
        """Return as many items as there are real ones, so that drawn tiles buy no longer training."""
        return super().order(learned, random)[: self._per_epoch or None]

    def learn(self, network: nn.Module, learned: Learnable, held: Learnable, context: Context) -> int:
        """Train on real tiles; draw, select, train again on both, measure, and keep what is founded."""
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
        super().learn(other, join_learnable([learned, more]), held, both)
        gain = self.gain(network, other, held, context)
        is_open = self.config.always or gain.low > 0
        self.facts |= {"gate": "open" if is_open else "shut", "gain": gain.value, "gain_low": gain.low}
        if is_open:
            network.load_state_dict(other.state_dict())
        return epochs

    def drawn(self, network: nn.Module, learned: Learnable, context: Context) -> Learnable:
        """Return the drawn tiles that pass, with hard labels; they never enter the held-out part."""
        sure = np.flatnonzero(learned.truth >= 0)
        tiles, labels = learned.rows[sure], learned.truth[sure].astype(np.int64)
        config = self.config
        plan = DrawingPlan(config.steps, config.batch, config.width, config.minutes)
        drawer = Drawer(tiles, labels, plan, steered=config.steered)
        drawer.train(dataclasses.replace(context, report=_span(context, 0.3, 0.7)))
        wanted = np.repeat(np.unique(labels), config.drawn)
        found = drawer.draw(wanted, context.seed)
        if config.always:
            keep = np.ones(len(wanted), dtype=bool)
        else:
            self._network = network
            scores = self.scores(network, found.tiles, context)
            keep = select_drawn(
                wanted,
                probabilities(scores, 1.0),
                self.embed(found.tiles).astype(np.float64),
                (self.embed(tiles).astype(np.float64), labels),
                least=config.least,
                quantile=config.quantile,
            )
        chosen = wanted[keep]
        return Learnable(
            found.tiles[keep],
            np.eye(len(self.classes))[chosen],
            chosen.astype(np.int16),
            np.ones(len(chosen)),
            np.full(len(chosen), DRAWN_UNIT),
        )

    def gain(self, before: nn.Module, after: nn.Module, held: Learnable, context: Context) -> Any:
        """Return how much macro F1 rises on the held-out part, with its interval by resampled units."""
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
