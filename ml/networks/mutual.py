"""Networks for mutual learning: trained by labels and by each other's predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.networks.encoders import COLOURS, PatchNetwork

FUSED = 128


class Peers(nn.Module):
    """Several networks: scores (members, n, classes). ``answer`` selects their ``mean`` or ``first``."""

    def __init__(self, encoders: Sequence[str], classes: int, answer: str, channels: int = COLOURS) -> None:
        super().__init__()
        self.members = nn.ModuleList([PatchNetwork(name, classes, channels=channels) for name in encoders])
        self.answer = answer

    def each(self, pixels: Tensor) -> Tensor:
        """Return the scores of every member."""
        return torch.stack([member(pixels) for member in self.members])

    def features(self, pixels: Tensor) -> Tensor:
        """Return the features of all members side by side."""
        networks = [member for member in self.members if isinstance(member, PatchNetwork)]
        return torch.cat([network.features(pixels) for network in networks], dim=1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return log-probabilities: of the first member, or the mean of all."""
        if self.answer == "first":
            logs: Tensor = functional.log_softmax(self.members[0](pixels), dim=1)
            return logs
        return self.each(pixels).softmax(dim=2).mean(dim=0).clamp(min=1e-12).log()


def divergence(learner: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
    """Return T² KL(teacher ‖ learner) per item (n,), for scores (n, k); the teacher gets no gradient."""
    teacher_logs = functional.log_softmax(teacher.detach() / temperature, dim=1)
    learner_logs = functional.log_softmax(learner / temperature, dim=1)
    return temperature**2 * (teacher_logs.exp() * (teacher_logs - learner_logs)).sum(dim=1)


@dataclass(frozen=True, slots=True)
class FusedScores:
    """Scores (n, k) of the two networks, of their fused features, and of their weighted scores."""

    first: Tensor
    second: Tensor
    fused: Tensor
    joined: Tensor


class FusedPair(nn.Module):
    """Two networks of different kinds with gated fusion of features and learned fusion of scores.

    Judges by the fused features. ``seen`` counts training steps, because teaching starts after a warm-up.
    """

    seen: Tensor

    def __init__(self, first: str, second: str, classes: int, channels: int = COLOURS) -> None:
        super().__init__()
        self.first = PatchNetwork(first, classes, channels=channels)
        self.second = PatchNetwork(second, classes, channels=channels)
        sizes = self.first.encoder.size, self.second.encoder.size
        self.project = nn.ModuleList([nn.Linear(size, FUSED) for size in sizes])
        self.gate = nn.Linear(sum(sizes), FUSED)
        self.head = nn.Linear(FUSED, classes)
        self.share = nn.Parameter(torch.zeros(2))
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    def features(self, pixels: Tensor) -> Tensor:
        """Return the fused features (n, 128)."""
        return self.fuse(self.first.features(pixels), self.second.features(pixels))

    def fuse(self, first: Tensor, second: Tensor) -> Tensor:
        """Return g P_A f_A + (1 - g) P_B f_B with a gate g for every number."""
        gate = torch.sigmoid(self.gate(torch.cat([first, second], dim=1)))
        fused: Tensor = gate * self.project[0](first) + (1 - gate) * self.project[1](second)
        return fused

    def each(self, pixels: Tensor) -> FusedScores:
        """Return the four scores."""
        first, second = self.first.features(pixels), self.second.features(pixels)
        scores = self.first.head(self.first.dropout(first)), self.second.head(self.second.dropout(second))
        share = self.share.softmax(dim=0)
        joined = share[0] * scores[0] + share[1] * scores[1]
        return FusedScores(*scores, self.head(self.fuse(first, second)), joined)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the scores of the fused features."""
        return self.each(pixels).fused
