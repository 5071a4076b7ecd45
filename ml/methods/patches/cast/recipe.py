"""MC-ViT's patch classifier: transformer paths for three magnifications with cross-attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from torch import nn

from ml.contracts import DataError
from ml.data.variation.patches import Augmentation
from ml.inference.network_predictor import NetworkPredictor
from ml.inference.patch_readers import ViewReader
from ml.messages import Message
from ml.methods.bases.network_parts import network_parts
from ml.methods.bases.patch_recipe import PatchParts, PatchRecipe
from ml.methods.patches.cast.info import INFO, CastConfig
from ml.methods.patches.cast.network import Cast
from ml.networks.model_network import ModelNetwork
from ml.training.patch_trainer import AugmentedPatches, PatchTrainer


class CastRecipe(PatchRecipe[CastConfig]):
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

    def compose(self) -> PatchParts:
        """Return a transformer over several magnifications; all views of a patch vary alike."""
        config, state = self.config, self.state
        predictor = NetworkPredictor(state, ModelNetwork(self._network), config.pixels)
        reader = ViewReader(state, config.patch, config.pixels, config.scales)
        batches = AugmentedPatches(predictor, Augmentation(stain=config.stain))
        return network_parts(config, reader, predictor, PatchTrainer(predictor, config, batches))

    def _network(self) -> nn.Module:
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
            channels=self.state.depth,
        )
