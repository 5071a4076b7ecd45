"""Importers of CAMELYON16 and 17, HunCRC and PANDA: sets of whole slides, from local files."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import tifffile

from ml.contracts import DataError
from ml.data.importers.common import (
    part_of_groups,
    place_file,
    read_rows,
    save_image,
    set_missing_error,
    some_file,
    write_features,
    write_slide_table,
)
from ml.formats.outlines import EXCLUSION, TUMOUR, read_outlines
from ml.messages import Message

SLIDES: Final = (".tif", ".tiff", ".svs", ".mrxs", ".ndpi")
# Radboud and Karolinska number their masks differently; both readings are those of the set's own page.
RADBOUD: Final = ("background", "stroma", "benign epithelium", "gleason 3", "gleason 4", "gleason 5")
KAROLINSKA: Final = ("background", "benign tissue", "cancer")


def bring_camelyon16(source: Path, out: Path, seed: int, *, copy: bool) -> int:
    """Lay out slides with ``reference.csv`` or by name, and outlines of the tumour where ASAP XML is there.

    Writes ``<part>/slides.csv`` with tumour or normal and, where there are outlines, ``outlines/`` with
    slides beside GeoJSON. Files named test_* are the set's own test part. Returns the number of slides.
    """
    slides = [path for path in sorted(source.rglob("*")) if path.suffix.lower() in SLIDES]
    slides = [path for path in slides if re.match(r"(normal|tumor|test)_\d+$", path.stem)]
    if not slides:
        raise set_missing_error(source, "slides named normal_*, tumor_* or test_*")
    truth = _camelyon16_truth(source)
    parts = part_of_groups([path.stem for path in slides if not path.stem.startswith("test")], seed)
    rows: dict[str, list[dict[str, str]]] = {}
    for path in slides:
        part = parts.get(path.stem, "test-of-the-set")
        label = truth.get(path.stem, path.stem.split("_")[0])
        place_file(path, out / part / path.name, copy=copy)
        known = {"normal": "normal", "tumor": "tumour"}.get(label.lower(), "")
        rows.setdefault(part, []).append({"file": path.name, "label": known, "case": path.stem})
        _outlined(source, path, out, known, copy=copy)
    for part, listed in rows.items():
        write_slide_table(out / part, listed)
    return len(slides)


def bring_camelyon17(source: Path, out: Path, seed: int, *, copy: bool) -> int:
    """Lay out slides by the stage CSV (``patient``, ``stage``): a row per node and one per patient.

    The node's stage (negative, itc, micro, macro) is its label; the patient is its case and decides the
    part. The pN stage of the patient and the centre are clinical fields.
    """
    table = next(iter(sorted(source.rglob("stage*.csv"))), None)
    if table is None:
        raise set_missing_error(source, "stages.csv")
    stages = {Path(row["patient"]).stem: row["stage"] for row in read_rows(table, ("patient", "stage"))}
    nodes = {name: stage for name, stage in stages.items() if "_node_" in name}
    parts = part_of_groups([name.split("_node_")[0] for name in nodes], seed)
    rows: dict[str, list[dict[str, str]]] = {}
    for name, stage in sorted(nodes.items()):
        path = some_file(source, name, SLIDES)
        if path is None:
            continue
        patient = name.split("_node_")[0]
        number = int(re.sub(r"\D", "", patient) or 0)
        # Twenty patients of each of the five centres follow each other.
        row = {"file": path.name, "label": stage, "case": patient, "pn_stage": stages.get(patient, "")}
        rows.setdefault(parts[patient], []).append({**row, "centre": f"centre {number // 20 % 5}"})
        place_file(path, out / parts[patient] / path.name, copy=copy)
        _outlined(source, path, out, stage, copy=copy)
    if not rows:
        raise set_missing_error(source, f"slides that {table.name} names")
    for part, listed in rows.items():
        write_slide_table(out / part, listed)
    return sum(map(len, rows.values()))


def _outlined(source: Path, slide: Path, out: Path, label: str, *, copy: bool) -> None:
    """Place a slide beside its outlines, where it has some or is known to need none."""
    notes = some_file(source, slide.stem, (".xml",))
    if notes is None and label not in {"normal", "negative"}:
        return
    features = [] if notes is None else _tumour_outlines(notes)
    place_file(slide, out / "outlines" / slide.name, copy=copy)
    write_features(out / "outlines" / f"{slide.stem}.geojson", features)


def _tumour_outlines(notes: Path) -> list[dict[str, Any]]:
    try:
        features = read_outlines(notes.read_bytes())
    except DataError as error:
        message = Message("notes_unreadable", notes=str(notes), reason=error)
        raise DataError(message, code="bad_outlines") from error
    for feature in features:
        name = feature["properties"].get("classification", {}).get("name", TUMOUR)
        # CAMELYON17 calls its groups metastases; both sets outline nothing else.
        name = TUMOUR if name.lower() == "metastases" else name
        feature["properties"]["classification"] = {"name": name}
    return [
        feature
        for feature in features
        if feature["geometry"] is not None and feature["properties"]["classification"]["name"] != EXCLUSION
    ]


def _camelyon16_truth(source: Path) -> dict[str, str]:
    table = some_file(source, "reference", (".csv",))
    if table is None:
        return {}
    lines = (line.split(",") for line in table.read_text(encoding="utf-8-sig").splitlines())
    return {Path(cells[0]).stem.lower(): cells[1].strip() for cells in lines if len(cells) > 1}


def bring_huncrc(source: Path, out: Path, seed: int, *, copy: bool) -> int:
    """Lay out slides by the CSV (slide, category) and outlines by a JSON per slide of the same stem.

    Categories become ``<part>/slides.csv``; a JSON of outlines becomes GeoJSON beside its slide in
    ``outlines/``. Each slide is a patient of its own, as the set says.
    """
    table = next(iter(sorted(source.rglob("*.csv"))), None)
    if table is None:
        raise set_missing_error(source, "CSV with the categories of the slides")
    rows = read_rows(table, ("slide", "category"))
    parts = part_of_groups([row["slide"] for row in rows], seed)
    listed: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        stem = Path(row["slide"]).stem
        path = some_file(source, stem, SLIDES)
        if path is None:
            continue
        part = parts[row["slide"]]
        listed.setdefault(part, []).append({"file": path.name, "label": row["category"], "case": stem})
        place_file(path, out / part / path.name, copy=copy)
        notes = some_file(source, stem, (".json", ".geojson"))
        if notes is not None:
            place_file(path, out / "outlines" / path.name, copy=copy)
            write_features(out / "outlines" / f"{path.stem}.geojson", _huncrc_features(notes))
    if not listed:
        raise set_missing_error(source, f"slides that {table.name} names")
    for part, rows in listed.items():
        write_slide_table(out / part, rows)
    return sum(map(len, listed.values()))


def _huncrc_features(notes: Path) -> list[dict[str, Any]]:
    """Return outlines of a JSON: GeoJSON features, or records with ``label`` and ``points`` in pixels."""
    try:
        document = json.loads(notes.read_text(encoding="utf-8"))
        if isinstance(document, dict):
            document = document.get("features") or document.get("annotations") or []
        return [row if row.get("type") == "Feature" else _record(row) for row in document]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = Message("notes_without_records", notes=str(notes), reason=error)
        raise DataError(message, code="bad_outlines") from error


def _record(row: dict[str, Any]) -> dict[str, Any]:
    ring = [[float(x), float(y)] for x, y in row["points"]]
    outline = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    properties = {"classification": {"name": str(row["label"])}}
    return {"type": "Feature", "geometry": outline, "properties": properties}


def bring_panda(source: Path, out: Path, seed: int, *, copy: bool) -> int:
    """Lay out PANDA: ``train.csv`` gives ``isup_grade`` as label; masks become tiles with class masks.

    Writes ``<part>/slides.csv``; for slides with a mask also ``masks/images`` and ``masks/labels`` (the
    coarsest level, one PNG each) and ``masks/classes.json``, by centre. The set names no patients: a slide
    is a case of its own.
    """
    table = some_file(source, "train", (".csv",))
    if table is None:
        raise set_missing_error(source, "train.csv")
    rows = read_rows(table, ("image_id", "data_provider", "isup_grade", "gleason_score"))
    parts = part_of_groups([row["image_id"] for row in rows], seed)
    listed: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        key = row["image_id"]
        path = some_file(source, key, SLIDES)
        if path is None:
            continue
        entry = {"file": path.name, "label": f"ISUP {row['isup_grade']}", "case": key}
        listed.setdefault(parts[key], []).append({**entry, "centre": row["data_provider"]})
        place_file(path, out / parts[key] / path.name, copy=copy)
        mask = some_file(source, f"{key}_mask", SLIDES)
        if mask is not None:
            _panda_mask(path, mask, row["data_provider"], out / "masks")
    if not listed:
        raise set_missing_error(source, "slides that train.csv names")
    for part, entries in listed.items():
        write_slide_table(out / part, entries)
    return sum(map(len, listed.values()))


def _panda_mask(slide: Path, mask: Path, centre: str, out: Path) -> None:
    """Write the coarsest level of a slide, and of its mask the first channel."""
    image, labels = _coarsest(slide), _coarsest(mask)
    labels = labels[..., 0] if labels.ndim > 2 else labels  # noqa: PLR2004 - rows and columns
    names: Sequence[str] = RADBOUD if centre.lower() == "radboud" else KAROLINSKA
    if image.shape[:2] != labels.shape or labels.max(initial=0) >= len(names):
        message = Message(
            "panda_mask_does_not_fit",
            mask=str(mask),
            shape=str(labels.shape),
            highest=int(labels.max(initial=0)),
            slide=slide.name,
            size=str(image.shape[:2]),
            count=len(names),
            centre=centre,
        )
        raise DataError(message, code="bad_mask")
    folder = out / centre.lower()
    save_image(image, folder / "images" / f"{slide.stem}.png")
    save_image(labels, folder / "labels" / f"{slide.stem}.png")
    (folder / "classes.json").write_text(json.dumps(list(names)), encoding="utf-8")


def _coarsest(path: Path) -> Any:
    try:
        with tifffile.TiffFile(path) as file:
            return np.asarray(file.series[0].levels[-1].asarray())
    except (tifffile.TiffFileError, OSError, ValueError, IndexError) as error:
        message = Message("file_cannot_be_read", file=str(path), reason=error)
        raise DataError(message, code="bad_slide") from error
