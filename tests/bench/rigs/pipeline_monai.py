"""MONAI's own ways through a slide, with the same network: its data set of patches and its window inferer."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import torch
from monai.data import DataLoader, SlidingPatchWSIDataset, WSIReader
from monai.inferers import SlidingWindowInferer
from torch import Tensor

from ml.networks.precision import inference_batch_size

BATCH = inference_batch_size("cpu")
Network = Callable[[Tensor], Tensor]


def patch_dataset(network: Network, path: Path, side: int, batches: int) -> tuple[float, float]:
    """Return patches per second over some batches, and the seconds until the first is answered."""
    began = time.perf_counter()
    dataset = SlidingPatchWSIDataset(
        [{"image": str(path)}], patch_size=(side, side), patch_level=0, reader="openslide"
    )
    count, first = 0, 0.0
    with torch.inference_mode():
        for batch in islice(DataLoader(dataset, batch_size=BATCH, num_workers=0), batches):
            network(batch["image"].as_tensor().float() / 255).softmax(dim=1)
            count += len(batch["image"])
            first = first or time.perf_counter() - began
    return count / (time.perf_counter() - began), first


def window_inferer(network: Network, path: Path, side: int, size: int) -> float:
    """Return patches per second of the inferer over ``size`` x ``size`` pixels of a slide, read at once."""
    began = time.perf_counter()
    reader = WSIReader("openslide", level=0)
    pixels, _ = reader.get_data(reader.read(str(path)), location=(0, 0), size=(size, size), level=0)
    inferer = SlidingWindowInferer(side, sw_batch_size=BATCH, overlap=0.0)
    with torch.inference_mode():
        inferer(torch.from_numpy(pixels)[None].float() / 255, lambda batch: network(batch)[..., None, None])
    return (size // side) ** 2 / (time.perf_counter() - began)
