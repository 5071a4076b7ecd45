"""Journal of finished blocks of a slide, so that a run that is killed resumes from there.

A journal is a folder of files, one per writer: the processes of one run, or a later attempt. A file is a line
that says what question its blocks answer, then records of a head (length, checksum) and safetensors. A
record that was cut off ends its file.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from safetensors.numpy import load, save

from ml.contracts import Context, Objects
from ml.storage.room import remove_on_failure

HEAD = struct.Struct("<QI")
Arrays = dict[str, NDArray[Any]]


class Journal:
    """The finished blocks of one prediction; without a folder it stores nothing.

    ``question`` names slide, patches and whatever else decides about the answers and is not the same in all
    runs that are given this folder.
    """

    def __init__(self, context: Context, question: str) -> None:
        self._folder, self._share = context.blocks, context.share
        self._title = question.encode() + b"\n"
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._file is not None:
            self._file.close()

    def finished(self) -> Iterator[Arrays]:
        """Yield all blocks that any writer has finished; one may come twice, from two writers."""
        for path in sorted(self._folder.glob("*.blocks")) if self._folder else ():
            yield from map(load, self._records(path))

    def add(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Store the results of a block; raises DataError(``no_space``)."""
        if self._folder is None:
            return
        content = save({name: np.ascontiguousarray(values) for name, values in arrays.items()})
        with remove_on_failure(self._folder):
            if self._file is None:
                self._file = self._opened(self._folder)
            self._file.write(HEAD.pack(len(content), zlib.crc32(content)) + content)
            self._file.flush()

    def _opened(self, folder: Path) -> IO[bytes]:
        """Return a new file: an interrupted one is never appended to."""
        folder.mkdir(parents=True, exist_ok=True)
        for number in itertools.count():
            with suppress(FileExistsError):
                file = (folder / f"{number:04d}-{self._share[0]:04d}.blocks").open("xb")
                break
        file.write(self._title)
        return file

    def _records(self, path: Path) -> Iterator[bytes]:
        with path.open("rb") as file:
            if file.readline() != self._title:
                return
            while len(head := file.read(HEAD.size)) == HEAD.size:
                length, checksum = HEAD.unpack(head)
                # A head that was cut off, or never was one, may ask for more than memory holds.
                content = file.read(min(length, path.stat().st_size))
                if len(content) < length or zlib.crc32(content) != checksum:
                    return
                yield content


def objects_to_arrays(objects: Objects) -> Arrays:
    """Return the columns of a batch of shapes, these as well-known binary one after the other."""
    shapes = [np.frombuffer(wkb, dtype=np.uint8) for wkb in shapely.to_wkb(objects.geometry)]
    return {
        "shapes": np.concatenate([np.zeros(0, dtype=np.uint8), *shapes]),
        "lengths": np.array([len(shape) for shape in shapes], dtype=np.int64),
        "label": objects.label,
        "score": objects.score,
        "uncertainty": objects.uncertainty,
    }


def objects_from_arrays(arrays: Arrays) -> Objects:
    """Return the shapes of the arrays of ``objects_to_arrays``."""
    pieces = np.split(arrays["shapes"], np.cumsum(arrays["lengths"]))[:-1]
    geometry = np.array([shapely.from_wkb(piece.tobytes()) for piece in pieces], dtype=object)
    return Objects(geometry, arrays["label"], arrays["score"], arrays["uncertainty"])
