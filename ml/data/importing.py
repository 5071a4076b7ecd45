"""Public data sets from local files, laid out as ``load_dataset`` reads them. Nothing is downloaded.

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

PARTS: Final = ("train", "validation", "test")
SHARES: Final = (0.7, 0.15, 0.15)


def part_of_groups(groups: Iterable[str], seed: int) -> dict[str, str]:
    """Return the part of each group (a patient), drawn by lot; each part has one where there are three."""
    names = sorted(set(groups))
    order = [names[place] for place in np.random.default_rng(seed).permutation(len(names))]
    if len(order) < len(PARTS):
        return dict.fromkeys(order, PARTS[0])
    held = [max(1, round(len(order) * share)) for share in SHARES[1:]]
    ends = (len(order) - sum(held), len(order) - held[1])
    return {name: PARTS[(place >= ends[0]) + (place >= ends[1])] for place, name in enumerate(order)}


def place_file(source: Path, target: Path, *, copy: bool) -> None:
    """Put a file at its new place as a link, or as a copy; raises DataError where one is there already."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() or target.is_symlink():
        message = f"Two files would become {target}; the second is {source}."
        raise DataError("bad_set", message)
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
        message = f"{path} cannot be read: {error}."
        raise DataError("bad_table", message) from error
    lacking = [name for name in columns if name not in (reader.fieldnames or ())]
    if lacking or not rows:
        message = f"{path} lacks {'the columns ' + ', '.join(lacking) if lacking else 'rows'}."
        raise DataError("bad_table", message)
    return rows


def some_file(folder: Path, stem: str, endings: Sequence[str]) -> Path | None:
    """Return the first file below a folder with this stem and one of these endings."""
    found = (path for ending in endings for path in sorted(folder.rglob(f"{stem}{ending}")))
    return next(found, None)


def nothing_found(source: Path, what: str) -> DataError:
    """Return the error of a folder that holds nothing of the set."""
    return DataError("no_data", f"{source} holds no {what}; name the folder in which the set was unpacked.")
