"""Importers of BreakHis, BACH, NCT-CRC-HE, PCam and PanNuke: sets of patches, from local files."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.contracts import DataError
from ml.data.folders.reading import IMAGES
from ml.data.importers.common import (
    part_of_groups,
    place_file,
    read_rows,
    save_image,
    set_missing_error,
    some_file,
)
from ml.messages import Message

# SOB_B_TA-14-4659-40-001.png: biopsy, benign or malignant, type, year, patient, magnification, number.
BREAKHIS: Final = re.compile(r"SOB_(?P<kind>[BM])_[A-Z]+-(?P<patient>\d+-[0-9A-Z]+)-(?P<zoom>\d+)-\d+")
BACH: Final = {"benign": "benign", "insitu": "in situ", "invasive": "invasive", "normal": "normal"}
PCAM_PARTS: Final = {"train": "train", "valid": "validation", "test": "test"}
PCAM: Final = ("normal", "tumour")
PANNUKE: Final = ("neoplastic", "inflammatory", "connective", "dead", "epithelial")
BLOCK: Final = 1024


def bring_breakhis(source: Path, out: Path, seed: int, *, copy: bool) -> int:
    """Lay out ``<part>/<magnification>x/benign|malignant``; no patient is in two parts."""
    matched = [(path, match) for path in _images(source) if (match := BREAKHIS.match(path.stem))]
    if not matched:
        raise set_missing_error(source, "images named as in BreakHis (SOB_B_TA-14-4659-40-001.png)")
    parts = part_of_groups([match["patient"] for _, match in matched], seed)
    for path, match in matched:
        kind = {"B": "benign", "M": "malignant"}[match["kind"]]
        folder = out / parts[match["patient"]] / f"{match['zoom']}x" / kind
        place_file(path, folder / path.name, copy=copy)
    return len(matched)


def bring_bach(source: Path, out: Path, seed: int, *, copy: bool) -> int:
    """Lay out the four classes; ``<part>/`` by patient where a CSV names patients, else one folder ``all``.

    The CSV has ``image`` and ``patient``. Without it nothing is known of patients, so nothing is split here.
    """
    matched = [
        (path, BACH[_plain(path.parent.name)]) for path in _images(source) if _plain(path.parent.name) in BACH
    ]
    if not matched:
        raise set_missing_error(source, "folders Benign, InSitu, Invasive, Normal with images")
    table = next(iter(sorted(source.rglob("*patient*.csv"))), None)
    patients: dict[str, str] = {}
    if table is not None:
        patients = {Path(row["image"]).stem: row["patient"] for row in read_rows(table, ("image", "patient"))}
    parts = part_of_groups(patients.values(), seed)
    for path, kind in matched:
        if table is not None and path.stem not in patients:
            message = Message("patient_not_named", table=str(table), image=path.name)
            raise DataError(message, code="bad_table")
        part = parts[patients[path.stem]] if patients else "all"
        place_file(path, out / part / kind / path.name, copy=copy)
    return len(matched)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def bring_nct_crc_he(source: Path, out: Path, seed: int, *, copy: bool) -> int:  # noqa: ARG001 - as the others
    """Lay out NCT-CRC-HE-100K as ``train`` and CRC-VAL-HE-7K, of other patients, as ``test``.

    The set names no patients within its parts, so the first is not split here.
    """
    count = 0
    for folder in sorted(path for path in [source, *source.rglob("*")] if path.is_dir()):
        part = "test" if "VAL" in folder.name.upper() else "train"
        if not re.match(r"(NCT-CRC-HE|CRC-VAL-HE)", folder.name.upper()):
            continue
        for path in _images(folder):
            place_file(path, out / part / path.parent.name / path.name, copy=copy)
            count += 1
    if not count:
        raise set_missing_error(source, "folders NCT-CRC-HE-100K or CRC-VAL-HE-7K")
    return count


def bring_pcam(source: Path, out: Path, seed: int, *, copy: bool) -> int:  # noqa: ARG001 - as the others
    """Write the patches of the HDF5 files as ``<part>/normal|tumour``; the parts are the set's own."""
    count = 0
    for name, part in PCAM_PARTS.items():
        images = next(iter(sorted(source.rglob(f"*{name}*_x.h5"))), None)
        if images is None:
            continue
        labels = images.with_name(images.name.removesuffix("_x.h5") + "_y.h5")
        for number, (pixels, label) in enumerate(zip(_rows(images, "x"), _rows(labels, "y"), strict=True)):
            kind = PCAM[int(np.ravel(label)[0])]
            save_image(pixels, out / part / kind / f"{number:06d}.png")
            count += 1
    if not count:
        raise set_missing_error(source, "files *train_x.h5, *valid_x.h5 or *test_x.h5")
    return count


def _rows(path: Path, name: str) -> Iterator[NDArray[Any]]:
    """Yield the rows of a table in an HDF5 file, block by block."""
    try:
        hdf5 = importlib.import_module("h5py")
    except ImportError as error:
        message = Message("hdf5_not_installed")
        raise DataError(message, code="no_hdf5") from error
    try:
        with hdf5.File(path, "r") as file:
            table = file[name]
            for start in range(0, len(table), BLOCK):
                yield from table[start : start + BLOCK]
    except (OSError, KeyError) as error:
        message = Message("hdf5_table_missing", file=str(path), table=name, reason=error)
        raise DataError(message, code="bad_hdf5") from error


def bring_pannuke(source: Path, out: Path, seed: int, *, copy: bool) -> int:  # noqa: ARG001 - as the others
    """Write each fold as ``fold<n>/images`` with ``labels`` (instances), ``types`` (classes) and their names.

    ``images.npy`` is (n, 256, 256, 3); ``masks.npy`` (n, 256, 256, 6): instance numbers of five classes, and
    background. A number may be used by two classes, so instances get new numbers. The folds are the
    set's own; it keeps tissue of one patient within a fold.
    """
    count = 0
    for place, images in enumerate(sorted(source.rglob("images.npy")), start=1):
        masks = some_file(images.parent, "masks", (".npy",)) or _sibling(images)
        if masks is None:
            message = Message("masks_array_missing", images=str(images))
            raise DataError(message, code="no_masks")
        fold = re.search(r"fold[ _]?(\d)", str(images).lower())
        folder = out / f"fold{fold[1] if fold else place}"
        pixels, marks = _array(images), _array(masks)
        if pixels.shape[:3] != marks.shape[:3] or marks.shape[-1] != len(PANNUKE) + 1:
            message = Message(
                "masks_do_not_fit",
                masks=str(masks),
                shape=str(marks.shape),
                images=str(images),
                other=str(pixels.shape),
            )
            raise DataError(message, code="bad_mask")
        for number in range(len(pixels)):
            instances, types = _instances(np.asarray(marks[number]))
            save_image(np.asarray(pixels[number]), folder / "images" / f"{number:05d}.png")
            save_image(instances, folder / "labels" / f"{number:05d}.png")
            save_image(types, folder / "types" / f"{number:05d}.png")
        names = json.dumps(["background", *PANNUKE])
        (folder / "classes.json").write_text(names, encoding="utf-8")
        count += len(pixels)
    if not count:
        raise set_missing_error(source, "images.npy")
    return count


def _sibling(images: Path) -> Path | None:
    """Return the masks of the layout fold/images/fold1/images.npy, fold/masks/fold1/masks.npy."""
    other = Path(str(images.parent).replace("images", "masks")) / "masks.npy"
    return other if other.is_file() else None


def _array(path: Path) -> NDArray[Any]:
    try:
        # The files are large: only what is looked at is read. Pickled objects are refused.
        return np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
    except (OSError, ValueError) as error:
        message = Message("not_an_array", file=str(path), reason=error)
        raise DataError(message, code="bad_array") from error


def _instances(marks: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    instances = np.zeros(marks.shape[:2], np.int32)
    types = np.zeros(marks.shape[:2], np.int32)
    for kind in range(len(PANNUKE)):
        for number in np.unique(marks[..., kind]):
            if number:
                mine = marks[..., kind] == number
                instances[mine], types[mine] = instances.max() + 1, kind + 1
    return instances, types


def _images(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in IMAGES)
