"""Self-supervised encoder of tiles by Barlow Twins: views agree, and features are decorrelated."""

from __future__ import annotations

from torch import Tensor

from ml.methods.unlabelled.barlow.info import INFO, BarlowConfig
from ml.methods.unlabelled.similarity_recipe import SimilarityRecipe
from ml.training.contrast import redundancy


class Barlow(SimilarityRecipe[BarlowConfig]):
    """Barlow Twins. Zbontar, Jing, Misra, LeCun and Deny, ICML (2021)."""

    info = INFO

    def unlikeness(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the distance of the views' cross-correlation from the identity."""
        return redundancy(first, second, self.config.redundancy)
