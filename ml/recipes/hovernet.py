"""Outlines of nuclei by HoVer-Net itself: large, slow on a CPU, for those who have a GPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ml.networks.hovernet import SIDE, HoverNetwork
from ml.recipes.nuclei_hv import NucleiHV
from ml.recipes.outlining import Maps
from ml.recipes.windowing import Batch
from ml.training.nuclei import class_loss, hover_loss


class HoverNet(NucleiHV, recipe="hovernet"):
    """Three decoders: nucleus or not, offsets, and kinds."""

    @property
    def roi(self) -> tuple[int, int]:
        """Return the one size that the network takes."""
        return SIDE, SIDE

    def _new_network(self) -> nn.Module:
        return HoverNetwork(len(self.labels), self.depth)

    def _loss(self, found: Tensor, targets: Batch) -> Tensor:
        classes, offsets, weight = targets
        nucleus = torch.cat([found[:, :2], found[:, -2:]], dim=1)
        kinds = class_loss(found[:, 2:-2], classes, weight)
        return kinds + hover_loss(nucleus, (classes > 0).long(), offsets, weight)

    def _maps(self, scores: Tensor) -> Maps:
        nucleus = scores[:2].softmax(dim=0)
        # The kind is asked only where there is a nucleus.
        kinds = scores[3:-2].softmax(dim=0) * nucleus[1:]
        return torch.cat([nucleus[:1], kinds]).numpy(), scores[-2:].numpy()
