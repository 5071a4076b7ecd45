"""Self-supervised encoder of tiles by SimCLR: views of one tile attract, views of others repel."""

from __future__ import annotations

from torch import Tensor

from ml.methods.bases.patch_recipe import PatchParts, PatchRecipe
from ml.methods.unlabelled.simclr.info import INFO, SimClrConfig
from ml.methods.unlabelled.similarity import similarity_parts
from ml.training.contrast import nt_xent


class SimClr(PatchRecipe[SimClrConfig]):
    """SimCLR. Chen, Kornblith, Norouzi and Hinton, ICML (2020)."""

    info = INFO

    def compose(self) -> PatchParts:
        """Return an encoder that learns from views of tiles by the NT-Xent loss."""
        return similarity_parts(self.state, self.config, self._unlikeness)

    def _unlikeness(self, first: Tensor, second: Tensor) -> Tensor:
        return nt_xent(first, second, self.config.temperature)
