"""TIFF files of many kinds, with the picture that each of them must show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

HEIGHT, WIDTH = 410, 700


def picture(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Return an upright RGB picture (h, w, 3) uint8 with different corners, edges and rows."""
    y, x = np.mgrid[:height, :width]
    pixels = np.stack(
        [140 + 110 * np.sin(x / 31), 140 + 110 * np.cos(y / 23), 140 + 110 * np.sin((x + 2 * y) / 41)],
        axis=-1,
    )
    for number, (top, left) in enumerate([(0, 0), (0, -40), (-40, 0)]):
        pixels[top : top + 40 or None, left : left + 40 or None] = np.eye(3)[number] * 255
    return pixels.astype(np.uint8)


def grey(pixels: np.ndarray) -> np.ndarray:
    """Return (h, w) of the green of a picture, which uses the full range."""
    plane = pixels[..., 1].astype(np.float64)
    return np.rint((plane - plane.min()) / np.ptp(plane) * 255).astype(np.uint8)


def as_stored(shown: np.ndarray, orientation: int) -> np.ndarray:
    """Return the stored form of a picture for an orientation."""
    turns: dict[int, Callable[[np.ndarray], np.ndarray]] = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: np.swapaxes(a, 0, 1),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2),
        8: lambda a: np.rot90(a, -1),
    }
    return np.ascontiguousarray(turns[orientation](shown))


def orientation_tag(orientation: int) -> list[tuple]:
    return [(274, "H", 1, orientation, True)]


@dataclass(frozen=True)
class Kind:
    """A storage form of a picture: ``write(path)`` writes the file and returns the expected picture."""

    name: str
    write: Callable[[Path], np.ndarray]


def halved(pixels: np.ndarray) -> np.ndarray:
    """Return a picture at half its size, of even sides, by area."""
    height, width = (length // 2 * 2 for length in pixels.shape[:2])
    blocks = pixels[:height, :width].reshape(height // 2, 2, width // 2, 2, *pixels.shape[2:])
    return np.rint(blocks.mean(axis=(1, 3))).astype(pixels.dtype)


def plain(stored: np.ndarray, shown: np.ndarray, name: str, **options) -> Kind:
    def write(path: Path) -> np.ndarray:
        tifffile.imwrite(path, stored, metadata=None, **options)
        return shown

    return Kind(name, write)


def pyramid(stored: np.ndarray, shown: np.ndarray, name: str, *, sub: bool, tagged: bool, **options) -> Kind:
    """Return a kind with a second level, in a sub-image or a page of its own; tags on the first or all."""

    def write(path: Path) -> np.ndarray:
        extra = options.pop("extratags", None)
        with tifffile.TiffWriter(path) as tiff:
            tiff.write(stored, subifds=1 if sub else None, metadata=None, extratags=extra, **options)
            tiff.write(
                halved(stored), subfiletype=1, metadata=None, extratags=extra if tagged else None, **options
            )
        return shown

    return Kind(name, write)


def deep(pixels: np.ndarray, bits: int, dtype=np.uint16) -> np.ndarray:
    """Return a picture in ``bits`` bits: 255 becomes their maximum."""
    return np.rint(pixels.astype(np.float64) * ((1 << bits) - 1) / 255).astype(dtype)
