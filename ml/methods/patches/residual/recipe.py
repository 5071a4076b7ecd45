"""A residual network trained on labelled patches, for long training."""

from __future__ import annotations

import dataclasses

from torch import nn

from ml.contracts import Context
from ml.methods.bases.network_recipe import NetworkRecipe
from ml.methods.bases.patch_recipe import TrainingTable
from ml.methods.patches.residual.info import INFO, ResidualConfig
from ml.networks.residual import ResidualNetwork
from ml.training.loop import TrainingPlan

# The schedule ends at a tenth of its highest rate: 1e-3 falls to 1e-4.
FLOOR = 0.1


class Residual(NetworkRecipe[ResidualConfig]):
    """Convolutions with skip connections, batch normalisation and a calibrated softmax."""

    info = INFO

    def new_network(self) -> nn.Module:
        """Return a new network."""
        return ResidualNetwork(len(self.classes), self.config.width, self.config.units, self.depth)

    def plan(self, learned: TrainingTable, context: Context) -> TrainingPlan:
        """Return the shared plan with the minimum of steps of this network."""
        return dataclasses.replace(super().plan(learned, context), floor=FLOOR)
