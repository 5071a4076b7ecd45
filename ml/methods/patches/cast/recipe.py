"""MC-ViT's patch classifier: transformer paths for three magnifications with cross-attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from torch import nn

from ml.contracts import DataError
from ml.data.variation.patches import Augmentation
from ml.messages import Message
from ml.methods.bases.multi_view_recipe import ScaledRecipe
from ml.methods.patches.cast.info import INFO, CastConfig
from ml.methods.patches.cast.network import Cast


class CastRecipe(ScaledRecipe[CastConfig]):
    """Parallel paths with cross-attention after each stage."""

    info = INFO

    @classmethod
    def build(cls, labels: Sequence[str], config: Mapping[str, Any]) -> Self:
        """Return an unfitted recipe; raises DataError(``bad_config``) where sizes do not divide."""
        recipe = super().build(labels, config)
        chosen = recipe.config
        if chosen.pixels % chosen.square or chosen.width % chosen.heads:
            message = Message(
                "cast_sizes",
                pixels=chosen.pixels,
                square=chosen.square,
                width=chosen.width,
                heads=chosen.heads,
            )
            raise DataError(message, code="bad_config")
        return recipe

    def new_network(self) -> nn.Module:
        """Return a new network."""
        config = self.config
        return Cast(
            len(self.classes),
            scales=config.scales,
            pixels=config.pixels,
            square=config.square,
            width=config.width,
            heads=config.heads,
            stages=config.stages,
            narrow=config.exchange == "class tokens",
            channels=self.depth,
        )

    def augmentation(self) -> Augmentation:
        """Return the augmentation of training patches; all views vary alike."""
        return Augmentation(stain=self.config.stain)
