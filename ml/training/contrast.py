"""Contrastive losses: two views of one item are alike, views of different items are not."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Return the loss of SimCLR for two views (n, d) each of n items; n is at least 2.

    Chen et al., A simple framework for contrastive learning of visual representations, ICML (2020).
    """
    rows = functional.normalize(torch.cat([first, second]), dim=1)
    alike = rows @ rows.T / temperature
    alike = alike.masked_fill(torch.eye(len(rows), dtype=torch.bool, device=rows.device), float("-inf"))
    partner = torch.arange(len(rows), device=rows.device).roll(len(first))
    return functional.cross_entropy(alike, partner)


def redundancy(first: Tensor, second: Tensor, weight: float = 5e-3) -> Tensor:
    """Return the loss of Barlow Twins, for which the correlation of two views (n, d) should be the identity.

    Zbontar et al., Barlow Twins, ICML (2021). Divided by d, so that rates suit any width.
    """
    normal = [(rows - rows.mean(dim=0)) / (rows.std(dim=0) + 1e-5) for rows in (first, second)]
    matrix = normal[0].T @ normal[1] / len(first)
    on = (torch.diagonal(matrix) - 1).pow(2).sum()
    off = matrix.pow(2).sum() - torch.diagonal(matrix).pow(2).sum()
    return (on + weight * off) / matrix.shape[0]
