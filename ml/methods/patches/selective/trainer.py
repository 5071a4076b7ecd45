"""Training without and with drawn tiles, behind a gate."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ml.contracts import Context, Estimate
from ml.data.training_table import TrainingTable, join_tables
from ml.data.variation.selection import select_drawn
from ml.evaluation import weighted
from ml.evaluation.bootstrap import estimate, resample_units
from ml.messages import Message
from ml.methods.patches.selective.info import SelectiveConfig
from ml.training.gan import Drawer, DrawingPlan
from ml.training.logistic import probabilities
from ml.training.patch_trainer import PatchTrainer, shuffled

DRAWN_UNIT = "drawn"


@dataclass(frozen=True)
class SelectiveTrainer:
    """Trains on real tiles, then on real and drawn ones, and keeps the better network."""

    trainer: PatchTrainer
    config: SelectiveConfig

    def train(self, network: nn.Module, learned: TrainingTable, held: TrainingTable, context: Context) -> int:
        """Train on real tiles; draw, select, train again on both, and keep the better network."""
        state = self.trainer.predictor.state
        count = len(learned.rows)

        def as_many(known: TrainingTable, random: np.random.Generator) -> NDArray[np.intp]:
            """Return as many items as there are real ones, so that drawn tiles do not lengthen training."""
            return shuffled(known, random)[:count]

        trainer = dataclasses.replace(self.trainer, order=as_many)
        plain = dataclasses.replace(
            context, report=_span(context, 0.0, 0.3), scratch=context.scratch / "plain"
        )
        epochs = trainer.train(network, learned, held, plain)
        more = self.drawn(network, learned, context)
        state.facts = {"drawn": self.config.drawn * len(np.unique(learned.truth)), "accepted": len(more.rows)}
        if not len(more.rows):
            state.facts |= {"gate": "shut", "gain": 0.0}
            return epochs
        other = trainer.predictor.network.fresh(context.seed)
        both = dataclasses.replace(context, report=_span(context, 0.7, 1.0), scratch=context.scratch / "both")
        trainer.train(other, join_tables([learned, more]), held, both)
        gain = self.gain(network, other, held, context)
        is_open = self.config.always or gain.low > 0
        state.facts |= {"gate": "open" if is_open else "shut", "gain": gain.value, "gain_low": gain.low}
        if is_open:
            network.load_state_dict(other.state_dict())
        return epochs

    def drawn(self, network: nn.Module, learned: TrainingTable, context: Context) -> TrainingTable:
        """Return the selected drawn tiles, with hard labels; they never enter the held-out part."""
        predictor = self.trainer.predictor
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
            predictor.network.current = network
            scores = predictor.scores(network, drawn_tiles.tiles, context)
            keep = select_drawn(
                classes,
                probabilities(scores, 1.0),
                predictor.embed(drawn_tiles.tiles).astype(np.float64),
                (predictor.embed(tiles).astype(np.float64), labels),
                least=config.least,
                quantile=config.quantile,
            )
        chosen = classes[keep]
        return TrainingTable(
            drawn_tiles.tiles[keep],
            np.eye(len(predictor.state.classes))[chosen],
            chosen.astype(np.int16),
            np.ones(len(chosen)),
            np.full(len(chosen), DRAWN_UNIT),
        )

    def gain(self, before: nn.Module, after: nn.Module, held: TrainingTable, context: Context) -> Estimate:
        """Return the gain of macro F1 on the held-out part, with its interval by resampled units."""
        known = held.take(held.truth >= 0)
        weights = resample_units(known.units, context.seed)
        scores = [self._f1(network, known, weights, context) for network in (before, after)]
        return estimate(scores[1] - scores[0])

    def _f1(
        self, network: nn.Module, known: TrainingTable, weights: NDArray[np.float64], context: Context
    ) -> NDArray[np.float64]:
        """Return the macro F1 of a network on each resample."""
        shares = probabilities(self.trainer.predictor.scores(network, known.rows, context), 1.0)
        return weighted.mean_of_defined(weighted.f1_scores(weighted.confusion(weights, known.truth, shares)))


def _span(context: Context, low: float, high: float) -> Callable[[float, Message], None]:
    return lambda share, words: context.report(low + (high - low) * share, words)
