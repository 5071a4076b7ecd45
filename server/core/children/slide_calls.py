"""Open and read slides in a child, for readers in another process. It knows no Django."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Channel
from ml.slides.levels import PixelFile
from ml.slides.reading import find_channels, open_as, open_slide
from ml.slides.recent import Recent
from ml.slides.resolution import Scale, read_scale
from server.core.children.calls import register_reader

# An open slide holds up to 100 MB of decoded tiles and strips.
_HELD_SLIDES: Final = 4
_Key = tuple[Path, int, tuple[Channel, ...]]

register_reader(__name__)

_open: Final[Recent[_Key, PixelFile]] = Recent(_HELD_SLIDES)


def call(name: str, *arguments: Any) -> Any:
    """Return the result of a function below; one child serves all of them."""
    return _CALLS[name](*arguments)


def _open_colour(path: Path) -> dict[str, Any]:
    with open_slide(path) as reader:
        return _facts(reader)


def _open_as(path: Path, channels: Sequence[Channel]) -> dict[str, Any]:
    with open_as(path, channels) as reader:
        return _facts(reader)


def _find_channels(path: Path) -> dict[str, Any] | None:
    reader = find_channels(path)
    if reader is None:
        return None
    with reader:
        return _facts(reader)


def _facts(reader: PixelFile) -> dict[str, Any]:
    return {
        "width": reader.width,
        "height": reader.height,
        "channels": reader.channels,
        "names": reader.names,
        "tile_size": reader.tile_size,
    }


def _read_scale(path: Path, size: tuple[int, int]) -> Scale:
    return read_scale(path, size)


def _read_box(
    path: Path, edition: int, channels: Sequence[Channel], box: Sequence[float], size: Sequence[int]
) -> NDArray[np.uint8]:
    left, top, right, bottom = box
    columns, rows = size
    return _reader(path, edition, channels).read_box((left, top, right, bottom), (columns, rows))


def _read_squares(
    path: Path, edition: int, channels: Sequence[Channel], corners: NDArray[np.int64], sides: Sequence[int]
) -> NDArray[np.uint8]:
    side, pixels = sides
    return _reader(path, edition, channels).read_squares(corners, side, pixels)


def _reader(path: Path, edition: int, channels: Sequence[Channel]) -> PixelFile:
    """Return the open slide; ``edition`` changes with the file."""
    key = (path, edition, tuple(channels))
    reader = _open.get(key)
    if reader is None:
        reader = open_as(path, channels)
        _open.put(key, reader)
    return reader


_CALLS: Final[dict[str, Callable[..., Any]]] = {
    "open_slide": _open_colour,
    "open_as": _open_as,
    "find_channels": _find_channels,
    "read_scale": _read_scale,
    "read_box": _read_box,
    "read_squares": _read_squares,
}
