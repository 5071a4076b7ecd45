"""Readers of annotation and object files in sandboxed children. Free of Django."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from ml.messages import Message
from ml.storage.process_limits import Limits
from server.core.children.calls import call_in_child, iterate_in_child, register_reader
from server.exchange.errors import BadForeignFileError
from server.exchange.formats import files
from server.exchange.formats.archives import (
    DESCRIPTION,
    Member,
    SlideName,
    list_members,
    open_archive,
    require_small,
    unpack_blocks,
)
from server.exchange.formats.shapes import ForeignShape, UnreadRow
from server.exchange.object_files.batches import Batch, read_batches

_PART: Final = 1000
# A person waits for the first; the second is a job of up to 50 million objects.
_AT_ONCE: Final = Limits(memory=3 * 2**30, cpu_seconds=120, seconds=240)
_AS_JOB: Final = Limits(memory=3 * 2**30, cpu_seconds=4 * 3600, seconds=8 * 3600)

register_reader(__name__)


def read_rows(
    source: bytes | Path, filename: str, *, slide: SlideName | None = None
) -> list[ForeignShape | UnreadRow]:
    """Return the rows of a file, or of the part of a slide in a file of several.

    Raises what ``files.read_file`` raises, and ReaderBrokeError.
    """
    target, most = f"{__name__}:rows_in_parts", files.MOST_FEATURES
    parts = iterate_in_child(target, source, filename, slide, most, limits=_AT_ONCE)
    return [row for part in parts for row in part]


def rows_in_parts(
    source: bytes | Path, filename: str, slide: SlideName | None, most: int
) -> Iterator[list[ForeignShape | UnreadRow]]:
    """Yield the rows of a file in parts, in the child."""
    rows = files.read_file(source, filename, slide=slide, most=most)
    while part := list(islice(rows, _PART)):
        yield part


def has_few_rows(path: Path, filename: str, *, slide: SlideName) -> bool:
    """Return whether a file holds no more rows than become annotations; raises as ``read_rows``."""
    most = files.MOST_FEATURES
    return bool(call_in_child(f"{__name__}:are_few", path, filename, slide, most, limits=_AS_JOB))


def are_few(path: Path, filename: str, slide: SlideName, most: int) -> bool:
    """Return whether a file holds no more rows than ``most``, in the child."""
    return sum(1 for _ in islice(files.read_file(path, filename, slide=slide, most=None), most + 1)) <= most


def read_object_batches(
    path: Path,
    filename: str,
    size: tuple[int, int],
    *,
    is_cut: bool,
    scale: float,
    slide: SlideName,
    left_out: Mapping[str, Message],
) -> Iterator[Batch]:
    """Yield the batches of an object file; raises the errors of ``read_batches``, and ReaderBrokeError."""
    options = {"is_cut": is_cut, "scale": scale, "slide": slide, "left_out": dict(left_out)}
    yield from iterate_in_child(f"{__name__}:batches", path, filename, size, options, limits=_AS_JOB)


def batches(path: Path, filename: str, size: tuple[int, int], options: dict[str, Any]) -> Iterator[Batch]:
    """Yield the batches of an object file, in the child."""
    return read_batches(path, filename, size, **options)


def list_project_archive(path: Path) -> list[Member]:
    """Return the files in the export of a project.

    Raises BadForeignFileError for another archive and for one that unpacks to too much, ReaderBrokeError.
    """
    members: list[Member] = call_in_child(f"{__name__}:project_members", path, limits=_AT_ONCE)
    return members


def project_members(path: Path) -> list[Member]:
    """Return the files in the export of a project, in the child."""
    with path.open("rb") as file, open_archive(file) as archive:
        if DESCRIPTION in archive.namelist():
            message = Message(
                "archive_of_one_slide",
            )
            raise BadForeignFileError(message)
        members = list_members(archive)
    require_small(sum(member.size for member in members))
    return members


def read_member(path: Path, member: Member) -> Iterator[bytes]:
    """Yield the content of a file of an archive in blocks, no more than it states.

    Raises BadForeignFileError and ReaderBrokeError.
    """
    left = member.size
    for block in iterate_in_child(f"{__name__}:member_blocks", path, member.path, limits=_AT_ONCE):
        yield block[:left]
        left -= len(block)
        if left < 0:
            return


def member_blocks(path: Path, name: str) -> Iterator[bytes]:
    """Yield the content of a file of an archive, in the child."""
    with path.open("rb") as file, open_archive(file) as archive:
        yield from unpack_blocks(archive, name)
