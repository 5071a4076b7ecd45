"""Opening of slides in any supported format."""

from __future__ import annotations

import copyreg
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import openslide
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ml.contracts import Bounds, Channel, DataError, SlideReader
from ml.messages import Message
from ml.slides.channels.reader import ChannelReader, as_declared
from ml.slides.dicom.header import is_dicom
from ml.slides.dicom.source import DicomSource
from ml.slides.errors import SlideError
from ml.slides.files.companions import MIRAX, lay_out_beside
from ml.slides.files.sources import IMAGE_ERRORS, ImageSource, OpenSlideSource, unreadable
from ml.slides.levels import LevelReader, LevelSource, PixelFile
from ml.slides.resolution import Resolution
from ml.slides.resolution.formats import is_tiff
from ml.slides.tiff.interpretation import (
    CHANNELS,
    HEADER_ERRORS,
    OPENSLIDE,
    Interpretation,
    interpretation_at,
    interpretation_of,
)
from ml.slides.tiff.source import TiffSource


class SlideOpener(Protocol):
    """Opener of slides that reads them elsewhere, such as in a child process with limits."""

    def open_slide(self, path: Path) -> PixelFile:
        """Open a colour image; raises as the function ``open_slide``."""
        ...

    def open_as(self, path: Path, channels: Sequence[Channel]) -> PixelFile:
        """Open a slide by a model's channels; raises as the function ``open_as``."""
        ...

    def find_channels(self, path: Path) -> PixelFile | None:
        """Return a reader of a slide of several channels, None for a colour image; raises SlideError."""
        ...


# The latest one is used; without any, this process reads the files itself.
_openers: Final[list[SlideOpener]] = []


@contextmanager
def slides_opened_by(opener: SlideOpener) -> Iterator[None]:
    """Open all slides of this process through ``opener``, in every thread, until the block ends."""
    _openers.append(opener)
    try:
        yield
    finally:
        _openers.remove(opener)


def open_slide(path: Path, plane: int | None = None) -> PixelFile:
    """Open a slide: a file of any format that OpenSlide knows, a DICOM folder, TIFF, PNG or JPEG.

    Of a stack of focal planes it reads ``plane`` (from 0), by default the middle one. The reader is a context
    manager. Raises SlideError: ``missing``, ``not_a_slide`` (nothing here
    knows the format), ``unsupported``, ``too_large``, ``several_channels`` (no colour image) or
    ``unreadable`` (known, but damaged). Damage inside the file may show only when ``read`` meets it.
    """
    path = Path(path)
    if _openers:
        return _openers[-1].open_slide(path)
    several = find_channels(path)
    if several is not None:
        raise SlideError(
            Message(
                "slide_has_channels",
                slide=path.name,
                channels=", ".join(several.names),
            ),
            code="several_channels",
        )
    return LevelReader(path, DicomSource(path, plane) if _is_series(path) else file_source(path, plane))


def open_as(path: Path, channels: Sequence[Channel]) -> PixelFile:
    """Open a slide by a model's channels, or as a colour image where the model has none.

    Raises what ``open_slide`` does, and DataError(``other_channels``) for a slide with other channels.
    """
    if _openers:
        return _openers[-1].open_as(Path(path), channels)
    if not channels:
        return open_slide(path)
    several = find_channels(Path(path))
    if several is None:
        message = Message(
            "slide_of_colour",
            slide=Path(path).name,
            channels=", ".join(channel.name for channel in channels),
        )
        raise DataError(message, code="other_channels")
    return as_declared(several, channels)


def open_any(path: Path) -> PixelFile:
    """Open a slide with all its channels where it has several; raises as ``open_slide`` does."""
    path = Path(path)
    return find_channels(path) or open_slide(path)


def find_channels(path: Path) -> PixelFile | None:
    """Return a reader of a slide of several channels, None for a colour image; SlideError(``missing``)."""
    if _openers:
        return _openers[-1].find_channels(Path(path))
    if not path.exists():
        raise SlideError(Message("no_such_file", file=path.name), code="missing")
    if _is_series(path):
        return _optical_paths(path)
    if not _starts_as_tiff(path):
        return None
    try:
        interpretation = interpretation_of(path)
    except SlideError:
        # Opening it as a colour image states why it cannot be read.
        return None
    return ChannelReader(path, interpretation) if interpretation.reader == CHANNELS else None


def open_interpreted(path: Path, interpretation: Interpretation) -> PixelFile:
    """Open a TIFF by an interpretation, ignoring a stored one; raises SlideError."""
    if interpretation.reader == CHANNELS:
        return ChannelReader(path, interpretation)
    return LevelReader(path, tiff_source(path, interpretation))


def _is_series(path: Path) -> bool:
    return path.is_dir() or is_dicom(path)


def _optical_paths(path: Path) -> ChannelReader | None:
    try:
        return ChannelReader(path)
    except (OSError, ValueError, LookupError, TypeError, SlideError):
        return None


def _starts_as_tiff(path: Path) -> bool:
    try:
        return is_tiff(path)
    except OSError as error:
        raise unreadable(path, error) from error


def _open_again(path: Path, channels: Sequence[Channel], resolution: Resolution | None) -> PixelFile:
    reader = open_as(path, channels)
    reader.resolution = resolution
    return reader


def _again(reader: PixelFile) -> tuple[Any, ...]:
    return _open_again, (reader.path, reader.channels, reader.resolution)


def reopen_in_other_processes(kind: type[PixelFile]) -> None:
    """Let a reader of this class that is sent to another process open the slide there."""
    copyreg.pickle(kind, _again)


reopen_in_other_processes(LevelReader)
reopen_in_other_processes(ChannelReader)


def file_source(path: Path, plane: int | None = None) -> LevelSource:
    """Open one file by the first reader that supports it; ``plane`` is as in ``open_slide``."""
    if path.suffix.lower() == MIRAX:
        lay_out_beside(path, path.stem)
    if _starts_as_tiff(path):
        return tiff_source(path, interpretation_at(path, plane=plane))
    reason: Exception
    try:
        return OpenSlideSource(path)
    except openslide.OpenSlideError as error:
        reason = error
    try:
        return ImageSource(path)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise SlideError(
            Message(
                "image_too_large",
                file=path.name,
            ),
            code="too_large",
        ) from error
    except UnidentifiedImageError as error:
        if isinstance(reason, openslide.OpenSlideUnsupportedFormatError):
            raise SlideError(
                Message(
                    "format_unknown",
                    file=path.name,
                ),
                code="not_a_slide",
            ) from error
        raise unreadable(path, reason) from reason
    except IMAGE_ERRORS as error:
        raise unreadable(path, error) from error


def tiff_source(path: Path, interpretation: Interpretation) -> LevelSource:
    """Open a TIFF by its interpretation; raises SlideError."""
    try:
        if interpretation.reader == OPENSLIDE:
            return OpenSlideSource(path)
        return TiffSource(path, interpretation)
    except SlideError:
        raise
    # A damaged directory makes tifffile fail in many ways (struct, index, key, type errors).
    except (openslide.OpenSlideError, *HEADER_ERRORS) as error:
        raise unreadable(path, error) from error


def thumbnail(reader: SlideReader, longest: int) -> NDArray[np.uint8]:
    """Return the whole slide as RGB (h, w, 3) uint8, its longer side at most ``longest`` pixels."""
    scale = min(1.0, longest / max(reader.width, reader.height))
    size = (max(1, round(reader.width * scale)), max(1, round(reader.height * scale)))
    return reader.read(Bounds(0, 0, reader.width, reader.height), size)
