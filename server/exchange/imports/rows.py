"""Planned rows of an import: the outcome of each shape of a file."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ml.messages import Message
from server.annotations.geometry import KeptShape
from server.annotations.models import Annotation, Region
from server.exchange.formats.shapes import ForeignShape
from server.exchange.imports.classes import ClassMatch, ClassMatches
from server.exchange.imports.placement import Placement
from server.projects.models import Label


class Outcome(StrEnum):
    """Outcome of a row."""

    CREATED = "created"
    UPDATED = "updated"
    RESTORED = "restored"
    UNCHANGED = "already_there"
    CONFLICT = "conflict"
    SKIPPED = "skipped"


@dataclass(slots=True)
class PlannedRow:
    """One shape of a file, with its outcome.

    ``label`` is a label of the project; a label that is still to be created is in ``match``. ``changed``
    names the fields that an update sets. ``annotation`` and ``region`` are the rows that exist already.
    """

    row: int
    outcome: Outcome = Outcome.SKIPPED
    reason: Message | None = None
    shape: ForeignShape | None = None
    kept: KeptShape | None = None
    nucleus: dict[str, Any] | None = None
    match: ClassMatch | None = None
    label: Label | None = None
    id: uuid.UUID | None = None
    changed: tuple[str, ...] = ()
    is_mended: bool = False
    is_cut: bool = False
    annotation: Annotation | None = None
    region: Region | None = None
    is_region: bool = False

    def end(self, outcome: Outcome, reason: Message | None = None) -> None:
        """Set the outcome with its reason; a row that changes the slide keeps an earlier one, as "mended"."""
        self.outcome = outcome
        if reason is not None or not self.writes:
            self.reason = reason

    @property
    def writes(self) -> bool:
        """Return whether the row changes the slide."""
        return self.outcome in {Outcome.CREATED, Outcome.UPDATED, Outcome.RESTORED}

    @property
    def label_name(self) -> str | None:
        """Name of the label here, or of the class in the file where it has no label."""
        return self.label.name if self.label else self.match.name if self.match else None


@dataclass(slots=True)
class ImportPlan:
    """Outcome of every row of a file. ``missing`` counts annotations here that the file lacks.

    ``missing`` is 0 unless the file was exported from this slide.
    """

    rows: list[PlannedRow] = field(default_factory=list)
    classes: ClassMatches | None = None
    missing: int = 0
    placement: Placement | None = None

    def new_labels(self) -> list[tuple[str, ClassMatch]]:
        """Return the classes that become new labels: those of imported shapes."""
        used = {row.match.name: row.match for row in self.rows if row.writes and row.match is not None}
        return [(name, match) for name, match in used.items() if match.is_new]

    def count(self, *outcomes: Outcome) -> int:
        """Return the number of shapes with one of the outcomes."""
        return sum(row.outcome in outcomes for row in self.rows)
