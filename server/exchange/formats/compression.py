"""Open a file of bytes that may be packed with gzip, by its content, with a bound on the unpacked size."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import IO, Final

from ml.messages import Message
from server.exchange.errors import BadObjectFileError

GZIP_MAGIC: Final = b"\x1f\x8b"
# GeoJSON of outlines packs to a tenth; a hundred times is a trap, once it is more than a little.
MOST_TIMES: Final = 200
LITTLE: Final = 64 * 2**20


class Unpacked(io.RawIOBase):
    """The content of a gzip file. Raises BadObjectFileError for a damaged one or a decompression bomb."""

    def __init__(self, packed: IO[bytes], size: int) -> None:
        super().__init__()
        self._packed, self._size = packed, size
        self._file = gzip.GzipFile(fileobj=packed)
        self._given = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer."""
        try:
            content = self._file.read(len(buffer))
        except (OSError, EOFError, zlib.error) as error:
            message = Message("not_unpacked", reason=error)
            raise BadObjectFileError(message) from error
        self._given += len(content)
        if self._given > max(LITTLE, MOST_TIMES * self._size):
            message = Message(
                "unpacks_too_large",
                most=MOST_TIMES,
            )
            raise BadObjectFileError(message)
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._packed.close()
        super().close()


def open_bytes(source: bytes | Path) -> IO[bytes]:
    """Open a content or the file of a path, unpacked where it begins as gzip does."""
    size = source.stat().st_size if isinstance(source, Path) else len(source)
    file: IO[bytes] = source.open("rb") if isinstance(source, Path) else io.BytesIO(source)
    packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    file.seek(0)
    return io.BufferedReader(Unpacked(file, size), 2**20) if packed else file
