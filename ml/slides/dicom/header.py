"""The header of one DICOM instance, read leniently: a missing or malformed attribute is None."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import pydicom

from ml.messages import Message
from ml.slides.errors import SlideError

DICOM_MARK: Final = b"DICM"
PREAMBLE_BYTES: Final = 128
WSI_CLASS: Final = "1.2.840.10008.5.1.4.1.1.77.1.6"
# The whole file after its first header is one deflated stream, which may unpack to a thousand times its size.
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
_MOST_TEXT: Final = 256
_MOST_ITEMS: Final = 4_000_000
_META_GROUP: Final = 2
_MOST_META: Final = 64 * 2**10

# Read by name, so that the values of private and bulky elements are skipped.
_TAGS: Final = [
    "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "ImageType", "FrameOfReferenceUID",
    "ConcatenationUID", "SOPInstanceUIDOfConcatenationSource", "ConcatenationFrameOffsetNumber",
    "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames",
    "Rows", "Columns",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "RedPaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData", "BluePaletteColorLookupTableData",
    "TotalPixelMatrixColumns", "TotalPixelMatrixRows", "TotalPixelMatrixFocalPlanes",
    "TotalPixelMatrixOriginSequence", "SpecimenLabelInImage", "DimensionOrganizationType",
    "NumberOfOpticalPaths", "OpticalPathSequence", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence", "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
    "PixelSpacing", "ImagedVolumeWidth", "ImagedVolumeHeight",
]  # fmt: skip

_LONG_TAGS: Final = frozenset(
    {"PerFrameFunctionalGroupsSequence", "ExtendedOffsetTable", "ExtendedOffsetTableLengths"}
)


class Flavour(StrEnum):
    """The role of an instance: a level of the slide, or a picture beside it."""

    VOLUME = "volume"
    LABEL = "label"
    OVERVIEW = "overview"
    THUMBNAIL = "thumbnail"
    LOCALIZER = "localizer"
    OTHER = "other"
    UNSTATED = "unstated"


class Header:
    """The attributes of one instance that reading its pixels needs.

    ``pixels_at`` is the offset of the pixel data element in the file.
    """

    def __init__(self, path: Path, dataset: pydicom.FileDataset, pixels_at: int) -> None:
        self.path = path
        self.pixels_at = pixels_at
        self.dataset = dataset
        meta = getattr(dataset, "file_meta", None)
        self.syntax = _text(getattr(meta, "TransferSyntaxUID", None))
        self.sop_class = self.text("SOPClassUID") or _text(getattr(meta, "MediaStorageSOPClassUID", None))

    def text(self, name: str) -> str:
        """Return an attribute as text, empty where it is absent."""
        return _text(_value(self.dataset, name))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the values of an attribute as upper-case texts."""
        value = _value(self.dataset, name)
        values = [value] if isinstance(value, str) else value
        try:
            return tuple(_text(one).upper() for one in values) if values is not None else ()
        except TypeError:
            return ()

    def whole(self, name: str) -> int | None:
        """Return an attribute as a whole number, None where it is absent, empty or no number."""
        return whole_number(self.dataset, name)

    def items(self, name: str) -> list[Any]:
        """Return the items of a sequence, none where it is absent."""
        return list(sequence_items(self.dataset, name))

    def required(self, name: str) -> int:
        """Return a positive whole number; raises SlideError (``unsupported``) that names the attribute."""
        value = self.whole(name)
        if value is None or value < 1:
            raise attribute_missing(self.path, name)
        return value

    @property
    def is_slide(self) -> bool:
        """Return whether the instance is a whole slide microscopy image, by class or else by geometry."""
        if self.sop_class:
            return self.sop_class == WSI_CLASS
        return bool(self.whole("TotalPixelMatrixColumns") and self.whole("TotalPixelMatrixRows"))

    @property
    def flavour(self) -> Flavour:
        """The role of the instance by ImageType; UNSTATED where the attribute names none."""
        if not self.is_slide:
            return Flavour.OTHER
        kinds = self.texts("ImageType")
        for flavour in (
            Flavour.LABEL,
            Flavour.OVERVIEW,
            Flavour.THUMBNAIL,
            Flavour.LOCALIZER,
            Flavour.VOLUME,
        ):
            if flavour.value.upper() in kinds:
                return flavour
        return Flavour.UNSTATED

    @property
    def is_tiled(self) -> bool:
        """Return whether the total pixel matrix is larger than one frame."""
        across, down = self.whole("TotalPixelMatrixColumns") or 0, self.whole("TotalPixelMatrixRows") or 0
        return across > (self.whole("Columns") or 0) > 0 or down > (self.whole("Rows") or 0) > 0

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the total pixel matrix in pixels; 0 where it is not stated."""
        width, height = self.whole("TotalPixelMatrixColumns"), self.whole("TotalPixelMatrixRows")
        if (self.whole("NumberOfFrames") or 1) == 1:
            # One frame is the whole image, so its own size stands in.
            width, height = width or self.whole("Columns"), height or self.whole("Rows")
        return max(width or 0, 0), max(height or 0, 0)


def is_dicom(path: Path) -> bool:
    """Return whether a file begins as a DICOM Part 10 file does."""
    try:
        with path.open("rb") as file:
            file.seek(PREAMBLE_BYTES)
            return file.read(len(DICOM_MARK)) == DICOM_MARK
    except OSError:
        return False


def is_deflated(path: Path) -> bool:
    """Return whether a DICOM file is deflated as a whole, by its first header alone."""
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file.seek(PREAMBLE_BYTES + len(DICOM_MARK))
            # No more than this of a stranger's file is parsed: the first header is small.
            meta = pydicom.filereader.read_dataset(
                BytesIO(file.read(_MOST_META)), is_implicit_VR=False, is_little_endian=True,
                stop_when=_is_after_meta,
            )  # fmt: skip
            return _text(meta.get("TransferSyntaxUID")) == DEFLATED
    # As in read_header.
    except Exception:  # noqa: BLE001 - the reader of the header reports the file by name
        return False


def _is_after_meta(tag: Any, _vr: str | None, _length: int) -> bool:
    return bool(tag.group != _META_GROUP)


def read_header(path: Path, *, frames: bool = True) -> Header | None:
    """Return the header of a DICOM file; None for one that is deflated or whose elements cannot be parsed.

    Without ``frames`` the attributes that grow with the number of frames are skipped.
    """
    tags = [name for name in _TAGS if frames or name not in _LONG_TAGS]
    if is_deflated(path):
        return None
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(tags))
            return Header(path, dataset, file.tell())
    # A stranger's bytes make the parser fail in many ways, with no common base but Exception.
    except Exception:  # noqa: BLE001 - the caller reports the file by name
        return None


def attribute_missing(path: Path, name: str) -> SlideError:
    """Return the error for an attribute that placing or decoding the pixels needs."""
    return SlideError(
        Message(
            "dicom_attribute_missing",
            file=path.name,
            attribute=name,
        ),
        code="unsupported",
    )


def whole_number(dataset: Any, name: str) -> int | None:
    """Return an attribute of a data set as a whole number, or None."""
    value = _value(dataset, name)
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def real_number(dataset: Any, name: str) -> float | None:
    """Return an attribute of a data set as a number, or None."""
    value = _value(dataset, name)
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def item_text(dataset: Any, name: str) -> str:
    """Return an attribute of a sequence item as text, empty where it is absent."""
    return _text(_value(dataset, name))


def sequence_items(dataset: Any, name: str) -> Iterator[Any]:
    """Yield the items of a sequence; nothing where it is absent or is none."""
    value = _value(dataset, name)
    if isinstance(value, pydicom.Sequence):
        for number, item in enumerate(value):
            if number >= _MOST_ITEMS:
                return
            yield item


def _value(dataset: Any, name: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = dataset.get(name)
    # Values are converted on first access; a malformed one fails there, in ways of its own.
    except Exception:  # noqa: BLE001 - reported by name as a missing attribute
        return None
    return None if isinstance(value, str | bytes) and not value.strip() else value


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip("\0 ")[:_MOST_TEXT]
