"""Outlines of nuclei by a U-Net and watershed, without seams between the windows of a slide."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.data.objects import OutlinedImage
from ml.inference.splitting import Cut, split_objects
from ml.methods.bases.outline_recipe import Maps, OutlineRecipe
from ml.methods.bases.window_recipe import Batch
from ml.methods.objects.nuclei.info import INFO
from ml.methods.objects.settings import NucleiConfig
from ml.networks.unet import NucleiNetwork
from ml.training.crops import Material
from ml.training.nuclei import nuclei_loss, paint_targets


class Nuclei(OutlineRecipe[NucleiConfig]):
    """Class and depth of each pixel, split into nuclei."""

    info = INFO

    partings = ((1.5, 0.8), (1.5, 0.7), (2.5, 0.75), (2.0, 0.6), (1.5, 0.85))

    def _new_network(self) -> nn.Module:
        return NucleiNetwork(len(self.labels), 1, self.config.width, self.state.depth)

    def _painted(self, image: OutlinedImage, side: int) -> Material:
        return paint_targets(image, side)

    def _loss(self, scores: Tensor, targets: Batch) -> Tensor:
        classes, depth, weight = targets
        return nuclei_loss(scores, classes, depth, weight)

    def _maps(self, scores: Tensor) -> Maps:
        return scores[:-1].softmax(dim=0).numpy(), torch.sigmoid(scores[-1]).numpy()

    def _instances(self, maps: Maps, cut: Cut) -> NDArray[np.int32]:
        shares, depth = maps
        return split_objects(1 - shares[0], depth, self.config.smallest, cut)
