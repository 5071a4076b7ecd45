"""What makes the same network faster: half precision where the processor has it, channels last in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch import Tensor


@cache
def multiplies_bfloat16() -> bool:
    """Say whether this processor has instructions for products of bfloat16."""
    found = torch.cpu.get_capabilities()
    return any(found.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def halved(device: torch.device) -> torch.autocast:
    """Return a context in which convolutions on a CPU that can do so run in bfloat16; no change elsewhere."""
    return torch.autocast("cpu", torch.bfloat16, enabled=device.type == "cpu" and multiplies_bfloat16())


def together(device: str) -> int:
    """Return how many patches a network should judge at once: on a processor as many as its caches hold."""
    return 16 if torch.device(device).type == "cpu" else 256


def channels_last(pixels: Tensor) -> Tensor:
    """Return (n, channels, height, width) as it is, stored with the channels of a pixel side by side.

    A convolution then keeps all that follows it so, and takes between a third and nine tenths of the time.
    """
    return pixels.contiguous(memory_format=torch.channels_last)


@contextmanager
def looking(device: str) -> Iterator[None]:
    """Compute without gradients: by half precision on a GPU, ``halved`` on a CPU."""
    where = torch.device(device)
    on_gpu = torch.autocast("cuda", torch.float16, enabled=where.type == "cuda")
    with torch.inference_mode(), on_gpu, halved(where):
        yield
