"""ZIP archives of annotation files: their members, the slide of each, and their content."""

from __future__ import annotations

import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final

from ml.formats.ndpa import GlassPlace
from ml.messages import Message
from ml.slides.glass import read_centre_offset
from server.exchange.errors import BadForeignFileError

DESCRIPTION, SHAPES = "annotations.rdf", "annotations.geojson"
MOST_UNPACKED: Final = 400 * 2**20
# A project has at most some thousands of slides; an archive of 200 MiB can name four million files.
MOST_MEMBERS: Final = 10_000
TEXTS: Final = (".geojson", ".json", ".geojsonl", ".ndjson")
_MOST_NAMED: Final = 5
_BLOCK: Final = 2**20
# Our exports state the content hash of the slide before the features.
_HEAD_BYTES: Final = 4096
_HASH: Final = re.compile(rb'"slide":\s*\{[^}]*"sha256":\s*"([0-9a-f]{64})"')
# Zip damage, encryption, or packing in a way that Python does not know.
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, EOFError, OSError)


@dataclass(frozen=True, slots=True)
class Scan:
    """The file of a slide, with µm per level-0 pixel (x, y) and its size, for its place on the glass."""

    path: Path
    mpp: tuple[float, float]
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class SlideName:
    """Content hash and name of a slide, which identify its part of a file."""

    sha256: str
    name: str
    scan: Scan | None = None

    def find_place(self) -> GlassPlace | None:
        """Return the place of the scan on its glass, None where unknown; opens the slide."""
        offset = read_centre_offset(self.scan.path) if self.scan else None
        return GlassPlace(offset, self.scan.mpp, self.scan.size) if self.scan and offset else None


@dataclass(frozen=True, slots=True)
class Member:
    """A GeoJSON file in an archive; ``sha256`` is that of its slide, empty where it states none."""

    path: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        """Return the name without folders."""
        return PurePosixPath(self.path).name

    def is_named_for(self, slide: SlideName) -> bool:
        """Return whether the file has the export name of the slide, ignoring case."""
        plain = _plain(slide.name)
        return _plain(PurePosixPath(self.path).stem) in {plain, f"{plain}-{slide.sha256[:8]}"}


def open_archive(file: IO[bytes]) -> zipfile.ZipFile:
    """Open a ZIP; raises BadForeignFileError."""
    try:
        return zipfile.ZipFile(file)
    except _BROKEN as error:
        raise _broken(error) from error


def list_members(archive: zipfile.ZipFile) -> list[Member]:
    """Return the GeoJSON files of an archive; raises BadForeignFileError for none and for too many."""
    items = [
        item
        for item in archive.infolist()
        if item.filename.lower().endswith(TEXTS) and not item.filename.startswith(("__MACOSX/", "."))
    ]
    if not items:
        message = Message(
            "archive_incomplete",
            description=DESCRIPTION,
            shapes=SHAPES,
        )
        raise BadForeignFileError(message)
    if len(items) > MOST_MEMBERS:
        message = Message(
            "archive_of_too_many",
            most=MOST_MEMBERS,
        )
        raise BadForeignFileError(message)
    return [Member(item.filename, _hash_of(archive, item), item.file_size) for item in items]


def choose_member(members: Sequence[Member], slide: SlideName | None) -> Member:
    """Return the file of a slide: by content hash, else by name, else the only one that names no slide.

    Raises BadForeignFileError.
    """
    mine = [one for one in members if slide and one.sha256 == slide.sha256]
    # Programs that save a file again drop the hash.
    unnamed = [one for one in members if not one.sha256]
    mine = mine or [one for one in unnamed if slide and one.is_named_for(slide)]
    if mine:
        return mine[0]
    if len(members) == 1 and (unnamed or slide is None):
        return members[0]
    if slide is not None and not unnamed:
        message = Message(
            "archive_without_slide",
            slide=slide.name,
            count=len(members),
        )
        raise BadForeignFileError(message)
    shown = ", ".join(one.name for one in members[:_MOST_NAMED])
    message = Message(
        "archive_of_several",
        names=shown if len(members) <= _MOST_NAMED else f"{shown}, …",
    )
    raise BadForeignFileError(message)


def unpack(archive: zipfile.ZipFile, names: list[str]) -> list[bytes]:
    """Return the content of members; a small archive with a huge content is refused."""
    try:
        parts = [archive.getinfo(name) for name in names]
        require_small(sum(part.file_size for part in parts))
        return [archive.open(part).read(MOST_UNPACKED) for part in parts]
    except _BROKEN as error:
        raise _broken(error) from error


def unpack_blocks(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """Yield the content of a member in blocks; raises BadForeignFileError."""
    try:
        with archive.open(name) as file:
            while block := file.read(_BLOCK):
                yield block
    except (KeyError, *_BROKEN) as error:
        raise _broken(error) from error


def require_small(size: int) -> None:
    """Raise BadForeignFileError for members that unpack to too many bytes."""
    if size > MOST_UNPACKED:
        message = Message(
            "archive_too_large",
            most=MOST_UNPACKED // 2**20,
        )
        raise BadForeignFileError(message)


def _hash_of(archive: zipfile.ZipFile, item: zipfile.ZipInfo) -> str:
    try:
        with archive.open(item) as file:
            match = _HASH.search(file.read(_HEAD_BYTES))
    except _BROKEN as error:
        raise _broken(error) from error
    return match[1].decode() if match else ""


def _plain(name: str) -> str:
    """Return a name as exports write it, case-folded."""
    text = unicodedata.normalize("NFC", name)
    return "".join(c if c.isalnum() or c in " ._-" else "_" for c in text).lstrip(".").casefold()


def _broken(error: Exception) -> BadForeignFileError:
    message = Message("archive_broken", reason=error)
    return BadForeignFileError(message)
