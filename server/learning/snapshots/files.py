"""Snapshots: the labels of a round, as an immutable file named by its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import shapely
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from ml.contracts import Dataset, LabelledShape, LabelledSlide, Survival
from ml.messages import Message
from server.core.files.leftovers import lock_content
from server.core.files.storage import storage_path, write_bytes
from server.learning.errors import SnapshotDamagedError
from server.learning.models import Snapshot
from server.learning.snapshots.plan import Plan, PlannedShape
from server.learning.summaries.summary import Diagnosis
from server.slides.models import Slide

FOLDER: Final = "snapshots"
FORMAT: Final = "coverslip-snapshot-1"
# Finer than any scanner, and coarse enough that one number has one spelling on every database.
COORDINATE_GRID: Final = 1 / 64


def compose_document(plan: Plan) -> dict[str, Any]:
    """Return the training material as JSON values, in an order by content alone."""
    summary = plan.summary
    names = {str(label.pk): label.name for label in summary.labels}
    slides: dict[Any, dict[str, Any]] = {}
    for diagnosis in summary.diagnoses:
        entry = slides.setdefault(diagnosis.slide.pk, _slide_entry(diagnosis.slide))
        entry |= _diagnosis_entry(diagnosis, names)
    for item in (*plan.shapes, *plan.finished):
        entry = slides.setdefault(item.slide.pk, _slide_entry(item.slide))
        if item.mark is None:
            entry["finished"].append({"geometry": _geometry(item.geometry), "unit": item.unit})
        elif item.mark.label_id is None or item.mark.label_id in names:
            entry["shapes"].append(_shape_entry(item, names))
    for entry in slides.values():
        entry["shapes"].sort(key=_canonical)
        entry["finished"].sort(key=_canonical)
    return {
        "format": FORMAT,
        "split_by": summary.split_by,
        "labels": [{"id": str(label.pk), "name": label.name} for label in summary.labels],
        "slides": sorted(slides.values(), key=lambda entry: entry["content"]),
        "parts": summary.parts,
    }


def store_document(document: dict[str, Any]) -> tuple[str, str]:
    """Write the canonical form; return its storage key and SHA-256. Equal content gives the same file.

    The transaction of the caller holds the content until the row that refers to it is committed.
    """
    content = _canonical(document).encode()
    digest = hashlib.sha256(content).hexdigest()
    key = f"{FOLDER}/{digest}.json"
    lock_content(key)
    if not storage_path(key).exists():
        write_bytes(key, content)
    return key, digest


def read_document(snapshot: Snapshot) -> dict[str, Any]:
    """Return the stored labels; raises SnapshotDamagedError for an altered file."""
    path = storage_path(snapshot.storage_key)
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != snapshot.digest:
        message = Message(
            "snapshot_damaged",
            digest=snapshot.digest[:12],
        )
        raise SnapshotDamagedError(message)
    document: dict[str, Any] = json.loads(content)
    return document


def dataset_of(document: dict[str, Any], file_of: Callable[[str], tuple[Path, str]]) -> Dataset:
    """Return the dataset for recipes. ``file_of`` gives the file and the name of a slide by its id."""
    files = {entry["slide"]: file_of(entry["slide"]) for entry in document["slides"]}
    return Dataset(
        labels=tuple(label["name"] for label in document["labels"]),
        slides=tuple(
            LabelledSlide(
                path=files[entry["slide"]][0],
                name=files[entry["slide"]][1],
                case=entry["case"],
                content=entry["content"],
                shapes=tuple(_labelled_shape(item) for item in entry["shapes"]),
                finished=tuple(shape(item["geometry"]) for item in entry["finished"]),
                mpp=entry["mpp"],
                mpp_y=entry.get("mpp_y"),
                label=entry.get("diagnosis"),
                clinical=entry.get("clinical", {}),
                survival=_survival(entry.get("follow_up")),
            )
            for entry in document["slides"]
        ),
        parts=document["parts"],
        split_by=document["split_by"],
    )


def slides_of(document: dict[str, Any]) -> Iterable[str]:
    """Return the ids of the slides in a snapshot."""
    return [entry["slide"] for entry in document["slides"]]


def _slide_entry(slide: Slide) -> dict[str, Any]:
    return {
        "slide": str(slide.pk),
        "content": slide.sha256,
        "case": str(slide.case_id),
        "mpp": slide.mpp_x,
        "mpp_y": slide.mpp_y,
        "shapes": [],
        "finished": [],
    }


def _diagnosis_entry(item: Diagnosis, names: dict[str, str]) -> dict[str, Any]:
    case = item.slide.case
    return {
        "diagnosis": names.get(item.label),
        "clinical": case.clinical,
        "follow_up": None if case.months is None else {"months": case.months, "event": case.event},
    }


def _survival(follow_up: dict[str, Any] | None) -> Survival | None:
    return Survival(follow_up["months"], follow_up["event"]) if follow_up else None


def _shape_entry(item: PlannedShape, names: dict[str, str]) -> dict[str, Any]:
    mark = item.mark
    if mark is None:
        message = "a finished area is no shape"
        raise TypeError(message)
    return {
        "geometry": _geometry(item.geometry),
        "label": names[mark.label_id] if mark.label_id else None,
        "negative": mark.negative,
        "unit": item.unit,
        "source": mark.source,
    }


def _labelled_shape(item: dict[str, Any]) -> LabelledShape:
    return LabelledShape(
        geometry=shape(item["geometry"]),
        label=item["label"],
        negative=item["negative"],
        group=item["unit"],
    )


def _geometry(geometry: BaseGeometry) -> dict[str, Any]:
    exact: dict[str, Any] = mapping(shapely.set_precision(geometry, COORDINATE_GRID))
    return exact


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
