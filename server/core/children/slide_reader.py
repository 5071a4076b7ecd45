"""Slides of jobs, read in children with limits: the process of a job never parses a stranger's file.

A hostile or damaged slide ends the child that reads it, and the job with a sentence; the worker goes on.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Channel
from ml.slides.levels import PixelFile
from ml.slides.reading import reopen_in_other_processes, slides_opened_by
from ml.slides.resolution import Scale
from ml.storage.process_limits import Limits
from server.core.children.held import HeldChildren

# A slide that passed the import was read within 4 GiB.
_LIMITS: Final = Limits(memory=4 * 2**30, cpu_seconds=300, seconds=900)
# As many as threads of one worker that read at a time.
_MOST_CHILDREN: Final = 2

_children: Final = HeldChildren("server.core.children.slide_calls:call", _LIMITS, _MOST_CHILDREN)
atexit.register(_children.close)


class ChildReader(PixelFile):
    """An open slide that a child reads. Raises what its reader raises, and ReaderBrokeError."""

    allows_threads = True

    def __init__(self, path: Path, facts: dict[str, Any]) -> None:
        self.path = path
        self.width, self.height = facts["width"], facts["height"]
        self.names = tuple(facts["names"])
        self.channels = tuple(facts["channels"])
        self.tile_size = (facts["tile_size"][0], facts["tile_size"][1])
        self._edition = path.stat().st_mtime_ns

    def read_box(self, box: tuple[float, float, float, float], size: tuple[int, int]) -> NDArray[np.uint8]:
        """Return pixels of a box; see ``PixelFile.read_box``."""
        corners, sides = [float(edge) for edge in box], [int(side) for side in size]
        return self._read("read_box", corners, sides)

    def read_squares(self, corners: NDArray[np.int64], side: int, pixels: int) -> NDArray[np.uint8]:
        """Return squares; see ``PixelFile.read_squares``."""
        return self._read("read_squares", corners, (int(side), int(pixels)))

    def close(self) -> None:
        """Do nothing: the child drops the file at the end of the job."""

    def _read(self, name: str, *arguments: Any) -> NDArray[np.uint8]:
        pixels: NDArray[np.uint8] = _call(name, self.path, self._edition, self.channels, *arguments)
        return pixels

    def _stated(self) -> Scale:
        if self._scale is None:
            self._scale = _call("read_scale", self.path, (self.width, self.height))
        return self._scale


reopen_in_other_processes(ChildReader)


class _ChildOpener:
    """A ``SlideOpener`` whose readers read in children."""

    def open_slide(self, path: Path) -> PixelFile:
        return ChildReader(path, _call("open_slide", path))

    def open_as(self, path: Path, channels: Sequence[Channel]) -> PixelFile:
        return ChildReader(path, _call("open_as", path, tuple(channels)))

    def find_channels(self, path: Path) -> PixelFile | None:
        facts = _call("find_channels", path)
        return None if facts is None else ChildReader(path, facts)


def _call(name: str, path: Path, *arguments: Any) -> Any:
    return _children.call(path, name, path, *arguments)


@contextmanager
def slides_read_in_children() -> Iterator[None]:
    """Read all slides of this process in children; at the end they drop the files that they hold open."""
    try:
        with slides_opened_by(_ChildOpener()):
            yield
    finally:
        _children.close()
