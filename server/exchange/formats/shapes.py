"""Rows of imported files: the contract between the readers of file formats and both ways of import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ml.messages import Message


@dataclass(frozen=True, slots=True)
class ForeignShape:
    """One shape of a file, in level-0 pixels of the slide, not yet checked against the slide.

    Parameters
    ----------
    row
        Number of the feature in the file, from 0. The shapes of one feature (parts of a collection, its
        child objects) share their row.
    id
        Identifier in the file; None where the file has none or where several shapes share it.
    shape
        A value of ``Annotation.Shape``.
    geometry
        GeoJSON Point, LineString, Polygon or MultiPolygon.
    label, colour
        Class, at most 100 characters, and its colour as ``#rrggbb``; None where the file has none.
    note
        Free text, empty where the file has none.
    author
        User name in a file that was exported from here.
    score, uncertainty
        Numbers from 0 to 1; None where the file has none or where the number is not usable.
    reviewed
        False for a proposal that no person has reviewed.
    nucleus
        GeoJSON area of the nucleus of a cell.
    parent_id
        ``id`` of the object that holds this one in the file.
    is_finished_region
        True for a finished region, which is not an annotation.
    measurements
        Other numbers of the object by name.
    revision
        Revision of the annotation when the file was exported from here; None in other files.
    label_id
        Id of the label when the file was exported from here, while the class in the file still has the name
        that the label had then; None otherwise.

    """

    row: int
    id: str | None
    shape: str
    geometry: dict[str, Any]
    label: str | None
    colour: str | None
    note: str
    author: str | None = None
    score: float | None = None
    reviewed: bool = True
    nucleus: dict[str, Any] | None = None
    parent_id: str | None = None
    is_finished_region: bool = False
    measurements: Mapping[str, float] = field(default_factory=dict)
    uncertainty: float | None = None
    revision: int | None = None
    label_id: str | None = None


@dataclass(frozen=True, slots=True)
class UnreadRow:
    """A row that is left out, or a part of it, with the reason."""

    row: int
    reason: Message
