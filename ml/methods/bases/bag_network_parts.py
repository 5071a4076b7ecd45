"""Parts of recipes for slides whose predictions come from one network over a bag."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ml.inference.bag_predictor import BagNetworkPredictor
from ml.methods.bases.bag_recipe import BagParts
from ml.networks.bags import BagNetwork
from ml.networks.model_network import ModelNetwork
from ml.storage.model_state import ModelState
from ml.training.bag_target import LabelTarget
from ml.training.bag_trainer import BagSettings, BagTrainer, LabelLoss, NetworkLearner, Trainer


@dataclass(frozen=True)
class LabelTraining:
    """The parts that training on labels of slides needs, from which a recipe takes its trainer."""

    state: ModelState
    network: ModelNetwork[BagNetwork]
    target: LabelTarget
    loss: LabelLoss
    trainer: BagTrainer

    def parts(self, trainer: Trainer | None = None, *, uses_unlabelled: bool = False) -> BagParts:
        """Return the parts of the recipe, with another trainer where one is given."""
        predictor = BagNetworkPredictor(self.state, self.network)
        learner = NetworkLearner(self.network, trainer or self.trainer)
        return BagParts(self.target, predictor, learner, uses_unlabelled)


def label_training(
    state: ModelState, config: BagSettings, create: Callable[[int], BagNetwork], *, stages: int = 1
) -> LabelTraining:
    """Return the training of the network that ``create`` returns for a number of features of a tile.

    ``stages`` is the number of trainings that share the epochs and the time of the settings.
    """
    network, target = ModelNetwork(create), LabelTarget(state)
    loss = LabelLoss(network, target)
    trainer = BagTrainer(state, config, target, loss, stages)
    return LabelTraining(state, network, target, loss, trainer)


def heads_for(width: int, most: int) -> int:
    """Return the largest number of attention heads up to ``most`` that divides a width evenly."""
    return max(count for count in range(1, most + 1) if width % count == 0)
