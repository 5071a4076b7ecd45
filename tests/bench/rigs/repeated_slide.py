"""Huge slides that are written at once: every tile of every level refers to one of two tiles."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

TILE = 256
COARSEST = 1024
MPP = 0.5
SHORT, LONG, RATIONAL, LONG8 = 3, 4, 5, 16
REDUCED, JPEG, YCBCR, CENTIMETRE = 1, 7, 6, 3


def write_repeated(path: Path, side: int, tissue: NDArray[np.uint8], share: float) -> None:
    """Write a square BigTIFF of ``side`` pixels with levels by four; a disc of ``share`` of it is tissue.

    ``tissue`` is RGB (256, 256, 3), repeated in the disc; the rest is white.
    """
    with path.open("wb") as file:
        file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0))
        white = np.full_like(tissue, 245)
        tiles = np.array([_put(file, _jpeg(pixels)) for pixels in (white, tissue)], dtype=np.uint64)
        link, scale = 8, 1
        while scale == 1 or side // scale >= COARSEST:
            kinds = _disc(-(-side // scale // TILE), share)
            link = _directory(file, link, -(-side // scale), scale, tiles[kinds])
            scale *= 4


def _disc(count: int, share: float) -> NDArray[np.intp]:
    middle = (np.arange(count) + 0.5) / count - 0.5
    distance = middle[:, None] ** 2 + middle[None, :] ** 2
    return (distance <= share / np.pi).astype(np.intp).ravel()


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=80, subsampling=2)
    return out.getvalue()


def _put(file: io.BufferedWriter, content: bytes) -> tuple[int, int]:
    where = file.seek(0, io.SEEK_END)
    file.write(content)
    return where, len(content)


def _directory(file: io.BufferedWriter, link: int, side: int, scale: int, places: NDArray[np.uint64]) -> int:
    """Append one level and set ``link`` to it; return the position of its own link to the next level."""
    offsets, lengths = (np.ascontiguousarray(column) for column in places.T)
    where = [
        _put(file, column.tobytes())[0] if len(column) > 1 else int(column[0])
        for column in (offsets, lengths)
    ]
    resolution = struct.pack("<II", round(1e4 / MPP / scale * 1000), 1000)
    entries = [
        (254, LONG, 1, struct.pack("<Q", REDUCED if scale > 1 else 0)),
        (256, LONG, 1, struct.pack("<Q", side)),
        (257, LONG, 1, struct.pack("<Q", side)),
        (258, SHORT, 3, struct.pack("<4H", 8, 8, 8, 0)),
        (259, SHORT, 1, struct.pack("<Q", JPEG)),
        (262, SHORT, 1, struct.pack("<Q", YCBCR)),
        (277, SHORT, 1, struct.pack("<Q", 3)),
        (282, RATIONAL, 1, resolution),
        (283, RATIONAL, 1, resolution),
        (284, SHORT, 1, struct.pack("<Q", 1)),
        (296, SHORT, 1, struct.pack("<Q", CENTIMETRE)),
        (322, LONG, 1, struct.pack("<Q", TILE)),
        (323, LONG, 1, struct.pack("<Q", TILE)),
        (324, LONG8, len(offsets), struct.pack("<Q", where[0])),
        (325, LONG8, len(lengths), struct.pack("<Q", where[1])),
        (530, SHORT, 2, struct.pack("<4H", 2, 2, 0, 0)),
    ]
    content = b"".join(struct.pack("<HHQ", *entry[:3]) + entry[3] for entry in entries)
    start, length = _put(file, struct.pack("<Q", len(entries)) + content + bytes(8))
    file.seek(link)
    file.write(struct.pack("<Q", start))
    return start + length - 8
