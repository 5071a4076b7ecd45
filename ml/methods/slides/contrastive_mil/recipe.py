"""Contrastive pretraining on slides without labels, then training on a few labels."""

from __future__ import annotations

from ml.methods.bases.bag_network_parts import label_training
from ml.methods.bases.bag_recipe import BagParts, BagRecipe
from ml.methods.slides.contrastive_mil.info import INFO, ContrastiveConfig
from ml.methods.slides.contrastive_mil.network import ContrastiveNetwork
from ml.methods.slides.contrastive_mil.trainer import ContrastiveTrainer
from ml.networks.bags import BagNetwork


class ContrastiveBags(BagRecipe[ContrastiveConfig]):
    """Contrast of two disjoint subsets of a slide's tiles against other slides, then a trained head.

    Tavolara, Gurcan and Niazi, Cancers (2022), reconstructed from the abstract.
    """

    info = INFO

    def compose(self) -> BagParts:
        """Return gated attention, contrasted on all slides before it is trained on labels."""
        training = label_training(self.state, self.config, self._network)
        trainer = ContrastiveTrainer(training.trainer, training.network, self.config)
        return training.parts(trainer, uses_unlabelled=True)

    def _network(self, size: int) -> BagNetwork:
        config = self.config
        return ContrastiveNetwork(size, len(self.labels), config.width, config.dropout, config.projection)
