"""Losses of survival heads, and their risk."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


def cox_loss(risk: Tensor, months: Tensor, event: Tensor) -> Tensor:
    """Return the negative partial log-likelihood per event of log hazards (n,); 0 without an event.

    Ties by Breslow. Cox, Journal of the Royal Statistical Society B 34:187 (1972).
    """
    at_risk = months[None, :] >= months[:, None]
    total = torch.logsumexp(risk[None, :].masked_fill(~at_risk, float("-inf")), dim=1)
    return ((total - risk) * event).sum() / event.sum().clamp(min=1)


def interval_edges(months: NDArray[np.float64], event: NDArray[np.bool_], count: int) -> list[float]:
    """Return the inner edges of intervals that hold about as many events each."""
    times = months[event] if event.any() else months
    inner = np.quantile(times, np.linspace(0, 1, count + 1)[1:-1])
    return [float(edge) for edge in np.unique(inner)]


def hazard_loss(scores: Tensor, interval: Tensor, event: Tensor) -> Tensor:
    """Return the mean negative log-likelihood of hazards by interval, ``scores`` (n, intervals) being logits.

    ``interval`` (n,) is the one in which follow-up ended. Gensheimer and Narasimhan, PeerJ 7:e6257 (2019).
    """
    number = torch.arange(scores.shape[1], device=scores.device)
    survived = number < interval[:, None]
    last = number == interval[:, None]
    alive = functional.logsigmoid(-scores)
    ended = torch.where(event[:, None], functional.logsigmoid(scores), alive)
    return -(alive * survived + ended * last).sum(dim=1).mean()


def log_risk(scores: Tensor, kind: str) -> Tensor:
    """Return log hazards (n,): the output of a Cox head, or the log of the summed hazards."""
    if kind == "cox":
        return scores[:, 0]
    return torch.log(functional.softplus(scores).sum(dim=1))
