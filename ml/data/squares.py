"""The patch pipeline: blocks of patches are read ahead while others are computed; memory stays bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Context, SlideReader
from ml.data.workers import Shape, read_block, read_in_workers
from ml.messages import Message
from ml.slides import PatchGrid

BLOCK = 64
AHEAD = 2
# Blocks are taken from strips this many patches tall, so that they are nearly square.
STRIP = 8
Views = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Squares:
    """Patches to read: ``corners`` int64 (n, 2) of x, y and one ``side``, in level-0 pixels."""

    corners: NDArray[np.int64]
    side: int

    def __len__(self) -> int:
        return len(self.corners)

    def take(self, which: NDArray[np.intp] | slice) -> Squares:
        """Return some of the squares."""
        return Squares(self.corners[which], self.side)


def squares_of(grid: PatchGrid) -> Squares:
    """Return the patches of a grid as squares of whole pixels."""
    corners = np.rint(grid.corners()[:, :2]).astype(np.int64)
    return Squares(corners, max(1, round(grid.size)))


def reading_order(squares: Squares) -> NDArray[np.intp]:
    """Return the order in which squares are read: strip by strip, so that neighbours lie close together.

    Leaving out squares from the beginning leaves the order of the others as it is.
    """
    x, y = squares.corners.T
    return np.lexsort((y, x, y // max(1, STRIP * squares.side)))


def read_patches(
    reader: SlideReader, squares: Squares, pixels: int, *, block: int = BLOCK, workers: int = 0
) -> Iterator[tuple[NDArray[np.intp], Views]]:
    """Yield (which, (n, pixels, pixels, 3 or channels)) in ``reading_order``; see ``read_views``."""
    with closing(read_views(reader, squares, pixels, (1,), block=block, workers=workers)) as views:
        for which, blocks in views:
            yield which, blocks[:, 0]


def read_views(
    reader: SlideReader,
    squares: Squares,
    pixels: int,
    factors: tuple[int, ...],
    *,
    block: int = BLOCK,
    workers: int = 0,
) -> Generator[tuple[NDArray[np.intp], Views], None, None]:
    """Yield (which, (n, views, pixels, pixels, 3 or channels)) in ``reading_order``, a few blocks read ahead.

    A ``block`` of one patch is for large ones, which share little with each other: these come as they are.

    View k is ``factors[k]`` times as wide as its patch, about the same centre; what lies outside the slide
    is white. The pixels may be overwritten once the next block is asked for. The reader belongs to the
    pipeline until the iterator is finished or closed. An error while reading is raised here.
    """
    order = reading_order(squares) if block > 1 else np.arange(len(squares))
    parts = [order[start : start + block] for start in range(0, len(order), block)]
    asked = (view_corners(squares.take(part), factors) for part in parts)
    sides = tuple(squares.side * factor for factor in factors)
    shape = (block, len(factors), pixels, pixels, len(reader.channels) or 3)
    if workers and len(parts) > 1:
        blocks = read_in_workers(reader, asked, sides, shape, min(workers, len(parts)))
    else:
        blocks = _read_in_thread(reader, asked, sides, shape)
    with closing(blocks):
        yield from zip(parts, blocks, strict=True)


def pixels_of(reader: SlideReader, squares: Squares, side: int, context: Context) -> NDArray[np.uint8]:
    """Return (n, side, side, 3) RGB of patches, or (n, side, side, channels)."""
    rows = np.empty((len(squares), side, side, len(reader.channels) or 3), dtype=np.uint8)
    done = 0
    for which, patches in read_patches(reader, squares, side, workers=context.workers):
        rows[which] = patches
        done += len(which)
        context.report(0.0, Message("patches_read", done=done, total=len(squares)))
    return rows


def gathered(
    blocks: Iterator[tuple[NDArray[np.intp], Views]], least: int
) -> Iterator[tuple[NDArray[np.intp], Views]]:
    """Yield blocks merged to at least ``least`` patches; the last one has the remainder.

    A GPU hardly takes longer for some hundred patches than for one block of them.
    """
    waiting: list[tuple[NDArray[np.intp], Views]] = []
    for which, pixels in blocks:
        if not waiting and len(which) >= least:
            yield which, pixels
            continue
        # The pixels of a block may be overwritten once the next one is asked for.
        waiting.append((which, pixels.copy()))
        if sum(len(numbers) for numbers, _ in waiting) >= least:
            yield _joined(waiting)
            waiting.clear()
    if waiting:
        yield _joined(waiting)


def _joined(blocks: list[tuple[NDArray[np.intp], Views]]) -> tuple[NDArray[np.intp], Views]:
    return np.concatenate([which for which, _ in blocks]), np.concatenate([pixels for _, pixels in blocks])


def view_corners(squares: Squares, factors: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the corners (views, n, 2) of views about the centres of squares."""
    return np.stack([squares.corners - squares.side * (factor - 1) // 2 for factor in factors])


def _read_in_thread(
    reader: SlideReader, asked: Iterator[NDArray[np.int64]], sides: tuple[int, ...], shape: Shape
) -> Generator[Views, None, None]:
    def read(corners: NDArray[np.int64]) -> Views:
        out = np.empty((corners.shape[1], *shape[1:]), dtype=np.uint8)
        read_block(reader, corners, sides, out)
        return out

    waiting: deque[Future[Views]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="read-patches") as thread:
        try:
            for corners in asked:
                waiting.append(thread.submit(read, corners))
                if len(waiting) > AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
