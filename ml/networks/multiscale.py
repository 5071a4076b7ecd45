"""Networks over several views of one place, joined before the last layer, and heads for several tasks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.networks.encoders import COLOURS, DROPOUT, make_encoder

HIDDEN = 64


class MultiScaleNetwork(nn.Module):
    """Scores (n, classes) for views (n, scales, channels, side, side) in 0..1 with the same centre.

    ``fusion``: ``concat`` joins the features, ``mean`` averages them, ``gated`` weighs each scale by
    gated attention (Ilse et al., ICML 2018). One encoder for all scales when ``shared``.
    """

    def __init__(
        self,
        encoder: str,
        classes: int,
        scales: int,
        fusion: str,
        *,
        shared: bool,
        channels: int = COLOURS,
    ) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(
            [make_encoder(encoder, channels) for _ in range(1 if shared else scales)]
        )
        size = make_encoder(encoder, channels).size
        self.fusion = fusion
        if fusion == "gated":
            self.tanh = nn.Linear(size, HIDDEN)
            self.gate = nn.Linear(size, HIDDEN)
            self.weigh = nn.Linear(HIDDEN, 1)
        self.dropout = nn.Dropout(DROPOUT)
        self.head = nn.Linear(size * scales if fusion == "concat" else size, classes)

    def features(self, views: Tensor) -> Tensor:
        """Return the joined features of each place."""
        scales = views.shape[1]
        seen = [self.encoders[k % len(self.encoders)](views[:, k]) for k in range(scales)]
        each = torch.stack(seen, dim=1)
        if self.fusion == "concat":
            return each.flatten(1)
        if self.fusion == "mean":
            return each.mean(dim=1)
        return (each * self.weights(each)).sum(dim=1)

    def weights(self, each: Tensor) -> Tensor:
        """Return the weight of each scale (n, scales, 1), for features (n, scales, size)."""
        weights: Tensor = self.weigh(torch.tanh(self.tanh(each)) * torch.sigmoid(self.gate(each)))
        return weights.softmax(dim=1)

    def forward(self, views: Tensor) -> Tensor:
        """Return the scores before softmax."""
        scores: Tensor = self.head(self.dropout(self.features(views)))
        return scores


class MultiTaskNetwork(nn.Module):
    """One encoder and three heads: type (softmax), grade (ordinal), a property (yes or no).

    ``doubt`` holds s of each task, by which its loss is weighed: e^-s L + s (Kendall et al., CVPR 2018).
    ``grades`` is how many there are; the ordinal head has one cumulative logit fewer.
    """

    def __init__(self, encoder: str, types: int, grades: int, channels: int = COLOURS) -> None:
        super().__init__()
        self.encoder = make_encoder(encoder, channels)
        self.dropout = nn.Dropout(DROPOUT)
        self.kind = nn.Linear(self.encoder.size, types)
        self.severity = nn.Linear(self.encoder.size, 1)
        self.first = nn.Parameter(torch.zeros(1))
        self.steps = nn.Parameter(torch.zeros(max(0, grades - 2)))
        self.property = nn.Linear(self.encoder.size, 1)
        self.doubt = nn.Parameter(torch.zeros(3))
        self.grades = grades

    def features(self, pixels: Tensor) -> Tensor:
        """Return the input of the heads (n, size)."""
        features: Tensor = self.encoder(pixels)
        return features

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return log-probabilities of the types (n, t), of the grades (n, g) and of no and yes (n, 2)."""
        seen = self.dropout(self.features(pixels))
        flag = self.property(seen)
        return (
            functional.log_softmax(self.kind(seen), dim=1),
            self._grade(self.severity(seen)),
            functional.logsigmoid(torch.cat([-flag, flag], dim=1)),
        )

    def _grade(self, severity: Tensor) -> Tensor:
        """Return log-probabilities of ordered grades, whose thresholds are in ascending order."""
        if self.grades <= 1:
            return torch.zeros_like(severity)
        borders = torch.cat([self.first, self.first + functional.softplus(self.steps).cumsum(0)])
        above = torch.sigmoid(severity - borders)
        ends = torch.ones_like(severity), torch.zeros_like(severity)
        cumulative = torch.cat([ends[0], above, ends[1]], dim=1)
        return (cumulative[:, :-1] - cumulative[:, 1:]).clamp(min=1e-7).log()
