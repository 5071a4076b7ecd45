"""Report of an import: counts, and the rows with their outcomes and reasons."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from ml.messages import Message
from server.exchange.formats.shapes import UnreadRow
from server.exchange.imports.rows import ImportPlan, Outcome, PlannedRow

# Rows that simply came in are named up to this number; rows with a reason come first.
MOST_ROWS: Final = 2000


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One row of a report."""

    row: int
    outcome: str
    id: str | None = None
    label: str | None = None
    reason: Message | None = None
    is_mended: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        own = {name: value for name, value in asdict(self).items() if name != "reason"}
        return {**own, "reason": self.reason.as_json() if self.reason else None}


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """Number of rows with one reason; ``reason`` is that of its first row."""

    count: int
    reason: Message

    def to_json(self) -> dict[str, Any]:
        """Return the count as JSON values."""
        return {"count": self.count, "reason": self.reason.as_json()}


@dataclass(slots=True)
class ImportReport:
    """Result of an import, or of its preview.

    ``created`` includes annotations that were deleted here and came back. ``mended`` and ``cut`` count shapes
    that differ from the file. ``missing`` counts annotations here that the file lacks,
    ``without_score`` the objects of a set that have no score, ``nuclei_left_out`` the nuclei of its cells.
    ``skipped_count`` counts the rows that are left out; ``skipped`` may name a part of them only.
    ``rows_left_out`` counts rows that ``rows`` has no room for; ``reasons`` count all rows by reason.
    ``warning`` is a message as JSON. ``job_id`` names the job that reads a large file.
    """

    created: int = 0
    updated: int = 0
    already_there: int = 0
    conflicts: int = 0
    mended: int = 0
    cut: int = 0
    missing: int = 0
    without_score: int = 0
    nuclei_left_out: int = 0
    skipped: list[UnreadRow] = field(default_factory=list)
    skipped_count: int = 0
    labels_created: list[str] = field(default_factory=list)
    rows: list[ReportRow] = field(default_factory=list)
    rows_left_out: int = 0
    reasons: list[ReasonCount] = field(default_factory=list)
    warning: dict[str, Any] | None = None
    job_id: uuid.UUID | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values, for the result of a job."""
        return {
            **{name: value for name, value in asdict(self).items() if isinstance(value, int)},
            "skipped": [{"row": row.row, "reason": row.reason.as_json()} for row in self.skipped[:MOST_ROWS]],
            "labels_created": self.labels_created,
            "rows": [row.to_json() for row in self.rows],
            "reasons": [reason.to_json() for reason in self.reasons],
            "warning": self.warning,
            "job_id": None,
        }


def report_of(plan: ImportPlan) -> ImportReport:
    """Return the report of a plan."""
    written = [row for row in plan.rows if row.writes]
    skipped = [
        UnreadRow(row.row, row.reason) for row in plan.rows if row.outcome == Outcome.SKIPPED and row.reason
    ]
    rows, left_out = _choose([_report_row(row) for row in plan.rows])
    return ImportReport(
        created=plan.count(Outcome.CREATED, Outcome.RESTORED),
        updated=plan.count(Outcome.UPDATED),
        already_there=plan.count(Outcome.UNCHANGED),
        conflicts=plan.count(Outcome.CONFLICT),
        mended=sum(row.is_mended for row in written),
        cut=sum(row.is_cut for row in written),
        missing=plan.missing,
        skipped=skipped,
        skipped_count=len({row.row for row in skipped}),
        labels_created=[name for name, _ in plan.new_labels()],
        rows=rows,
        rows_left_out=left_out,
        reasons=count_reasons(row.reason for row in plan.rows if row.reason),
        warning=plan.placement.warning.as_json() if plan.placement else None,
    )


def count_reasons(reasons: Iterable[Message]) -> list[ReasonCount]:
    """Return the number of rows by reason, the most frequent first."""
    by_code: dict[str, tuple[Message, int]] = {}
    for reason in reasons:
        first, count = by_code.get(reason.code, (reason, 0))
        by_code[reason.code] = first, count + 1
    counts = [ReasonCount(count, reason) for reason, count in by_code.values()]
    return sorted(counts, key=lambda each: -each.count)


def _report_row(row: PlannedRow) -> ReportRow:
    pk = None if row.outcome == Outcome.SKIPPED or row.id is None else str(row.id)
    return ReportRow(row.row, row.outcome, pk, row.label_name, row.reason, row.is_mended or row.is_cut)


def _choose(rows: Iterable[ReportRow]) -> tuple[list[ReportRow], int]:
    """Return at most ``MOST_ROWS`` rows, preferring those with a reason, and the number left out."""
    every = list(rows)
    notable = [row for row in every if row.reason or row.outcome != Outcome.CREATED]
    others = [row for row in every if not (row.reason or row.outcome != Outcome.CREATED)]
    chosen = sorted([*notable, *others][:MOST_ROWS], key=lambda row: row.row)
    return chosen, len(every) - len(chosen)
