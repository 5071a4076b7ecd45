"""Opening slides of any supported format."""

from __future__ import annotations

import copyreg
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openslide
import tifffile
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ml.contracts import Bounds, Channel, DataError, Sentence, SlideReader
from ml.slides.channel_reader import ChannelReader, as_declared, try_channels
from ml.slides.errors import SlideError
from ml.slides.levels import LevelReader, LevelSource
from ml.slides.sources import ImageSource, OpenSlideSource, TiffSource, unreadable

DICOM_MARK = (128, b"DICM")
TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def open_slide(path: Path) -> LevelReader:
    """Open a slide: a file of any format that OpenSlide knows, a DICOM folder, TIFF, PNG or JPEG.

    The reader is a context manager. Raises SlideError: ``missing``, ``not_a_slide`` (nothing here
    knows the format), ``unsupported``, ``too_large``, ``several_channels`` (no colour image) or
    ``unreadable`` (known, but damaged). Damage inside the file may show only when ``read`` meets it.
    """
    path = Path(path)
    several = find_channels(path)
    if several is not None:
        raise SlideError(
            "several_channels",
            Sentence(
                "slide_has_channels",
                "{slide} has the channels {channels}, and this method reads colour images of stained "
                "tissue. Choose a method that takes channels, such as convolutional, unet or nuclei.",
                slide=path.name,
                channels=", ".join(several.names),
            ),
        )
    return LevelReader(path, folder_source(path) if path.is_dir() else file_source(path))


def open_as(path: Path, channels: Sequence[Channel]) -> LevelReader | ChannelReader:
    """Open a slide as a model reads it: by its channels, or as a colour image where it has none.

    Raises what ``open_slide`` does, and DataError(``other_channels``) for a slide with other channels.
    """
    if not channels:
        return open_slide(path)
    several = find_channels(Path(path))
    if several is None:
        message = Sentence(
            "slide_of_colour",
            "{slide} is a colour image; this model reads the channels {channels}. Use a model that learned"
            " from colour images.",
            slide=Path(path).name,
            channels=", ".join(channel.name for channel in channels),
        )
        raise DataError("other_channels", message)
    return as_declared(several, channels)


def open_any(path: Path) -> LevelReader | ChannelReader:
    """Open a slide with all its channels where it has several; raises what ``open_slide`` does."""
    path = Path(path)
    return find_channels(path) or open_slide(path)


def find_channels(path: Path) -> ChannelReader | None:
    """Return a reader of a slide of several channels, None for a colour image; SlideError(``missing``)."""
    if not path.exists():
        raise SlideError("missing", Sentence("no_such_file", "There is no file {file}.", file=path.name))
    is_tiff = path.is_file() and head_of(path, 0, 4) in TIFF_MARKS
    return try_channels(path) if is_tiff else None


def _open_again(path: Path, channels: Sequence[Channel], mpp: float | None) -> LevelReader | ChannelReader:
    reader = open_as(path, channels)
    reader.mpp = mpp
    return reader


def _again(reader: LevelReader | ChannelReader) -> tuple[Any, ...]:
    return _open_again, (reader.path, reader.channels, reader.mpp)


# A reader that is sent to another process opens the slide there.
copyreg.pickle(LevelReader, _again)
copyreg.pickle(ChannelReader, _again)


def folder_source(path: Path) -> LevelSource:
    """Open the DICOM series in a folder; any of its files leads OpenSlide to the others."""
    first_error: Exception | None = None
    for file in sorted(path.iterdir()):
        if not file.is_file() or head_of(file, DICOM_MARK[0], 4) != DICOM_MARK[1]:
            continue
        try:
            return OpenSlideSource(file)
        except openslide.OpenSlideError as error:
            first_error = first_error or error
    if first_error is not None:
        raise unreadable(path, first_error) from first_error
    raise SlideError(
        "not_a_slide",
        Sentence(
            "folder_without_dicom",
            "The folder {file} holds no DICOM files of a whole slide image.",
            file=path.name,
        ),
    )


def file_source(path: Path) -> LevelSource:
    """Open one file by the first of the readers that knows it."""
    reason: Exception
    try:
        return OpenSlideSource(path)
    except openslide.OpenSlideError as error:
        reason = error
    if head_of(path, 0, 4) in TIFF_MARKS:
        return tiff_source(path)
    try:
        return ImageSource(path)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise SlideError(
            "too_large",
            Sentence(
                "image_too_large",
                "{file} is a plain image too large to decode whole. Convert it to a tiled, pyramidal TIFF.",
                file=path.name,
            ),
        ) from error
    except UnidentifiedImageError as error:
        if isinstance(reason, openslide.OpenSlideUnsupportedFormatError):
            raise SlideError(
                "not_a_slide",
                Sentence(
                    "format_unknown",
                    "{file} is not a slide or image in a known format. Supported are the formats of "
                    "OpenSlide, DICOM, TIFF, PNG and JPEG.",
                    file=path.name,
                ),
            ) from error
        raise unreadable(path, reason) from reason
    except OSError as error:
        raise unreadable(path, error) from error


def tiff_source(path: Path) -> LevelSource:
    """Open a TIFF that OpenSlide refused."""
    try:
        return TiffSource(path)
    except SlideError:
        raise
    # A damaged directory makes tifffile fail in many ways (struct, index, key, type errors).
    except (tifffile.TiffFileError, OSError, ValueError, LookupError, TypeError) as error:
        raise unreadable(path, error) from error


def head_of(path: Path, offset: int, length: int) -> bytes:
    """Return a few bytes of a file."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(length)
    except OSError as error:
        raise unreadable(path, error) from error


def thumbnail(reader: SlideReader, longest: int) -> NDArray[np.uint8]:
    """Return the whole slide as RGB (h, w, 3) uint8, its longer side at most ``longest`` pixels."""
    scale = min(1.0, longest / max(reader.width, reader.height))
    size = (max(1, round(reader.width * scale)), max(1, round(reader.height * scale)))
    return reader.read(Bounds(0, 0, reader.width, reader.height), size)
