"""The same network from scratch, beside one that starts from given weights."""

from __future__ import annotations

import dataclasses

from ml.catalogue.registry import find_recipe
from ml.contracts import Context
from ml.data.training_table import TrainingTable
from ml.methods.bases.network_parts import network_predictor
from ml.methods.patches.convolutional.recipe import Convolutional
from ml.storage.model_state import ModelState
from ml.training.patch_trainer import NetworkFitting
from ml.training.staged_trainer import held_out_figures


@dataclasses.dataclass(frozen=True)
class ScratchNetwork:
    """Trains ``convolutional`` by the settings of another recipe that it shares."""

    state: ModelState

    def __call__(self, learned: TrainingTable, held: TrainingTable, context: Context) -> dict[str, float]:
        """Train on ``learned``; return the accuracy on ``held`` and the number of its items."""
        names = {item.name for item in find_recipe(Convolutional.name).fields}
        shared = {name: value for name, value in self.state.settings.items() if name in names}
        plain = Convolutional.build(self.state.labels, shared)
        plain.background, plain.channels = self.state.background, self.state.channels
        plain.ready(context)
        beside = dataclasses.replace(context, scratch=context.scratch / "from-scratch")
        fitting, predictor = plain.parts.fitting, network_predictor(plain)
        if predictor is None or not isinstance(fitting, NetworkFitting):
            raise TypeError
        network = predictor.network.fresh(context.seed)
        fitting.trainer.train(network, learned, held, beside)
        return held_out_figures(predictor.scores(network, held.rows, beside), held)
