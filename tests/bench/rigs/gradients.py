"""One of two processes that average their gradients: prints the seconds of a step, ours and by DDP."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from ml.training.together import average_gradients
from tests.bench.libraries import new_network

STEPS = 5


def main() -> None:
    """Measure both ways and print their seconds per step, on the first process."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo")
    pixels = torch.rand(4, 3, 64, 64)
    plain, wrapped = new_network(), DistributedDataParallel(new_network())

    def by_hand() -> None:
        _backward(plain, pixels)
        average_gradients(plain)

    seconds = [_seconds(step) for step in (by_hand, lambda: _backward(wrapped, pixels))]
    if distributed.get_rank() == 0:
        print(*seconds)
    distributed.destroy_process_group()


def _backward(network: nn.Module, pixels: torch.Tensor) -> None:
    network.zero_grad(set_to_none=True)
    network(pixels).sum().backward()


def _seconds(step: Callable[[], None]) -> float:
    step()
    distributed.barrier()
    began = time.perf_counter()
    for _ in range(STEPS):
        step()
    return (time.perf_counter() - began) / STEPS


if __name__ == "__main__":
    main()
