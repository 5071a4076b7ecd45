"""A mean teacher: a student that is trained, and the moving average of its weights."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from ml.networks.bags import AttentionNetwork, BagNetwork, BagOutput


class MeanTeacher(BagNetwork):
    """Tarvainen and Valpola, Mean teachers are better role models, NeurIPS (2017), on bags.

    The student is used while training, the teacher otherwise.
    """

    steps: Tensor

    def __init__(self, size: int, classes: int, width: int, dropout: float) -> None:
        super().__init__(size)
        self.student = AttentionNetwork(size, classes, width, dropout)
        self.teacher: nn.Module = copy.deepcopy(self.student).requires_grad_(requires_grad=False)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, tiles: Tensor, places: Tensor) -> BagOutput:
        """See ``BagNetwork``."""
        model = self.student if self.training else self.teacher
        output: BagOutput = model(self.standardised(tiles), places)
        return output

    def taught(self, tiles: Tensor, places: Tensor) -> Tensor:
        """Return the teacher's probabilities (k,)."""
        self.teacher.eval()
        with torch.no_grad():
            return torch.softmax(self.teacher(self.standardised(tiles), places).scores, dim=0)

    def follow(self, decay: float) -> None:
        """Move the teacher towards the student; faster in early steps, when its weights are still random."""
        self.steps += 1
        keep = min(decay, (1 + int(self.steps)) / (10 + int(self.steps)))
        with torch.no_grad():
            pairs = zip(self.teacher.parameters(), self.student.parameters(), strict=True)
            for slow, fast in pairs:
                slow.mul_(keep).add_(fast, alpha=1 - keep)
