"""Files of slides that consist of several: their names, and their place beside the main file.

A MIRAX slide is ``NAME.mrxs`` and a folder ``NAME`` with ``Slidedat.ini``, which lists the other files. Names
are matched without regard to letter case, because copies between file systems change it, and are laid out as
the readers look for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from ml.messages import Message
from ml.slides.errors import SlideError

MIRAX: Final = ".mrxs"
MIRAX_INDEX: Final = "Slidedat.ini"
_STEM: Final = "slide"
MIRAX_MAIN: Final = f"{_STEM}{MIRAX}"
_LONGEST_INDEX: Final = 4 << 20
_LISTED: Final = re.compile(
    r"^[ \t]*(?:INDEXFILE|FILE_\d+)[ \t]*=[ \t]*(\S[^\r\n]*)", re.MULTILINE | re.IGNORECASE
)
_DIGITIZER: Final = re.compile(
    r"^[ \t]*DIGITIZER_(WIDTH|HEIGHT)[ \t]*=[ \t]*(\d{1,9})", re.MULTILINE | re.IGNORECASE
)
_MOST_NAMED: Final = 3
_ARCHIVES: Final = frozenset({".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar"})
_HAMAMATSU_INDICES: Final = frozenset({".vms", ".vmu"})
_HAMAMATSU_LINE: Final = re.compile(
    r"^(?:ImageFile|MacroImage|MapFile|OptimisationFile)[^=\r\n]*=[ \t]*(\S[^\r\n]*)",
    re.MULTILINE | re.IGNORECASE,
)
_NDPI_LINE: Final = re.compile(r"^Image\d+[ \t]*=[ \t]*(\S[^\r\n]*)", re.MULTILINE | re.IGNORECASE)


def lay_out_mirax(name: str, files: Mapping[str, Path]) -> tuple[dict[str, str], Message | None]:
    """Return the target of each file of a MIRAX slide with its given name, and the missing file or None.

    ``name`` is the ``.mrxs`` file; ``files`` maps the given names to the files.
    """
    path = PurePosixPath(name)
    folder = f"{path.with_suffix('')}/".casefold()
    members = {other[len(folder) :]: other for other in files if other.casefold().startswith(folder)}
    layout = {MIRAX_MAIN: name}
    index = next((inner for inner in members if inner.casefold() == MIRAX_INDEX.casefold()), None)
    if index is None:
        return layout, mirax_folder_missing(path.stem)
    listed = _listed_files(files[members[index]], _LISTED)
    spelling = {one.casefold(): one for one in (*listed, MIRAX_INDEX)}
    for inner, other in sorted(members.items()):
        layout[f"{_STEM}/{spelling.get(inner.casefold(), inner)}"] = other
    present = {inner.casefold() for inner in members}
    missing = [one for one in listed if one.casefold() not in present]
    if not missing:
        return layout, None
    return layout, Message(
        "mirax_files_missing",
        files=_some(missing),
        folder=f"{path.stem}/",
    )


def lay_out_beside(path: Path, stem: str) -> dict[str, Path]:
    """Return the files of a MIRAX slide by their names beside ``STEM.mrxs``; SlideError if one is missing."""
    files = files_of_slide(path)
    layout, missing = lay_out_mirax(path.name, files)
    if missing is not None:
        raise SlideError(missing, code="missing")
    return {f"{stem}{target.removeprefix(_STEM)}": files[name] for target, name in layout.items()}


def mirax_folder_missing(stem: str) -> Message:
    """Return the message for a ``.mrxs`` file without its folder."""
    return Message(
        "mirax_folder_missing",
        folder=f"{stem}/",
        index=MIRAX_INDEX,
    )


def files_of_slide(path: Path) -> dict[str, Path]:
    """Return the files of a slide by their names relative to its folder: itself, and of MIRAX its folder."""
    files = {path.name: path}
    if path.suffix.lower() == MIRAX:
        for folder in path.parent.iterdir():
            if folder.is_dir() and folder.name.casefold() == path.stem.casefold():
                inner = (one for one in sorted(folder.rglob("*")) if one.is_file())
                files |= {one.relative_to(path.parent).as_posix(): one for one in inner}
    return files


def explain_main_file(name: str, path: Path | None, names: Iterable[str] = ()) -> Message | None:
    """Return why the main file of another multi-file format is not a slide by itself; None for others."""
    given = PurePosixPath(name)
    suffix = given.suffix.lower()
    if suffix == ".vsi":
        return Message(
            "vsi_unsupported",
            folder=f"_{given.stem}_/",
        )
    if suffix == ".ndpis":
        listed = _listed_files(path, _NDPI_LINE) if path is not None else []
        here = {PurePosixPath(other).name.casefold() for other in names}
        missing = [one for one in listed if one.casefold() not in here]
        return Message(
            "ndpis_list",
            files=_some(missing or listed) or "*.ndpi",
        )
    if suffix in _HAMAMATSU_INDICES:
        listed = _listed_files(path, _HAMAMATSU_LINE) if path is not None else []
        here = {PurePosixPath(other).name.casefold() for other in names}
        missing = [one for one in listed if one.casefold() not in here]
        if missing:
            return Message(
                "hamamatsu_index_alone",
                files=_some(missing),
            )
        return Message(
            "hamamatsu_index",
        )
    return _index_of_files(given)


def _index_of_files(given: PurePosixPath) -> Message | None:
    """Return why a file that lists or packs others is not a slide; None for others."""
    suffix = given.suffix.lower()
    if suffix == ".ome":
        return Message(
            "ome_companion",
        )
    if suffix in _ARCHIVES:
        return Message("archive_file")
    if given.name.casefold() == "dicomdir":
        return Message("dicomdir_alone")
    return None


def _listed_files(path: Path, pattern: re.Pattern[str]) -> list[str]:
    try:
        text = _read_index(path)
    except OSError:
        return []
    return list(dict.fromkeys(match[1].rstrip() for match in pattern.finditer(text)))


def _read_index(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_LONGEST_INDEX).decode("utf-8-sig", "replace")


def mirax_image_sides(path: Path) -> tuple[int, int]:
    """Return the longest sides (x, y) that a MIRAX slide states for its stored images; 0 for none."""
    index = next((one for name, one in files_of_slide(path).items() if _is_index(name)), None)
    if index is None:
        return 0, 0
    sides = {"width": 0, "height": 0}
    for match in _DIGITIZER.finditer(_read_index(index)):
        side = match[1].lower()
        sides[side] = max(sides[side], int(match[2]))
    return sides["width"], sides["height"]


def _is_index(name: str) -> bool:
    return PurePosixPath(name).name.casefold() == MIRAX_INDEX.casefold()


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    return f"{shown}, …" if len(names) > _MOST_NAMED else shown
