"""Spatially sparse attention: a few contiguous key patches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from ml.contracts import Context
from ml.data.bags import Bag
from ml.methods.bases.bag_network_recipe import NetworkBagRecipe, stage_of
from ml.methods.slides.ssmil.info import INFO, SparseAttentionConfig
from ml.networks.bags import BagNetwork
from ml.networks.spatial import SparseAttentionNetwork
from ml.training.loop import TrainingPlan


class SparseAttention(NetworkBagRecipe[SparseAttentionConfig]):
    """Spatially sparse multiple instance learning, in our reading."""

    info = INFO

    def _new_network(self, size: int) -> BagNetwork:
        config = self.config
        return SparseAttentionNetwork(
            size,
            len(self.labels),
            width=config.width,
            dropout=config.dropout,
            heat=config.heat,
            smoothness=config.smoothness,
            smooth=config.neighbours,
            top=0 if config.choice == "sparsemax" else config.top,
            floor=config.entropy_floor,
        )

    def _fit(
        self, network: BagNetwork, learned: Sequence[Bag], held: Sequence[Bag], context: Context
    ) -> None:
        """Train with soft weights for half of the epochs, then with sparse ones."""
        staged = cast("SparseAttentionNetwork", network)
        staged.stage = "soft"
        super()._fit(network, learned, held, stage_of(context, "soft", (0.0, 0.5)))
        staged.stage = "sparse"
        super()._fit(network, learned, held, stage_of(context, "sparse", (0.5, 1.0)))

    def _plan(self, count: int, learned: Sequence[Bag], context: Context) -> TrainingPlan:
        plan = super()._plan(count, learned, context)
        return replace(plan, epochs=-(-plan.epochs // 2), minutes=plan.minutes / 2)
