"""The patch pipeline: one thread reads ahead while another computes; memory stays bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Bounds, SlideReader

BLOCK = 64
AHEAD = 2


@dataclass(frozen=True, slots=True)
class Squares:
    """Patches to read: ``corners`` int64 (n, 2) of x, y and one ``side``, in level-0 pixels."""

    corners: NDArray[np.int64]
    side: int

    def __len__(self) -> int:
        return len(self.corners)


def read_patches(
    reader: SlideReader, squares: Squares, pixels: int, block: int = BLOCK
) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
    """Yield (which, (n, pixels, pixels, 3 or channels)) in order, at most ``AHEAD`` blocks read ahead.

    The reader belongs to the pipeline until the iterator is finished or closed. An error while
    reading is raised here.
    """

    def read(part: slice) -> NDArray[np.uint8]:
        corners = squares.corners[part]
        patches = np.empty((len(corners), pixels, pixels, len(reader.channels) or 3), dtype=np.uint8)
        for patch, (x, y) in zip(patches, corners, strict=True):
            bounds = Bounds(int(x), int(y), squares.side, squares.side)
            patch[:] = reader.read(bounds, (pixels, pixels))
        return patches

    waiting: deque[tuple[slice, Future[NDArray[np.uint8]]]] = deque()
    starts = iter(range(0, len(squares), block))
    with ThreadPoolExecutor(1, thread_name_prefix="read-patches") as thread:
        try:
            for start in starts:
                part = slice(start, min(start + block, len(squares)))
                waiting.append((part, thread.submit(read, part)))
                if len(waiting) > AHEAD:
                    done, future = waiting.popleft()
                    yield done, future.result()
            while waiting:
                done, future = waiting.popleft()
                yield done, future.result()
        finally:
            for _, future in waiting:
                future.cancel()
