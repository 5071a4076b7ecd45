"""Semi-supervised training on labelled and unlabelled slides."""

from __future__ import annotations

from ml.methods.bases.bag_network_parts import label_training
from ml.methods.bases.bag_recipe import BagParts, BagRecipe
from ml.methods.slides.semimil.info import INFO, MeanTeacherConfig
from ml.methods.slides.semimil.network import MeanTeacher
from ml.methods.slides.semimil.trainer import MeanTeacherTrainer
from ml.networks.bags import BagNetwork


class MeanTeacherBags(BagRecipe[MeanTeacherConfig]):
    """Mean teacher on bags: two halves of a slide must agree, with or without a label.

    Tarvainen and Valpola, NeurIPS (2017); pseudo-labels where the teacher is sure: Sohn et al., FixMatch,
    NeurIPS (2020).
    """

    info = INFO

    def compose(self) -> BagParts:
        """Return a student and its slow teacher, trained on slides with and without labels."""
        training = label_training(self.state, self.config, self._network)
        trainer = MeanTeacherTrainer(training.trainer, training.loss, self.config)
        return training.parts(trainer, uses_unlabelled=True)

    def _network(self, size: int) -> BagNetwork:
        return MeanTeacher(size, len(self.labels), self.config.width, self.config.dropout)
