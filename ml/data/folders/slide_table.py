"""Folders of whole slides with ``slides.csv``: label, case, part and follow-up of each slide."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

from ml.contracts import DataError, Dataset, LabelledSlide, Survival
from ml.messages import Message
from ml.slides import SlideError, open_slide
from ml.storage.hashing import content_hash

NAME: Final = "slides.csv"
OWN: Final = ("file", "label", "case", "months", "event")
EVENTS: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
Row = Mapping[str, str]


def read_slide_table(folder: Path) -> Dataset:
    """Return the slides of ``slides.csv``; raises DataError that names the row.

    Columns: ``file`` (beside the table); ``label``, empty for a slide without a known label; ``case``,
    the file when empty; ``months`` and ``event``, both or neither; every other column is a clinical field,
    a number where all its entries are, and missing where it is empty.
    """
    path = folder / NAME
    rows = _rows(path)
    fields = [name for name in rows[0] if name not in OWN]
    numbers = {name for name in fields if all(_number(row[name]) is not None for row in rows if row[name])}
    slides, seen = [], set()
    for place, row in enumerate(rows, start=2):
        if row["file"] in seen:
            _refuse(path, place, f"{row['file']} is listed a second time")
        seen.add(row["file"])
        clinical = {name: _value(row[name], number=name in numbers) for name in fields}
        slides.append(_slide(path, place, row, clinical))
    return Dataset(tuple(sorted({slide.label for slide in slides if slide.label})), slides=tuple(slides))


def _rows(path: Path) -> list[Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            header = [name.strip() for name in reader.fieldnames or ()]
            lines = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = Message("file_cannot_be_read", file=str(path), reason=error)
        raise DataError(message, code="bad_table") from error
    if "file" not in header or len(set(header)) < len(header):
        message = Message("slide_table_header", file=str(path), header=", ".join(header))
        raise DataError(message, code="bad_table")
    if not lines:
        message = Message("slide_table_empty", file=str(path))
        raise DataError(message, code="bad_table")
    rows: list[Row] = []
    for place, line in enumerate(lines, start=2):
        if None in line or None in line.values():
            _refuse(path, place, f"it has not the {len(header)} columns of the header")
        cells = (text.strip() for text in line.values())
        rows.append(dict(zip(header, cells, strict=True)))
    return rows


def _slide(path: Path, place: int, row: Row, clinical: Mapping[str, float | str | None]) -> LabelledSlide:
    file = path.parent / row["file"]
    if not row["file"] or not file.exists():
        _refuse(path, place, f"there is no file {row['file'] or 'without a name'} beside the table")
    try:
        with open_slide(file) as reader:
            resolution = reader.resolution
    except SlideError as error:
        _refuse(path, place, f"{row['file']} cannot be opened ({error})")
    return LabelledSlide(
        path=file,
        case=row.get("case") or row["file"],
        content=content_hash(file),
        shapes=(),
        mpp=resolution.x if resolution else None,
        mpp_y=resolution.y if resolution else None,
        label=row.get("label") or None,
        clinical=clinical,
        survival=_survival(path, place, row),
    )


def _survival(path: Path, place: int, row: Row) -> Survival | None:
    months, event = row.get("months", ""), row.get("event", "")
    if not months and not event:
        return None
    time = _number(months)
    if time is None or time <= 0:
        _refuse(path, place, f"months is {months!r}; write how long the patient was followed, above 0")
    if event.lower() not in EVENTS:
        _refuse(path, place, f"event is {event!r}; write 1 when it was seen, 0 when it was not")
    return Survival(time, EVENTS[event.lower()])


def _value(text: str, *, number: bool) -> float | str | None:
    if not text:
        return None
    return _number(text) if number else text


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _refuse(path: Path, place: int, reason: str) -> NoReturn:
    message = Message("table_row_refused", file=str(path), row=place, reason=reason)
    raise DataError(message, code="bad_table") from None
