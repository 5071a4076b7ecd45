"""Self-supervised encoder of tiles by SimCLR: views of one tile attract, views of others repel."""

from __future__ import annotations

from torch import Tensor

from ml.methods.unlabelled.simclr.info import INFO, SimClrConfig
from ml.methods.unlabelled.similarity_recipe import SimilarityRecipe
from ml.training.contrast import nt_xent


class SimClr(SimilarityRecipe[SimClrConfig]):
    """SimCLR. Chen, Kornblith, Norouzi and Hinton, ICML (2020)."""

    info = INFO

    def unlikeness(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the NT-Xent loss."""
        return nt_xent(first, second, self.config.temperature)
