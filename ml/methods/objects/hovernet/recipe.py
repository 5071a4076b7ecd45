"""Outlines of nuclei by the original HoVer-Net: large, and slow on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ml.methods.bases.outline_recipe import Maps
from ml.methods.bases.window_recipe import Batch
from ml.methods.objects.hovernet.info import INFO
from ml.methods.objects.hovernet.network import SIDE, HoverNetwork
from ml.methods.objects.nuclei_hv.recipe import NucleiHV
from ml.training.nuclei import class_loss, hover_loss


class HoverNet(NucleiHV):
    """Three decoders: nucleus or background, offsets, and types."""

    info = INFO

    @property
    def roi(self) -> tuple[int, int]:
        """Return the one input size of the network."""
        return SIDE, SIDE

    def _new_network(self) -> nn.Module:
        return HoverNetwork(len(self.labels), self.state.depth)

    def _loss(self, scores: Tensor, targets: Batch) -> Tensor:
        classes, offsets, weight = targets
        nucleus = torch.cat([scores[:, :2], scores[:, -2:]], dim=1)
        kinds = class_loss(scores[:, 2:-2], classes, weight)
        return kinds + hover_loss(nucleus, (classes > 0).long(), offsets, weight)

    def _maps(self, scores: Tensor) -> Maps:
        nucleus = scores[:2].softmax(dim=0)
        # The kind is asked only where there is a nucleus.
        kinds = scores[3:-2].softmax(dim=0) * nucleus[1:]
        return torch.cat([nucleus[:1], kinds]).numpy(), scores[-2:].numpy()
