"""Outlines of nuclei by a U-Net and watershed, without seams between the windows of a slide."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.data.objects import OutlinedImage
from ml.inference.splitting import split_objects
from ml.networks.unet import NucleiNetwork
from ml.recipes.outlining import OutlineRecipe
from ml.recipes.windowing import Batch
from ml.training.crops import Material
from ml.training.nuclei import nuclei_loss, paint_targets


class Nuclei(OutlineRecipe, recipe="nuclei"):
    """Class and depth of each pixel, split into nuclei."""

    def _new_network(self) -> nn.Module:
        return NucleiNetwork(len(self.labels), 1, self.config.width)

    def _painted(self, image: OutlinedImage, side: int) -> Material:
        return paint_targets(image, side)

    def _loss(self, found: Tensor, targets: Batch) -> Tensor:
        classes, depth, weight = targets
        return nuclei_loss(found, classes, depth, weight)

    def _split(self, scores: Tensor) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        shares = scores[:-1].softmax(dim=0).numpy()
        depth = torch.sigmoid(scores[-1]).numpy()
        return shares, split_objects(1 - shares[0], depth, self.config.smallest)
