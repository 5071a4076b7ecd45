"""Report of the import of an object file: its first rows one by one, all rows by reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ml.messages import Message
from server.exchange.errors import BadObjectFileError
from server.exchange.formats.shapes import UnreadRow
from server.exchange.imports.report import ImportReport, ReasonCount, ReportRow
from server.exchange.imports.rows import Outcome
from server.exchange.object_files.batches import NUCLEUS_LEFT_OUT, Batch
from server.jobs.runner import JobRun

# Of a file with many bad rows so many are named in the log; the rest is counted, by reason.
MOST_NAMED: Final = 1000
# Rows of one kind in the result of a job, which lists of jobs carry too.
MOST_IN_RESULT: Final = 250


@dataclass(slots=True)
class RowsByReason:
    """Reported rows: the first one by one, all of them counted by reason."""

    named: list[UnreadRow] = field(default_factory=list)
    count: int = 0
    # By code: the reason as its first row has it, and how many rows have it.
    reasons: dict[str, tuple[Message, int]] = field(default_factory=dict)

    def add(self, rows: list[UnreadRow]) -> None:
        """Add the rows of a batch; a row with several reasons is one row."""
        self.count += len({row.row for row in rows})
        self.named += rows[: max(0, MOST_NAMED - len(self.named))]
        for row in rows:
            first, count = self.reasons.get(row.reason.code, (row.reason, 0))
            self.reasons[row.reason.code] = first, count + 1

    def lines(self) -> Iterator[Message]:
        """Yield a message for each named row, and for each reason when not all rows are named."""
        for row in self.named:
            yield Message("row_refused", row=row.row, reason=row.reason)
        if self.reason_count > len(self.named):
            for reason, count in self.reasons.values():
                yield Message("rows_in_all", count=count, reason=reason)

    @property
    def reason_count(self) -> int:
        """Number of rows, a row with several reasons once for each."""
        return sum(count for _, count in self.reasons.values())


@dataclass(slots=True)
class ObjectFileReport:
    """Rows of a file that are invalid, excluded or imported incompletely, and changed shapes."""

    bad: RowsByReason = field(default_factory=RowsByReason)
    left_out: RowsByReason = field(default_factory=RowsByReason)
    notes: RowsByReason = field(default_factory=RowsByReason)
    mended: int = 0
    cut: int = 0
    without_score: int = 0
    late_classes: list[ReasonCount] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        """Add the rows of a batch."""
        self.bad.add(batch.bad)
        self.left_out.add(batch.left_out)
        self.notes.add(batch.notes)
        self.mended += batch.mended
        self.cut += batch.cut
        self.without_score += batch.without_score

    @property
    def skipped(self) -> int:
        """Number of rows that are invalid or excluded."""
        return self.bad.count + self.left_out.count

    def refuse(self) -> None:
        """Raise BadObjectFileError when a row is invalid."""
        if not self.bad.count:
            return
        first = self.bad.named[0]
        message = Message(
            "rows_refused",
            count=self.bad.count,
            row=first.row,
            reason=first.reason,
        )
        raise BadObjectFileError(message, report=list(self.bad.lines()))

    def log(self, run: JobRun) -> None:
        """Write the rows that were left out or imported incompletely to the log of the job."""
        for line in (*self.bad.lines(), *self.left_out.lines(), *self.notes.lines()):
            run.log(line, level="warning")
        for each in self.late_classes:
            line = Message("rows_in_all", count=each.count, reason=each.reason)
            run.log(line, level="warning")
        if self.without_score:
            run.log(Message("objects_without_score", count=self.without_score))
        if self.mended:
            run.log(Message("outlines_mended", count=self.mended))
        if self.cut:
            run.log(Message("outlines_cut", count=self.cut))

    def to_import_report(self, created: int) -> ImportReport:
        """Return the report of an import that ``created`` objects."""
        kinds = (
            (self.bad, Outcome.SKIPPED),
            (self.left_out, Outcome.SKIPPED),
            (self.notes, Outcome.CREATED),
        )
        rows = [
            ReportRow(row.row, outcome, reason=row.reason)
            for group, outcome in kinds
            for row in group.named[:MOST_IN_RESULT]
        ]
        skipped = [*self.bad.named[:MOST_IN_RESULT], *self.left_out.named[:MOST_IN_RESULT]]
        by_row = [each for group, _ in kinds for each in group.reasons.values()]
        reasons = [*(ReasonCount(count, reason) for reason, count in by_row), *self.late_classes]
        return ImportReport(
            created=created,
            mended=self.mended,
            cut=self.cut,
            without_score=self.without_score,
            nuclei_left_out=self.notes.reasons.get(NUCLEUS_LEFT_OUT.code, (NUCLEUS_LEFT_OUT, 0))[1],
            skipped=sorted(skipped, key=lambda row: row.row),
            skipped_count=self.skipped,
            rows=sorted(rows, key=lambda row: row.row),
            rows_left_out=sum(each.count for each in reasons) - len(rows),
            reasons=reasons,
        )
