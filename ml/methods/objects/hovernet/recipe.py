"""Outlines of nuclei by the original HoVer-Net: large, and slow on a CPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.data.objects import OutlinedImage
from ml.inference.outline_finder import Maps
from ml.inference.splitting import Cut
from ml.inference.window_network import WindowNetwork
from ml.methods.bases.object_parts import outline_parts
from ml.methods.bases.object_recipe import ObjectParts, ObjectRecipe
from ml.methods.objects.hovernet.info import INFO
from ml.methods.objects.hovernet.network import SIDE, HoverNetwork
from ml.methods.objects.nuclei_hv.offsets import OffsetSplitter, OffsetTargets
from ml.methods.objects.settings import NucleiConfig
from ml.networks.model_network import ModelNetwork
from ml.training.crop_trainer import Batch
from ml.training.crops import Layers, Material
from ml.training.nuclei import class_loss, hover_loss


class HoverNet(ObjectRecipe[NucleiConfig]):
    """Three decoders: nucleus or background, offsets, and types."""

    info = INFO

    def compose(self) -> ObjectParts:
        """Return HoVer-Net, which has one input size, with the split of ``nuclei-hv``."""
        network = WindowNetwork(ModelNetwork(self._network), _only_size)
        splitter = BranchSplitter(OffsetSplitter(self.config.smallest))
        return outline_parts(self.state, self.config, network, BranchTargets(OffsetTargets()), splitter)

    def _network(self) -> nn.Module:
        return HoverNetwork(len(self.labels), self.state.depth)


@dataclass(frozen=True)
class BranchTargets:
    """The targets of ``nuclei-hv``, with a loss for each decoder."""

    offsets: OffsetTargets

    def paint(self, image: OutlinedImage, side: int) -> Material:
        """Return an image with classes, instances and weights."""
        return self.offsets.paint(image, side)

    def finish(self, layers: Layers) -> Layers:
        """Return classes, offsets and weights of a crop."""
        return self.offsets.finish(layers)

    def loss(self, scores: Tensor, targets: Batch) -> Tensor:
        """Return the sum of the losses of types, and of nucleus and offsets."""
        classes, offsets, weight = targets
        nucleus = torch.cat([scores[:, :2], scores[:, -2:]], dim=1)
        kinds = class_loss(scores[:, 2:-2], classes, weight)
        return kinds + hover_loss(nucleus, (classes > 0).long(), offsets, weight)


@dataclass(frozen=True)
class BranchSplitter:
    """The split of ``nuclei-hv``, on the class shares of two decoders."""

    offsets: OffsetSplitter

    @property
    def partings(self) -> Sequence[tuple[float, float]]:
        """Return the pairs of smoothing and limit to choose from."""
        return self.offsets.partings

    def maps(self, scores: Tensor) -> Maps:
        """Return class shares and offsets, of scores (c, h, w)."""
        nucleus = scores[:2].softmax(dim=0)
        # The kind is asked only where there is a nucleus.
        kinds = scores[3:-2].softmax(dim=0) * nucleus[1:]
        return torch.cat([nucleus[:1], kinds]).numpy(), scores[-2:].numpy()

    def instances(self, maps: Maps, cut: Cut) -> NDArray[np.int32]:
        """Return instances (h, w), 0 background."""
        return self.offsets.instances(maps, cut)


def _only_size() -> tuple[int, int]:
    """Return the one input size of the network."""
    return SIDE, SIDE
