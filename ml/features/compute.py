"""Computation of patch features: stored ones are read, missing ones computed and stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ml.contracts import SlideReader
from ml.data.squares import Squares, read_patches
from ml.features.encoder import Encoder
from ml.features.store import FeatureTable
from ml.messages import Message
from ml.slides.resolution import stretch_of

# Rows that are handed on, and stored, at once.
STORED = 16_384
PIECE = 2_048


def table_key(settings: str, reader: SlideReader, squares: Squares) -> str:
    """Return the name of the feature table for squares read with these settings.

    The side in pixels of the slide is part of it: after a correction of the resolution the same settings cut
    other squares at the same corners.
    """
    return f"{settings}-{squares.side}{stretch_of(reader).key}"


def stream_features(
    reader: SlideReader, squares: Squares, encoder: Encoder, table: FeatureTable, workers: int = 0
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]]:
    """Yield (indices into ``squares``, their (n, size) features): stored ones first, in few blocks.

    Results that came before an error or a cancellation are stored too.
    """
    missing: list[NDArray[np.intp]] = []
    for start in range(0, len(squares), STORED):
        values, have = table.find(squares.corners[start : start + STORED])
        missing.append(np.flatnonzero(~have) + start)
        if have.any():
            yield np.flatnonzero(have) + start, values[have]
    where = np.concatenate(missing) if missing else np.zeros(0, dtype=np.intp)
    if not len(where):
        return
    fresh: list[tuple[NDArray[np.intp], NDArray[np.float32]]] = []
    wanted = Squares(squares.corners[where], squares.side)
    try:
        for which, patches in read_patches(reader, wanted, encoder.pixels, workers=workers):
            fresh.append((where[which], encoder.encode(patches)))
            yield fresh[-1]
            if sum(len(indices) for indices, _ in fresh) >= PIECE:
                _store(table, squares, fresh)
    finally:
        _store(table, squares, fresh)


def features_of(
    reader: SlideReader,
    squares: Squares,
    encoder: Encoder,
    table: FeatureTable,
    report: Callable[[float, Message], None],
    *,
    workers: int = 0,
) -> NDArray[np.float32]:
    """Return all (n, size) features; reports the share that is done, 0..1."""
    values = np.zeros((len(squares), encoder.size), dtype=np.float32)
    done = 0
    for indices, features in stream_features(reader, squares, encoder, table, workers):
        values[indices] = features
        done += len(indices)
        report(
            done / len(squares),
            Message("patches_described", done=done, total=len(squares)),
        )
    return values


def _store(
    table: FeatureTable,
    squares: Squares,
    fresh: list[tuple[NDArray[np.intp], NDArray[np.float32]]],
) -> None:
    if fresh:
        indices = np.concatenate([part for part, _ in fresh])
        table.add(squares.corners[indices], np.concatenate([values for _, values in fresh]))
        fresh.clear()
