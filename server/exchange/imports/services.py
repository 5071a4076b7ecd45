"""Import of annotations from files of other programs, and from our own exports."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from ml.messages import Message
from server.accounts.models import User
from server.annotations.checked import Change
from server.annotations.policies import annotation_policy
from server.annotations.services import apply_changes, declare_finished, revoke_finished
from server.audit.services import record
from server.core.errors import ConflictError
from server.core.services import service
from server.exchange.errors import NotReviewedError, RowsRefusedError
from server.exchange.formats.archives import Scan, SlideName
from server.exchange.formats.shapes import ForeignShape, UnreadRow
from server.exchange.imports.comparison import shape_after
from server.exchange.imports.letter_case import refuse_open_questions
from server.exchange.imports.options import ImportOptions
from server.exchange.imports.plan import plan_import
from server.exchange.imports.report import ImportReport, report_of
from server.exchange.imports.rows import ImportPlan, Outcome, PlannedRow
from server.exchange.reading import read_rows as read_rows_of_file
from server.projects.services import create_label
from server.slides.models import Slide
from server.slides.selectors import require_ready, slide_path

BATCH: Final = 1000
# Somebody may change an annotation between the plan and the write: then the plan is made again.
ATTEMPTS: Final = 3


def import_shapes(
    *, actor: User, slide: Slide, content: bytes, filename: str, options: ImportOptions
) -> ImportReport:
    """Import the shapes of a file as annotations and finished regions; repeating it adds nothing.

    An annotation that was exported from here is recognised by its id and updated. Rows that cannot be kept
    are reported and the others come in, unless the options are strict. Reading and geometry come before the
    transaction.

    Raises
    ------
    NotReviewedError
        The file holds proposals, which become an object set: see ``queue_object_file``.
    ClassQuestionError
        A class differs from a label or another class in letter case only, and the options have no mapping
        for it.
    RowsRefusedError
        The options are strict and a row cannot be kept.
    BadMappingError
        The options map a class to a label that the project does not have.

    """
    rows = read_rows(actor, slide, content, filename)
    for attempt in range(1, ATTEMPTS + 1):
        plan = plan_import(actor, slide, rows, options)
        if plan.classes is not None:
            refuse_open_questions(plan.classes.open_questions())
        if options.strict:
            _refuse_bad_rows(plan)
        try:
            _write_plan(actor=actor, slide=slide, plan=plan, filename=filename)
            break
        except ConflictError:
            if attempt == ATTEMPTS:
                raise
    return report_of(plan)


def read_rows(actor: User, slide: Slide, content: bytes, filename: str) -> list[ForeignShape | UnreadRow]:
    """Return the rows of a file for a slide; raises NotReviewedError, ContentError or NotAllowedError."""
    annotation_policy.require(actor, slide.project, "draw")
    require_ready(slide)
    rows = read_rows_of_file(content, filename, slide=name_of(slide))
    if not all(row.reviewed for row in rows if isinstance(row, ForeignShape)):
        message = Message("shapes_not_reviewed")
        raise NotReviewedError(message)
    return rows


def name_of(slide: Slide) -> SlideName:
    """Return the content hash and name that identify the part of a slide in a file."""
    mpp_x, mpp_y = slide.file_mpp_x or slide.mpp_x, slide.file_mpp_y or slide.mpp_y
    if mpp_x is None or mpp_y is None or not slide.source_key:
        return SlideName(slide.sha256, slide.name)
    scan = Scan(slide_path(slide), (mpp_x, mpp_y), (slide.width, slide.height))
    return SlideName(slide.sha256, slide.name, scan)


@service
def _write_plan(*, actor: User, slide: Slide, plan: ImportPlan, filename: str) -> None:
    """Write a plan: new labels, annotations, finished regions."""
    for name, match in plan.new_labels():
        match.label = create_label(
            actor=actor,
            project=slide.project,
            name=name,
            colour=match.colour,
            allow_similar_name=match.is_answered,
        )
    changes = [change for row in plan.rows if row.writes and not row.is_region for change in _changes(row)]
    for start in range(0, len(changes), BATCH):
        batch = changes[start : start + BATCH]
        apply_changes(actor=actor, slide=slide, changes=batch, may_use_retired=True)
    _write_regions(actor, slide, [row for row in plan.rows if row.writes and row.is_region])
    record(
        actor=actor,
        action="annotation.import",
        subject=slide,
        project=slide.project,
        details={
            "file": filename,
            "created": plan.count(Outcome.CREATED, Outcome.RESTORED),
            "updated": plan.count(Outcome.UPDATED),
            "conflicts": plan.count(Outcome.CONFLICT),
            "skipped": plan.count(Outcome.SKIPPED),
        },
    )


def _changes(row: PlannedRow) -> list[Change]:
    """Return the changes of one row: a deleted annotation is restored and then changed."""
    if row.id is None:
        return []
    if row.annotation is None:
        return [Change("create", row.id, None, _new_values(row), row.kept)]
    restored = row.outcome == Outcome.RESTORED
    revision = row.annotation.revision + restored
    changes = [Change("restore", row.id)] if restored else []
    values = _changed_values(row)
    if values:
        kept = row.kept if "geometry" in values else None
        changes.append(Change("update", row.id, revision, values, kept))
    return changes


def _new_values(row: PlannedRow) -> dict[str, Any]:
    shape = row.shape
    if shape is None or row.kept is None:
        return {}
    source = {
        "author": shape.author,
        "score": _known(shape.score),
        "uncertainty": _known(shape.uncertainty),
        "measurements": dict(shape.measurements),
    }
    return {
        "label_id": _label_id(row),
        "shape": shape.shape,
        "geometry": row.kept.geometry,
        "note": shape.note,
        "nucleus": row.nucleus,
        "source": {name: value for name, value in source.items() if value not in (None, {})},
    }


def _known(share: float | None) -> float | None:
    """Return a number from 0 to 1; None also for an invalid one."""
    return None if share is None or math.isnan(share) else share


def _changed_values(row: PlannedRow) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if row.shape is None or row.kept is None or row.annotation is None:
        return values
    if "label_id" in row.changed:
        values["label_id"] = _label_id(row)
    if "geometry" in row.changed:
        values |= {"geometry": row.kept.geometry, "shape": shape_after(row.annotation, row)}
    if "shape" in row.changed:
        values |= {"geometry": row.annotation.geometry, "shape": row.shape.shape}
        values["nucleus"] = row.annotation.nucleus
    if "note" in row.changed:
        values["note"] = row.shape.note
    if "geometry" in row.changed or (row.nucleus and "nucleus" in row.changed):
        values["nucleus"] = row.nucleus
    return values


def _label_id(row: PlannedRow) -> Any:
    label = row.label or (row.match.label if row.match else None)
    return label.pk if label else None


def _write_regions(actor: User, slide: Slide, rows: Sequence[PlannedRow]) -> None:
    for row in rows:
        if row.outcome == Outcome.UPDATED and row.region is not None:
            revoke_finished(actor=actor, region=row.region)
        if row.id is not None and row.kept is not None:
            declare_finished(actor=actor, slide=slide, region_id=row.id, geometry=row.kept)


def _refuse_bad_rows(plan: ImportPlan) -> None:
    """Raise RowsRefusedError when a row is invalid. Rows of classes that the user leaves out are not."""
    bad = [
        row
        for row in plan.rows
        if row.outcome == Outcome.SKIPPED
        and not (row.match and row.match.is_chosen and row.match.is_left_out)
    ]
    if not bad:
        return
    message = Message(
        "rows_refused",
        count=len(bad),
        row=bad[0].row,
        reason=bad[0].reason or Message("verbatim", text=""),
    )
    raise RowsRefusedError(
        message, rows=[row.to_json() for row in report_of(plan).rows if row.outcome == "skipped"]
    )
