"""Training loop of all networks: seeded, cancellable, and resumable."""

from __future__ import annotations

import copy
import itertools
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ml.contracts import Context, DataError
from ml.messages import Message
from ml.storage.room import remove_on_failure
from ml.training.together import agree, average_gradients, average_statistics, place

WARM_UP = 0.1
DECAY = 1e-2
STEEPEST = 5.0


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """``identity`` names data and settings: only a run with the same one is resumed.

    ``floor`` is the share of the rate at which the schedule ends. ``average`` above zero keeps a
    running mean of the weights with that decay, which is validated and kept.
    """

    epochs: int
    steps: int
    minutes: float
    learning_rate: float
    patience: int
    identity: str
    floor: float = 0.0
    average: float = 0.0


@dataclass(slots=True)
class Progress:
    """Progress of a run."""

    epoch: int = 0
    best: float = math.inf
    best_epoch: int = -1
    seconds: float = 0.0


def train(
    network: nn.Module,
    *,
    batches: Callable[[np.random.Generator], Iterable[Any]],
    loss: Callable[[Any], Tensor],
    validate: Callable[[], float],
    plan: TrainingPlan,
    context: Context,
    groups: Sequence[Mapping[str, Any]] | None = None,
) -> Progress:
    """Train in place and leave the weights of the epoch with the least validation loss.

    AdamW under a cosine with warm-up (Loshchilov and Hutter, ICLR 2019). Each epoch draws its
    randomness from the seed and its own number, so that a run that was interrupted and resumed
    from ``context.scratch`` ends with the same bits. Reports each batch, so a run can be cancelled.
    ``groups`` are parameter groups as an optimiser takes them; ``scale`` in one multiplies its rate.

    Where ``torchrun`` started several processes, each draws batches of its own, a share of an epoch's, and
    all step by the mean of their gradients; statistics of batch normalisation are averaged after each epoch.
    """
    number, processes = place()
    plan = replace(plan, steps=max(1, plan.steps // processes))
    chosen = network.parameters() if groups is None else [dict(group) for group in groups]
    optimizer = torch.optim.AdamW(chosen, lr=plan.learning_rate, weight_decay=DECAY)
    mean = _Mean(network, plan.average)
    checkpoint = _Checkpoint(context.scratch, plan.identity, network, optimizer, mean)
    progress, best = checkpoint.resume()
    with torch.random.fork_rng(devices=[]):
        while not _is_over(progress, plan):
            began = time.monotonic()
            torch.manual_seed(context.seed * 100_003 + progress.epoch + number * 1_000_003)
            random = np.random.default_rng([context.seed, progress.epoch, *([number] if number else [])])
            network.train()
            drawn = batches(random) if processes == 1 else itertools.islice(batches(random), plan.steps)
            for step, batch in enumerate(drawn):
                done = progress.epoch * plan.steps + step
                _set_rate(optimizer, plan, done)
                _step(network, optimizer, loss(batch))
                mean.follow(network, done)
                _tell(context, plan, progress.epoch, step)
            average_statistics(network)
            network.eval()
            with mean.in_place_of(network):
                with torch.inference_mode():
                    (validation,) = agree([validate()], context.device)
                if validation < progress.best or not best:
                    progress.best, progress.best_epoch = validation, progress.epoch
                    best = copy.deepcopy(network.state_dict())
            progress.epoch += 1
            progress.seconds += time.monotonic() - began
            (progress.seconds,) = agree([progress.seconds], context.device)
            checkpoint.store(progress, best)
    if not math.isfinite(progress.best):
        message = Message("diverged")
        raise DataError(message)
    network.load_state_dict(best)
    network.eval()
    return progress


def _tell(context: Context, plan: TrainingPlan, epoch: int, step: int) -> None:
    share = min(1.0, (epoch * plan.steps + step) / (plan.epochs * plan.steps))
    sentence = Message(
        "epoch",
        epoch=epoch + 1,
        epochs=plan.epochs,
        batch=step + 1,
    )
    context.report(share, sentence)


def _is_over(progress: Progress, plan: TrainingPlan) -> bool:
    stale = progress.epoch - 1 - progress.best_epoch
    return (
        progress.epoch >= plan.epochs
        or (progress.best_epoch >= 0 and stale >= plan.patience)
        or (progress.epoch > 0 and progress.seconds >= plan.minutes * 60)
    )


def _set_rate(optimizer: torch.optim.Optimizer, plan: TrainingPlan, done: int) -> None:
    total = plan.epochs * plan.steps
    warm = max(1, int(WARM_UP * total))
    share = (done + 1) / warm
    if done >= warm:
        share = (1 + math.cos(math.pi * min(1.0, (done - warm) / max(1, total - warm)))) / 2
        share = plan.floor + (1 - plan.floor) * share
    for group in optimizer.param_groups:
        group["lr"] = plan.learning_rate * share * group.get("scale", 1.0)


def _step(network: nn.Module, optimizer: torch.optim.Optimizer, value: Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    value.backward()  # type: ignore[no-untyped-call]
    average_gradients(network)
    nn.utils.clip_grad_norm_(network.parameters(), STEEPEST)
    optimizer.step()


class _Mean:
    """A running mean of the weights; does nothing with a decay of zero.

    Its decay grows from a tenth, as too few steps have passed at first for a long memory.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self.state: dict[str, Tensor] = copy.deepcopy(network.state_dict()) if decay else {}

    def follow(self, network: nn.Module, done: int) -> None:
        """Move the mean towards the weights after step ``done``."""
        decay = min(self._decay, (1 + done) / (10 + done))
        for name, value in network.state_dict().items() if self.state else ():
            if value.is_floating_point():
                self.state[name].mul_(decay).add_(value, alpha=1 - decay)
            else:
                self.state[name].copy_(value)

    @contextmanager
    def in_place_of(self, network: nn.Module) -> Iterator[None]:
        """Replace the network's weights by the mean, within the context."""
        if not self.state:
            yield
            return
        own = copy.deepcopy(network.state_dict())
        network.load_state_dict(self.state)
        yield
        network.load_state_dict(own)


class _Checkpoint:
    """Weights, best weights and the optimiser's moments, as one safetensors file."""

    def __init__(
        self,
        folder: Path,
        identity: str,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        mean: _Mean,
    ) -> None:
        self._path = folder / "checkpoint.safetensors"
        self._notes = folder / "checkpoint.json"
        self._identity = identity
        self._network = network
        self._optimizer = optimizer
        self._mean = mean

    def store(self, progress: Progress, best: dict[str, Tensor]) -> None:
        """Write the state by renames; the notes name the epoch, so a mixed pair is not taken."""
        tensors = {f"now.{name}": value for name, value in self._network.state_dict().items()}
        tensors |= {f"best.{name}": value for name, value in best.items()}
        tensors |= {f"mean.{name}": value for name, value in self._mean.state.items()}
        for number, state in self._optimizer.state_dict()["state"].items():
            tensors |= {f"moment.{number}.{name}": value for name, value in state.items()}
        tensors["epoch"] = torch.tensor(progress.epoch)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        with remove_on_failure(partial):
            save_file({name: value.contiguous().clone() for name, value in tensors.items()}, partial)
            partial.replace(self._path)
        notes = {
            "identity": self._identity,
            "epoch": progress.epoch,
            "best": progress.best,
            "best_epoch": progress.best_epoch,
            "seconds": progress.seconds,
        }
        self._notes.write_text(json.dumps(notes))

    def resume(self) -> tuple[Progress, dict[str, Tensor]]:
        """Return the state to continue from, after loading it; a new start where there is none."""
        try:
            notes = json.loads(self._notes.read_text())
            tensors = load_file(self._path)
        except (OSError, json.JSONDecodeError, SafetensorError):
            return Progress(), {}
        if notes.pop("identity") != self._identity or int(tensors["epoch"]) != notes["epoch"]:
            return Progress(), {}
        self._network.load_state_dict(_below(tensors, "now."))
        for name, value in _below(tensors, "mean.").items():
            # Into what is there, since that lies where the network does; the file is read to the processor.
            self._mean.state[name].copy_(value)
        state = self._optimizer.state_dict()
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in _below(tensors, "moment.").items():
            number, _, kind = name.partition(".")
            moments.setdefault(int(number), {})[kind] = value
        self._optimizer.load_state_dict({**state, "state": moments})
        return Progress(**notes), _below(tensors, "best.")


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
