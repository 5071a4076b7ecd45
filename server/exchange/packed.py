"""Files that may be packed: read as they unpack, and given up when they unpack without end."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import IO, Final

from ml.contracts import Sentence
from server.exchange.errors import BadObjectFileError

# GeoJSON of outlines packs to a tenth; a hundred times is a trap, once it is more than a little.
MOST_TIMES: Final = 200
LITTLE: Final = 64 * 2**20


class Unpacked(io.RawIOBase):
    """A gzip file as it unpacks. Raises BadObjectFileError for one that is broken or a trap."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._packed = path.stat().st_size
        self._file = gzip.open(path, "rb")  # noqa: SIM115 - closed by close
        self._given = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer."""
        try:
            content = self._file.read(len(buffer))
        except (OSError, EOFError, zlib.error) as error:
            message = Sentence("not_unpacked", "The file cannot be unpacked: {reason}.", reason=str(error))
            raise BadObjectFileError(message) from error
        self._given += len(content)
        if self._given > max(LITTLE, MOST_TIMES * self._packed):
            message = Sentence(
                "unpacks_too_large",
                "The file unpacks to more than {most} times its size; that is no object file.",
                most=MOST_TIMES,
            )
            raise BadObjectFileError(message)
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def open_text(path: Path, name: str) -> IO[bytes]:
    """Open a text file that is packed when its name ends in .gz."""
    return io.BufferedReader(Unpacked(path), 2**20) if name.lower().endswith(".gz") else path.open("rb")
