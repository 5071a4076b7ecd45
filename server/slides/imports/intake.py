"""Grouping of files into slides: single files, DICOM series, files with a companion folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from ml.messages import Message
from ml.slides.dicom.header import is_dicom
from ml.slides.files.companions import MIRAX, MIRAX_MAIN, explain_main_file, lay_out_mirax
from ml.slides.tiff.interpretation import explain_part_of_set
from ml.storage.process_limits import Limits
from server.core.children.calls import ReaderBrokeError, call_in_child, register_reader
from server.slides.imports.dicom_files import group_series

SLIDE_SUFFIXES: Final = frozenset(
    {".svs", ".tif", ".tiff", ".ndpi", ".scn", ".bif", ".svslide", ".qptiff", ".dcm"}
)
# Headers only; a folder may hold thousands of files.
_SORTING: Final = Limits(memory=2**30, cpu_seconds=120, seconds=240)
_SUFFIX: Final = re.compile(r"\.[a-z0-9]{1,8}", re.ASCII)

register_reader(__name__)


@dataclass(frozen=True)
class FoundSlide:
    """One slide among the files: ``files`` maps the stored name of each to the given one.

    ``main`` is the one to open.
    """

    name: str
    main: str
    files: dict[str, str]


@dataclass(frozen=True)
class Ignored:
    """A file that is no slide, with the reason."""

    name: str
    reason: Message


def find_slides(files: Mapping[str, Path]) -> tuple[list[FoundSlide], list[Ignored]]:
    """Group files, given as relative name to path, into slides and the rest.

    A lone file is always taken for a slide, whatever its name, so that its failure is shown. No file that
    cannot be read spoils another one.
    """
    names = [name for name in files if not _is_hidden(name)]
    dicom = sorted(name for name in names if is_dicom(files[name]))
    series, refused = group_series({name: files[name] for name in dicom})
    slides = [_series(members) for members in series]
    ignored = [Ignored(name, reason) for name, reason in refused.items()]
    taken: set[str] = set()
    for name in sorted(n for n in names if n.lower().endswith(MIRAX)):
        layout, missing = lay_out_mirax(name, files)
        taken |= set(layout.values())
        if missing is None:
            slides.append(FoundSlide(_title(name), MIRAX_MAIN, layout))
        else:
            ignored += [Ignored(member, missing) for member in layout.values()]
    for name in sorted(set(names) - set(dicom) - taken):
        part_of_set = explain_part_of_set(files[name], PurePosixPath(name).name) if len(names) > 1 else None
        if part_of_set is not None:
            ignored.append(Ignored(name, part_of_set))
        elif PurePosixPath(name).suffix.lower() in SLIDE_SUFFIXES or len(names) == 1:
            slides.append(single_file(name))
        else:
            reason = explain_main_file(name, files[name], names)
            ignored.append(Ignored(name, reason or Message("file_no_slide")))
    return slides, ignored


def sort_files(files: Mapping[str, Path]) -> tuple[list[FoundSlide], list[Ignored]]:
    """Return the result of ``find_slides`` from a child; a file that crashes its reader is ignored alone."""
    broken: list[Ignored] = []
    try:
        slides, ignored = call_in_child(f"{__name__}:find_slides", files, limits=_SORTING)
    except ReaderBrokeError as error:
        broken = [Ignored(name, error.detail) for name, path in files.items() if _breaks_reader(path)]
        if not broken:
            raise
        rest = {name: files[name] for name in files.keys() - {item.name for item in broken}}
        slides, ignored = call_in_child(f"{__name__}:find_slides", rest, limits=_SORTING)
    return slides, [*ignored, *broken]


def _breaks_reader(path: Path) -> bool:
    try:
        call_in_child(f"{__name__}:find_slides", {path.name: path}, limits=_SORTING)
    except ReaderBrokeError:
        return True
    return False


def single_file(name: str) -> FoundSlide:
    """Return a slide of one file under a safe name with the suffix that readers need."""
    suffix = PurePosixPath(name).suffix.lower()
    main = f"slide{suffix}" if _SUFFIX.fullmatch(suffix) else "slide"
    return FoundSlide(_title(name), main, {main: name})


def _series(members: list[str]) -> FoundSlide:
    names = {f"{number:04d}.dcm": name for number, name in enumerate(members, start=1)}
    title = PurePosixPath(members[0]).parent.name or _title(members[0])
    return FoundSlide(title, "0001.dcm", names)


def _is_hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") for part in parts) or parts[-1].lower() == "thumbs.db"


def _title(name: str) -> str:
    path = PurePosixPath(name)
    return path.stem or path.name
