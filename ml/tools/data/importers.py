"""``importers``: import of public data sets from local files, in the layout of ``fit``."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ml.contracts import DataError
from ml.data.importers import patches as public_patches
from ml.data.importers import slides as public_slides
from ml.messages import Message

SETS: Final[dict[str, Callable[..., int]]] = {
    "bach": public_patches.bring_bach,
    "breakhis": public_patches.bring_breakhis,
    "camelyon16": public_slides.bring_camelyon16,
    "camelyon17": public_slides.bring_camelyon17,
    "huncrc": public_slides.bring_huncrc,
    "nct-crc-he": public_patches.bring_nct_crc_he,
    "panda": public_slides.bring_panda,
    "pannuke": public_patches.bring_pannuke,
    "pcam": public_patches.bring_pcam,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the tool."""
    parser.add_argument("set", choices=sorted(SETS), help="which data set it is")
    parser.add_argument("source", type=Path, help="folder in which the set was unpacked; it is only read")
    parser.add_argument("--out", type=Path, required=True, help="new folder for the layout")
    parser.add_argument("--copy", action="store_true", help="copy files; without it they are linked")
    parser.add_argument("--seed", type=int, default=0, help="of the draw of patients into parts")


def run(options: argparse.Namespace) -> None:
    """Write the layout; on failure, remove partly written files."""
    if not options.source.is_dir():
        raise DataError(Message("not_a_folder", folder=str(options.source)), code="no_data")
    if options.out.exists():
        raise DataError(Message("out_folder_exists", out=str(options.out)), code="not_new")
    try:
        count = SETS[options.set](options.source, options.out, options.seed, copy=options.copy)
    except BaseException:
        shutil.rmtree(options.out, ignore_errors=True)
        raise
    sys.stdout.write(f"{count} items of {options.set} are laid out in {options.out}.\n")
