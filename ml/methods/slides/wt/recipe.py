"""Slide transformer: tokens of tissue types with their places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ml.contracts import Context
from ml.data.bags import Bag
from ml.methods.bases.bag_network_parts import heads_for, label_training
from ml.methods.bases.bag_recipe import BagParts, BagRecipe
from ml.methods.slides.wt.info import INFO, SlideTransformerConfig
from ml.networks.bags import BagNetwork
from ml.networks.transmil import SlideTransformer

KINDS: Final = "tissue types"


class WholeSlideTransformer(BagRecipe[SlideTransformerConfig]):
    """WT of MC-ViT. Zhang et al., Frontiers in Oncology (2022), reconstructed from its abstract.

    With an encoder that knows tissue types (a patch model as ``encoder:<model>``) each tile's token carries
    their embedding; with hand-made descriptors it has features and place alone.
    """

    info = INFO

    def compose(self) -> BagParts:
        """Return a transformer over tokens of tissue types, trained on labels of slides."""
        return label_training(self.state, self.config, self._network).parts()

    def learn_bags(self, learned: Sequence[Bag], held: Sequence[Bag], context: Context) -> None:
        """See ``BagRecipe``; stores the number of tissue types that the encoder knows."""
        self.facts[KINDS] = int(getattr(self.opened_encoder(), "classes", 0))
        super().learn_bags(learned, held, context)

    def _network(self, size: int) -> BagNetwork:
        config = self.config
        return SlideTransformer(
            size,
            len(self.labels),
            width=config.width,
            dropout=config.dropout,
            heads=heads_for(config.width, config.heads),
            layers=config.layers,
            kinds=int(self.facts.get(KINDS, 0)),
            hard=config.types == "likeliest",
        )
