"""Several processes on one task, as ``torchrun`` starts them: one per GPU, or a few on the cores of a CPU."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn


def _alone() -> bool:
    """Say whether nobody else was started; torch is imported only where somebody was."""
    return int(os.environ.get("WORLD_SIZE", "1")) == 1


@contextmanager
def joined(device: str) -> Iterator[str]:
    """Join the processes that ``torchrun`` started and yield this one's device; alone, do nothing."""
    if _alone():
        yield device
        return
    import torch  # noqa: PLC0415 - see _alone
    from torch import distributed  # noqa: PLC0415 - the same

    if device == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield device
    finally:
        distributed.destroy_process_group()


def place() -> tuple[int, int]:
    """Return (number of this process, how many there are)."""
    if _alone():
        return 0, 1
    from torch import distributed  # noqa: PLC0415 - see _alone

    if not distributed.is_initialized():
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


def wait_for_all() -> None:
    """Wait until all processes have come here."""
    if place()[1] > 1:
        from torch import distributed  # noqa: PLC0415 - see _alone

        distributed.barrier()


def average_gradients(network: nn.Module) -> None:
    """Give each parameter the mean of its gradients over all processes."""
    _average([parameter.grad for parameter in network.parameters() if parameter.grad is not None])


def average_statistics(network: nn.Module) -> None:
    """Give each buffer, as those of batch normalisation, its mean over all processes."""
    _average([buffer for buffer in network.buffers() if buffer.is_floating_point()])


def agree(values: Sequence[float], device: str) -> list[float]:
    """Return the numbers of the first process, so that all take the same decisions."""
    if place()[1] == 1:
        return list(values)
    import torch  # noqa: PLC0415 - see _alone
    from torch import distributed  # noqa: PLC0415 - the same

    tensor = torch.tensor(values, dtype=torch.float64, device=device)
    distributed.broadcast(tensor, 0)
    found: list[float] = tensor.tolist()
    return found


def _average(tensors: Sequence[Tensor]) -> None:
    count = place()[1]
    if count == 1 or not tensors:
        return
    import torch  # noqa: PLC0415 - see _alone
    from torch import distributed  # noqa: PLC0415 - the same

    flat = torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
    distributed.all_reduce(flat)
    flat /= count
    for tensor, mean in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
        tensor.detach().copy_(mean.view_as(tensor))
