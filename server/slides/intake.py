"""What of a pile of files is a slide: single files, DICOM series, files with a companion folder.

Names come from strangers, so they are checked before anything is made of them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import pydicom
from pydicom.errors import InvalidDicomError

from ml.contracts import Sentence
from server.core.errors import ContentError

SLIDE_SUFFIXES: Final = frozenset(
    {".svs", ".tif", ".tiff", ".ndpi", ".scn", ".bif", ".svslide", ".qptiff", ".dcm"}
)
_MIRAX: Final = ".mrxs"
_WSI_CLASS: Final = "1.2.840.10008.5.1.4.1.1.77.1.6"
_LONGEST_PATH: Final = 500
_SUFFIX: Final = re.compile(r"\.[a-z0-9]{1,8}", re.ASCII)


@dataclass(frozen=True)
class FoundSlide:
    """One slide among the files: ``files`` maps the name that each gets to the name that it has.

    ``main`` is the one to open.
    """

    name: str
    main: str
    files: dict[str, str]


@dataclass(frozen=True)
class Ignored:
    """A file that is no slide, and why."""

    name: str
    reason: str


def check_relative_path(text: str) -> str:
    """Return a path that stays where it is put; raises ContentError for one that might not."""
    parts = text.split("/")
    strange = "\\" in text or ":" in text or any(not character.isprintable() for character in text)
    if strange or not text or len(text) > _LONGEST_PATH or {"", ".", ".."} & set(parts):
        detail = Sentence(
            "file_name_unsafe",
            "A file name must be relative and free of '..', backslashes, colons and control characters.",
        )
        raise ContentError(detail, code="unsafe_name")
    return text


def find_slides(files: Mapping[str, Path]) -> tuple[list[FoundSlide], list[Ignored]]:
    """Sort files, given as relative name to place, into slides and the rest.

    A lone file is always taken for a slide, whatever its name, so that its failure is shown.
    """
    names = [name for name in files if not _is_hidden(name)]
    dicom = {name for name in names if _is_dicom(files[name])}
    found, ignored = _find_series({name: files[name] for name in sorted(dicom)})
    taken: set[str] = set()
    for name in sorted(n for n in names if n.lower().endswith(_MIRAX)):
        bundle = _mirax_bundle(name, names)
        taken |= set(bundle.files.values())
        found.append(bundle)
    for name in sorted(set(names) - dicom - taken):
        if PurePosixPath(name).suffix.lower() in SLIDE_SUFFIXES or len(names) == 1:
            found.append(single_file(name))
        else:
            ignored.append(Ignored(name, Sentence("file_no_slide", "Not a slide format that is read here.")))
    return found, ignored


def single_file(name: str) -> FoundSlide:
    """Return a slide of one file under a harmless name that keeps the suffix readers look at."""
    suffix = PurePosixPath(name).suffix.lower()
    main = f"slide{suffix}" if _SUFFIX.fullmatch(suffix) else "slide"
    return FoundSlide(_title(name), main, {main: name})


def _find_series(files: Mapping[str, Path]) -> tuple[list[FoundSlide], list[Ignored]]:
    volumes: dict[str, list[tuple[int, str]]] = defaultdict(list)
    ignored = []
    for name, path in files.items():
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_DICOM_TAGS)
        kind = [str(value) for value in header.get("ImageType", [])]
        if header.get("SOPClassUID") != _WSI_CLASS:
            ignored.append(Ignored(name, Sentence("file_other_dicom", "DICOM, but not a whole slide image.")))
        elif "VOLUME" not in kind:
            ignored.append(
                Ignored(
                    name, Sentence("file_never_kept", "A label, overview or thumbnail; these are never kept.")
                )
            )
        else:
            columns = int(header.get("TotalPixelMatrixColumns", 0))
            volumes[str(header.get("SeriesInstanceUID"))].append((-columns, name))
    return [_series(sorted(members)) for _, members in sorted(volumes.items())], ignored


_DICOM_TAGS: Final = ["SOPClassUID", "ImageType", "SeriesInstanceUID", "TotalPixelMatrixColumns"]


def _series(members: list[tuple[int, str]]) -> FoundSlide:
    names = {f"{number:04d}.dcm": name for number, (_, name) in enumerate(members, start=1)}
    folder = PurePosixPath(members[0][1]).parent.name
    title = folder if folder and len(members) >= 1 else _title(members[0][1])
    return FoundSlide(title, "0001.dcm", names)


def _mirax_bundle(name: str, names: list[str]) -> FoundSlide:
    path = PurePosixPath(name)
    folder = f"{path.with_suffix('')}/"
    parent = "" if str(path.parent) == "." else f"{path.parent}/"
    members = [name, *(other for other in names if other.startswith(folder))]
    return FoundSlide(_title(name), path.name, {other.removeprefix(parent): other for other in members})


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(128)
        if file.read(4) != b"DICM":
            return False
    try:
        pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_DICOM_TAGS)
    except (InvalidDicomError, OSError, ValueError, EOFError):
        return False
    return True


def _is_hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") for part in parts) or parts[-1].lower() == "thumbs.db"


def _title(name: str) -> str:
    path = PurePosixPath(name)
    return path.stem or path.name
