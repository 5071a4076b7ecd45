"""Importers of public data sets from local files, in the layout of ``load_dataset``. No downloads.

A set whose patients are known becomes a folder per part (train, validation, test) under ``out``, and no
patient is in two of them; what a set itself calls its test part stays that. Sources are only read.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.contracts import DataError
from ml.messages import Message
from ml.slides.files.companions import MIRAX, lay_out_beside

PARTS: Final = ("train", "validation", "test")
SHARES: Final = (0.7, 0.15, 0.15)


def part_of_groups(groups: Iterable[str], seed: int) -> dict[str, str]:
    """Return a random part for each group (a patient); each part has one where there are three groups."""
    names = sorted(set(groups))
    order = [names[place] for place in np.random.default_rng(seed).permutation(len(names))]
    if len(order) < len(PARTS):
        return dict.fromkeys(order, PARTS[0])
    held = [max(1, round(len(order) * share)) for share in SHARES[1:]]
    ends = (len(order) - sum(held), len(order) - held[1])
    return {name: PARTS[(place >= ends[0]) + (place >= ends[1])] for place, name in enumerate(order)}


def place_file(source: Path, target: Path, *, copy: bool) -> None:
    """Link or copy a file to its new place; raises DataError where a file exists already.

    The folder of a MIRAX slide goes with it, under the name that readers look for.
    """
    if source.suffix.lower() == MIRAX and target.suffix.lower() == MIRAX:
        for name, member in lay_out_beside(source, target.stem).items():
            _place_one(member, target.parent / name, copy=copy)
        return
    _place_one(source, target, copy=copy)


def _place_one(source: Path, target: Path, *, copy: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() or target.is_symlink():
        message = Message("target_taken_twice", target=str(target), other=str(source))
        raise DataError(message, code="bad_set")
    if copy:
        shutil.copyfile(source, target)
    else:
        target.symlink_to(source.resolve())


def save_image(pixels: NDArray[Any], target: Path) -> None:
    """Write RGB (h, w, 3) of any number type in 0..255, or a mask (h, w) of integers, as PNG."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if pixels.ndim == 2:  # noqa: PLR2004 - a mask; numbers above 255 need 16 bits
        kind = np.uint8 if pixels.max(initial=0) <= np.iinfo(np.uint8).max else np.uint16
        Image.fromarray(pixels.astype(kind)).save(target)
        return
    Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8)).save(target)


def write_features(path: Path, features: Sequence[Mapping[str, Any]]) -> None:
    """Write a FeatureCollection."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"type": "FeatureCollection", "features": list(features)}
    path.write_text(json.dumps(document), encoding="utf-8")


def write_slide_table(folder: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write ``slides.csv``; all rows have the columns of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "slides.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def read_rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows of a CSV file; raises DataError that names the columns it lacks."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = Message("file_cannot_be_read", file=str(path), reason=error)
        raise DataError(message, code="bad_table") from error
    lacking = [name for name in columns if name not in (reader.fieldnames or ())]
    if lacking or not rows:
        message = (
            Message("table_lacks_columns", file=str(path), columns=", ".join(lacking))
            if lacking
            else Message("table_lacks_rows", file=str(path))
        )
        raise DataError(message, code="bad_table")
    return rows


def some_file(folder: Path, stem: str, endings: Sequence[str]) -> Path | None:
    """Return the first file below a folder with this stem and one of these endings."""
    paths = (path for ending in endings for path in sorted(folder.rglob(f"{stem}{ending}")))
    return next(paths, None)


def set_missing_error(source: Path, what: str) -> DataError:
    """Return the error for a folder without any file of the set."""
    return DataError(
        Message("set_missing", source=str(source), content=what),
        code="no_data",
    )
