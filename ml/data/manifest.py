"""The split of a model's data, stored beside its weights, so that it is never tested on its training data."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ml.contracts import Dataset
from ml.storage.hashing import content_hash

NAME: Final = "split.json"


def dataset_identity(dataset: Dataset) -> str:
    """Return a SHA-256 over labels, file contents and annotations, whatever the files are called."""
    entries = []
    for image in dataset.images:
        mask = content_hash(image.mask) if image.mask else ""
        kinds = [content_hash(image.kinds), *image.names] if image.kinds else []
        entries.append([content_hash(image.path), image.label or "", mask, *kinds])
    for slide in dataset.slides:
        shapes = sorted([s.geometry.wkb_hex, s.label or "", str(s.negative)] for s in slide.shapes)
        regions = sorted(region.wkb_hex for region in slide.finished)
        facts: list[Any] = [shapes, regions]
        if slide.label or slide.clinical or slide.survival:
            follow = [slide.survival.months, slide.survival.event] if slide.survival else None
            facts.append([slide.label, slide.case, dict(sorted(slide.clinical.items())), follow])
        entries.append([slide.content, json.dumps(facts), "slide"])
    document = json.dumps([list(dataset.labels), sorted(entries)])
    return hashlib.sha256(document.encode()).hexdigest()


def write_split(folder: Path, dataset: Dataset) -> None:
    """Write the part of each unit."""
    document = {
        "identity": dataset_identity(dataset),
        "split_by": dataset.split_by,
        "parts": dict(sorted(dataset.parts.items())),
    }
    text = json.dumps(document, indent=2, ensure_ascii=False)
    (folder / NAME).write_text(text + "\n", encoding="utf-8")


def with_stored_split(folder: Path, dataset: Dataset) -> Dataset | None:
    """Return the dataset with the split it was learned under; None where the data differ."""
    path = folder / NAME
    if not path.is_file():
        return None
    document = json.loads(path.read_text(encoding="utf-8"))
    if document["identity"] != dataset_identity(dataset):
        return None
    return replace(dataset, parts=document["parts"], split_by=document["split_by"])
