"""An encoder from tiles without labels: views of one tile agree, and no feature repeats another."""

from __future__ import annotations

from torch import Tensor

from ml.recipes.similarity import SimilarityRecipe
from ml.training.contrast import redundancy


class Barlow(SimilarityRecipe, recipe="barlow"):
    """Barlow Twins. Zbontar, Jing, Misra, LeCun and Deny, ICML (2021)."""

    def unlikeness(self, first: Tensor, second: Tensor) -> Tensor:
        """Return how far the views' correlation is from the identity."""
        return redundancy(first, second, self.config.redundancy)
