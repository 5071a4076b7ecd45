"""CAST of MC-ViT: one transformer path per magnification, with cross-attention after every stage.

Zhang et al., Frontiers in Oncology (2022). Its code is not public; this follows the abstract and our
choices for details that it does not give: sizes, where paths meet, and gates that start shut.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

DEPTH = 2
WIDER = 4
SPREAD = 0.02


class CrossAttention(nn.Module):
    """Cross-attention between paths, with a gate per pair of paths that starts at zero.

    A gate is 2 sigmoid(g) - 1 with g = 0 at first, so that training starts from independent paths.
    With ``narrow`` only the class tokens ask, as in CrossViT (Chen et al., ICCV 2021).
    """

    def __init__(self, paths: int, width: int, heads: int, *, narrow: bool) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(paths)])
        self.attend = nn.ModuleList(
            [nn.MultiheadAttention(width, heads, batch_first=True) for _ in range(paths)]
        )
        self.gates = nn.Parameter(torch.zeros(paths, paths))
        self.narrow = narrow

    def forward(self, paths: list[Tensor]) -> list[Tensor]:
        """Return each path (n, tokens, width) with its cross-attention to the others added."""
        seen = [norm(tokens) for norm, tokens in zip(self.norms, paths, strict=True)]
        gates = 2 * torch.sigmoid(self.gates) - 1
        outputs = []
        for own, tokens in enumerate(paths):
            query = seen[own][:, :1] if self.narrow else seen[own]
            taken = torch.zeros_like(query)
            for other in range(len(paths)):
                if other != own:
                    answer, _ = self.attend[own](query, seen[other], seen[other], need_weights=False)
                    taken = taken + gates[own, other] * answer
            if self.narrow:
                outputs.append(torch.cat([tokens[:, :1] + taken, tokens[:, 1:]], dim=1))
            else:
                outputs.append(tokens + taken)
        return outputs


class Path(nn.Module):
    """The tokeniser of one view: a class token and tokens of its squares."""

    def __init__(self, pixels: int, square: int, width: int, channels: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(channels, width, square, stride=square)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(torch.randn(1, 1 + (pixels // square) ** 2, width) * SPREAD)

    def forward(self, view: Tensor) -> Tensor:
        """Return (n, 1 + squares, width) for (n, channels, pixels, pixels) in 0..1."""
        squares = self.embed(view * 2 - 1).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(view), -1, -1), squares], dim=1)
        positioned: Tensor = tokens + self.position
        return positioned


def block(width: int, heads: int) -> nn.Module:
    """Return a pre-norm transformer block."""
    return nn.TransformerEncoderLayer(
        width, heads, WIDER * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )


class Cast(nn.Module):
    """Scores (n, classes) for views (n, scales, channels, pixels, pixels) of one centre, nearest first."""

    def __init__(
        self,
        classes: int,
        *,
        scales: int,
        pixels: int,
        square: int,
        width: int,
        heads: int,
        stages: int,
        narrow: bool,
        channels: int = 3,
    ) -> None:
        super().__init__()
        self.paths = nn.ModuleList([Path(pixels, square, width, channels) for _ in range(scales)])
        self.stages = nn.ModuleList(
            [
                nn.ModuleList(
                    [nn.Sequential(*(block(width, heads) for _ in range(DEPTH))) for _ in range(scales)]
                )
                for _ in range(stages)
            ]
        )
        self.meetings = nn.ModuleList(
            [CrossAttention(scales, width, heads, narrow=narrow) for _ in range(stages)]
        )
        self.norm = nn.LayerNorm(scales * width)
        self.head = nn.Linear(scales * width, classes)

    def features(self, views: Tensor) -> Tensor:
        """Return the class tokens of all paths side by side (n, scales x width)."""
        tokens = [path(views[:, k]) for k, path in enumerate(self.paths)]
        for stage, meeting in zip(self.stages, self.meetings, strict=True):
            parts: nn.ModuleList = stage  # type: ignore[assignment]
            tokens = meeting([part(own) for part, own in zip(parts, tokens, strict=True)])
        joined: Tensor = self.norm(torch.cat([own[:, 0] for own in tokens], dim=1))
        return joined

    def forward(self, views: Tensor) -> Tensor:
        """Return the scores before softmax."""
        scores: Tensor = self.head(self.features(views))
        return scores
