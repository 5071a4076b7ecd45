"""Self-supervised encoder of tiles by Barlow Twins: views agree, and features are decorrelated."""

from __future__ import annotations

from torch import Tensor

from ml.methods.bases.patch_recipe import PatchParts, PatchRecipe
from ml.methods.unlabelled.barlow.info import INFO, BarlowConfig
from ml.methods.unlabelled.similarity import similarity_parts
from ml.training.contrast import redundancy


class Barlow(PatchRecipe[BarlowConfig]):
    """Barlow Twins. Zbontar, Jing, Misra, LeCun and Deny, ICML (2021)."""

    info = INFO

    def compose(self) -> PatchParts:
        """Return an encoder that learns from views of tiles by their cross-correlation."""
        return similarity_parts(self.state, self.config, self._unlikeness)

    def _unlikeness(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the distance of the views' cross-correlation from the identity."""
        return redundancy(first, second, self.config.redundancy)
