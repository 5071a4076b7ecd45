"""Distributed training: several processes of ``torchrun``, one per GPU, or a few on the cores of a CPU."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ml.contracts import DataError
from ml.messages import Message

if TYPE_CHECKING:
    from types import ModuleType

    from torch import Tensor, nn

# Gradients of networks on a GPU go by nccl; what is learned on the processor beside it goes by gloo.
BESIDE_A_GPU = "cpu:gloo,cuda:nccl"


def _alone() -> bool:
    """Return whether ``torchrun`` did not start this process; torch is imported only where it did.

    One process that it started takes the way of many, so that this can be tried wherever there is one GPU.
    """
    return "TORCHELASTIC_RUN_ID" not in os.environ


def _group() -> ModuleType | None:
    """Return ``torch.distributed`` where processes have joined, else None."""
    if _alone():
        return None
    from torch import distributed  # noqa: PLC0415 - see _alone

    return distributed if distributed.is_initialized() else None


def check_device(device: str) -> None:
    """Raise DataError(``no_device``) for an unusable device: no GPU, or an unknown name."""
    if device == "cpu":
        return
    import torch  # noqa: PLC0415 - see _alone

    try:
        torch.empty(0, device=device)
    except (AssertionError, RuntimeError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        message = Message("device_unusable", device=device, reason=reason)
        raise DataError(message, code="no_device") from error


@contextmanager
def joined(device: str) -> Iterator[str]:
    """Join the processes of ``torchrun`` and yield this one's device; alone, only check it.

    Raises DataError(``no_device``).
    """
    if device == "cuda" and not _alone():
        device = f"cuda:{os.environ['LOCAL_RANK']}"
    check_device(device)
    if _alone():
        yield device
        return
    import torch  # noqa: PLC0415 - see _alone
    from torch import distributed  # noqa: PLC0415 - the same

    if device.startswith("cuda"):
        torch.cuda.set_device(device)
        distributed.init_process_group(BESIDE_A_GPU, device_id=torch.device(device))
    else:
        distributed.init_process_group("gloo")
    try:
        yield device
    finally:
        distributed.destroy_process_group()


def place() -> tuple[int, int]:
    """Return (rank, number of processes)."""
    group = _group()
    return (0, 1) if group is None else (group.get_rank(), group.get_world_size())


def wait_for_all() -> None:
    """Wait until all processes reach this point."""
    group = _group()
    if group is not None:
        group.barrier()


def average_gradients(network: nn.Module) -> None:
    """Replace each parameter's gradient by its mean over all processes."""
    _average([parameter.grad for parameter in network.parameters() if parameter.grad is not None])


def average_statistics(network: nn.Module) -> None:
    """Replace each buffer, as those of batch normalisation, by its mean over all processes."""
    _average([buffer for buffer in network.buffers() if buffer.is_floating_point()])


def agree(values: Sequence[float], device: str) -> list[float]:
    """Return the numbers of the first process, so that all take the same decisions."""
    group = _group()
    if group is None:
        return list(values)
    import torch  # noqa: PLC0415 - see _alone

    tensor = torch.tensor(values, dtype=torch.float64, device=device)
    group.broadcast(tensor, 0)
    shared: list[float] = tensor.tolist()
    return shared


def _average(tensors: Sequence[Tensor]) -> None:
    group = _group()
    if group is None or not tensors:
        return
    import torch  # noqa: PLC0415 - see _alone

    flat = torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
    group.all_reduce(flat)
    flat /= group.get_world_size()
    for tensor, mean in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
        tensor.detach().copy_(mean.view_as(tensor))
