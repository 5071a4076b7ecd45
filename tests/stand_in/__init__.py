"""Stand-in for the folder of real data: the same layout, made of phantoms and small written files."""

from __future__ import annotations

import fcntl
from pathlib import Path

from tests.stand_in.annotations import write_annotations
from tests.stand_in.broken import write_broken_slides
from tests.stand_in.mosaic import write_mosaic
from tests.stand_in.nuclei import write_nuclei
from tests.stand_in.scan import write_scan
from tests.stand_in.tiles import write_tiles


def write_stand_in(folder: Path) -> None:
    """Write the whole folder; the same bytes at each run, except for the identifiers of DICOM."""
    pools = write_tiles(folder / "tiles" / "colorectal")
    write_mosaic(folder / "slides", pools["adenocarcinoma"], pools["normal"])
    write_scan(folder / "slides")
    write_nuclei(folder / "nuclei")
    write_annotations(folder / "annotations")
    write_broken_slides(folder / "broken")


def stand_in_folder(parent: Path) -> Path:
    """Return the stand-in in ``parent``; the first process of a test run writes it."""
    folder = parent / "stand-in"
    with (parent / "stand-in.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            unfinished = parent / "stand-in.part"
            write_stand_in(unfinished)
            unfinished.rename(folder)
    return folder
