"""Training of small heads over stored features of patches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from ml.contracts import Context
from ml.data.training_table import TrainingTable, class_balance
from ml.networks.heads import Heads
from ml.storage.model_state import ModelState
from ml.training.loop import TrainingPlan, train
from ml.training.patch_trainer import steps_per_epoch, table_identity
from ml.training.settings import EpochSettings


class HiddenSettings(EpochSettings, Protocol):
    """Settings of heads with a hidden layer."""

    @property
    def hidden(self) -> int:
        """Width of the hidden layer."""
        ...


@dataclass(frozen=True)
class HeadsTrainer:
    """Trains ``members`` heads side by side, with ``dropout`` between their layers."""

    state: ModelState
    config: HiddenSettings
    members: int
    dropout: float

    def train(self, learned: TrainingTable, held: TrainingTable, context: Context) -> Heads:
        """Return heads trained on some items, with early stopping on others.

        Every head weights the items by new draws from an exponential distribution when there are several
        (the weighted likelihood bootstrap of Newton and Raftery, JRSS B 56:3, 1994).
        """
        config, count = self.config, self.members
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(context.seed)
            heads = Heads(learned.rows.shape[1], config.hidden, len(self.state.classes), count, self.dropout)
        heads.standardise(learned.rows)
        rows, targets = torch.from_numpy(learned.rows), torch.from_numpy(learned.targets).float()
        odds = np.random.default_rng(context.seed).exponential(size=(count, len(rows)))
        weights = class_balance(learned) * (odds if count > 1 else 1.0)
        importance = torch.from_numpy(np.broadcast_to(weights, odds.shape).copy()).float()
        kept = torch.from_numpy(held.rows), torch.from_numpy(held.targets).float()
        balance = torch.from_numpy(class_balance(held)).float()

        def batches(random: np.random.Generator) -> Iterator[Tensor]:
            order = torch.from_numpy(random.permutation(len(rows)))
            for start in range(0, len(order), config.batch):
                yield order[start : start + config.batch]

        def loss(chosen: Tensor) -> Tensor:
            return _entropy(heads(rows[chosen]), targets[chosen], importance[:, chosen])

        plan = TrainingPlan(
            epochs=config.epochs,
            steps=steps_per_epoch(learned, config),
            minutes=config.minutes,
            learning_rate=config.learning_rate,
            patience=config.patience,
            identity=table_identity(self.state, learned, context),
        )
        train(
            heads,
            batches=batches,
            loss=loss,
            validate=lambda: float(_entropy(heads(kept[0]), kept[1], balance.expand(count, -1))),
            plan=plan,
            context=context,
        )
        return heads


def _entropy(scores: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Return the sum over heads of the weighted mean cross-entropy; scores (m, n, k), weights (m, n)."""
    each = -(targets * torch.log_softmax(scores, dim=2)).sum(dim=2)
    return ((each * weights).sum(dim=1) / weights.sum(dim=1)).sum()
