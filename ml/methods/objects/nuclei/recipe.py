"""Outlines of nuclei by a U-Net and watershed, without seams between the windows of a slide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.data.objects import OutlinedImage
from ml.inference.outline_finder import Maps
from ml.inference.splitting import Cut, split_objects
from ml.inference.window_network import WindowNetwork
from ml.methods.bases.object_parts import outline_parts
from ml.methods.bases.object_recipe import ObjectParts, ObjectRecipe
from ml.methods.objects.nuclei.info import INFO
from ml.methods.objects.settings import NucleiConfig
from ml.networks.model_network import ModelNetwork
from ml.networks.unet import NucleiNetwork
from ml.training.crop_trainer import Batch
from ml.training.crops import Layers, Material
from ml.training.nuclei import nuclei_loss, paint_targets


class Nuclei(ObjectRecipe[NucleiConfig]):
    """Class and depth of each pixel, split into nuclei."""

    info = INFO

    def compose(self) -> ObjectParts:
        """Return a U-Net of class and depth, and the watershed that splits them."""
        network = WindowNetwork(ModelNetwork(self._network))
        splitter = DepthSplitter(self.config.smallest)
        return outline_parts(self.state, self.config, network, DepthTargets(), splitter)

    def _network(self) -> nn.Module:
        return NucleiNetwork(len(self.labels), 1, self.config.width, self.state.depth)


class DepthTargets:
    """The class of each pixel, and its depth in the nucleus."""

    def paint(self, image: OutlinedImage, side: int) -> Material:
        """Return an image with classes, depths and weights."""
        return paint_targets(image, side)

    def finish(self, layers: Layers) -> Layers:
        """Return the layers, which are the targets."""
        return layers

    def loss(self, scores: Tensor, targets: Batch) -> Tensor:
        """Return the loss of class and depth."""
        classes, depth, weight = targets
        return nuclei_loss(scores, classes, depth, weight)


@dataclass(frozen=True)
class DepthSplitter:
    """Watershed by depth; objects below ``smallest`` pixels are dropped."""

    smallest: int
    partings: tuple[tuple[float, float], ...] = ((1.5, 0.8), (1.5, 0.7), (2.5, 0.75), (2.0, 0.6), (1.5, 0.85))

    def maps(self, scores: Tensor) -> Maps:
        """Return class shares and depth, of scores (c, h, w)."""
        return scores[:-1].softmax(dim=0).numpy(), torch.sigmoid(scores[-1]).numpy()

    def instances(self, maps: Maps, cut: Cut) -> NDArray[np.int32]:
        """Return instances (h, w), 0 background."""
        shares, depth = maps
        return split_objects(1 - shares[0], depth, self.smallest, cut)
