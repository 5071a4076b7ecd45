"""Comparison of a file's shapes with the slide's annotations: new, changed, equal, or in conflict."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any, Final

import shapely
from shapely.geometry import shape as to_shapely

from ml.messages import Message
from server.accounts.models import User
from server.annotations.errors import NotYoursError
from server.annotations.models import Annotation, Revision
from server.annotations.policies import annotation_policy, require_may_edit
from server.annotations.selectors import current_annotations
from server.exchange.imports.identity import Identity, Known, load_revisions, same_geometry
from server.exchange.imports.options import ImportOptions, Version
from server.exchange.imports.rows import Outcome, PlannedRow
from server.slides.models import Slide

# A program that knows no other shapes calls all of these a polygon.
OUTLINES: Final = frozenset({"polygon", "freehand", "brush"})
# Fields that change together.
_OUTLINE: Final = frozenset({"geometry", "shape", "nucleus"})


class Comparison:
    """Comparison of one file with one slide. Add every row, then finish."""

    def __init__(self, actor: User, slide: Slide, known: Known, options: ImportOptions) -> None:
        self._actor, self._slide, self._known, self._options = actor, slide, known, options
        self._role = annotation_policy.require(actor, slide.project, "draw")
        self._named: set[uuid.UUID] = set()
        self._claimed: set[uuid.UUID] = set()
        self._changed: list[PlannedRow] = []

    def annotation_of(self, identity: Identity) -> Annotation | None:
        """Return the annotation of the slide that a shape may correspond to."""
        known = self._known.annotations
        return next((known[pk] for pk in identity.candidates if pk in known), None)

    def add(self, planned: PlannedRow, identity: Identity) -> None:
        """Match a row to an annotation and set its outcome, except where earlier revisions decide."""
        annotation, is_named = self._match(planned, identity)
        planned.annotation = annotation
        planned.id = annotation.pk if annotation else identity.new_id(self._known.taken)
        if planned.id in self._claimed:
            planned.end(Outcome.UNCHANGED, Message("row_repeated"))
            return
        self._claimed.add(planned.id)
        if annotation is None:
            planned.end(Outcome.CREATED)
            return
        if is_named:
            self._named.add(annotation.pk)
            planned.changed = differences(annotation, planned)
        if annotation.deleted_at is not None and not is_named:
            self._write(planned, Outcome.RESTORED)
        elif annotation.deleted_at is None and not planned.changed:
            planned.end(Outcome.UNCHANGED)
        else:
            self._changed.append(planned)

    def finish(self) -> None:
        """Set the outcome of the rows that differ from the annotation here."""
        load_revisions(self._known, [row.annotation.pk for row in self._changed if row.annotation])
        for row in self._changed:
            if row.annotation is not None:
                self._decide(row, row.annotation)

    def count_missing(self) -> int:
        """Count the annotations here that the file lacks; 0 unless it names an annotation by its id."""
        if not self._named:
            return 0
        here = current_annotations().filter(slide=self._slide)
        return len(set(here.values_list("pk", flat=True)) - self._claimed)

    def _match(self, planned: PlannedRow, identity: Identity) -> tuple[Annotation | None, bool]:
        known = self._known.annotations
        for pk in identity.named:
            if pk in known:
                return known[pk], True
        shared = known.get(identity.shared) if identity.shared else None
        if shared is not None and shared.pk not in self._claimed and not differences(shared, planned):
            return shared, True
        if identity.content in known:
            return known[identity.content], False
        former = known.get(identity.former)
        if former is not None and planned.shape is not None and former.note == planned.shape.note:
            return former, False
        return None, False

    def _decide(self, row: PlannedRow, annotation: Annotation) -> None:
        revisions = self._known.revisions.get(annotation.pk, [])
        base = row.shape.revision if row.shape else None
        if base is not None and base > annotation.revision:
            # Counted by another installation.
            base = None
        changed = Outcome.RESTORED if annotation.deleted_at else Outcome.UPDATED
        if base == annotation.revision:
            self._write(row, changed)
            return
        exported = next((each for each in revisions if each.number == base), None)
        if annotation.deleted_at is None and exported is not None:
            self._merge(row, annotation, exported)
            return
        earlier = [each for each in revisions if base is None and each.number < annotation.revision]
        if annotation.deleted_at is None and any(_equals(row, each) for each in earlier):
            row.end(Outcome.UNCHANGED, _newer_here())
        elif self._options.conflicts == Version.FILE or (base is None and self._is_own(revisions)):
            self._write(row, changed)
        else:
            row.end(Outcome.CONFLICT, _conflict(annotation, revisions))

    def _merge(self, row: PlannedRow, annotation: Annotation, exported: Revision) -> None:
        """Plan the fields that the file changed since the export, unless they were changed here too."""
        in_file = _with_outline(differences(exported, row))
        here = _fields_changed_here(annotation, exported)
        row.changed = tuple(name for name in row.changed if name in in_file)
        revisions = self._known.revisions[annotation.pk]
        if not row.changed:
            row.end(Outcome.UNCHANGED, _newer_here())
        elif self._options.conflicts == Version.HERE and here.intersection(row.changed):
            row.end(Outcome.CONFLICT, _conflict(annotation, revisions))
        else:
            self._write(row, Outcome.UPDATED)

    def _is_own(self, revisions: list[Revision]) -> bool:
        """Return whether the actor alone changed an annotation after its first revision."""
        return all(each.author_id == self._actor.pk for each in revisions[1:])

    def _write(self, row: PlannedRow, outcome: Outcome) -> None:
        """Plan a change of an annotation, if the actor has the permission."""
        if row.annotation is None:
            return
        try:
            require_may_edit(self._actor, self._role, row.annotation)
        except NotYoursError as error:
            row.end(Outcome.SKIPPED, error.detail)
        else:
            row.end(outcome)


def differences(annotation: Annotation | Revision, row: PlannedRow) -> tuple[str, ...]:
    """Return the fields in which the shape of a file differs from an annotation, or from one revision of it.

    A nucleus that the file lacks is not a difference, nor is the general shape ``polygon``: other programs
    drop both. A box of the same outline may have any tool's shape.
    """
    if row.kept is None or row.shape is None:
        return ()
    changed = []
    if _label_differs(row, annotation.label_id):
        changed.append("label_id")
    if not same_geometry(row.kept.geometry, annotation.geometry):
        changed.append("geometry")
    elif row.shape.shape not in {annotation.shape, "polygon", "rectangle"}:
        changed.append("shape")
    if row.shape.note.strip() != annotation.note.strip():
        changed.append("note")
    if row.nucleus and not (annotation.nucleus and same_geometry(row.nucleus, annotation.nucleus)):
        changed.append("nucleus")
    return tuple(changed)


def shape_after(annotation: Annotation, row: PlannedRow) -> str:
    """Return the shape of an annotation whose geometry the file changed."""
    shape = row.shape.shape if row.shape else annotation.shape
    if shape != "polygon" or row.kept is None:
        return shape
    if annotation.shape in OUTLINES:
        return annotation.shape
    outline = to_shapely(row.kept.geometry)
    is_box = annotation.shape == "rectangle" and bool(shapely.equals(outline, outline.envelope))
    return "rectangle" if is_box else shape


def _label_differs(row: PlannedRow, label_id: uuid.UUID | None) -> bool:
    is_new = row.label is None and row.match is not None and row.match.is_new
    return is_new or (row.label.pk if row.label else None) != label_id


def _fields_changed_here(annotation: Annotation, exported: Revision) -> frozenset[str]:
    """Return the fields of an annotation that were changed here after a revision."""
    names = ("label_id", "note", "geometry", "shape", "nucleus")
    return _with_outline(name for name in names if getattr(annotation, name) != getattr(exported, name))


def _with_outline(fields: Iterable[str]) -> frozenset[str]:
    """Return the fields, and all that belong to the outline where one of them does."""
    changed = frozenset(fields)
    return changed | _OUTLINE if changed & _OUTLINE else changed


def _newer_here() -> Message:
    return Message("row_newer_here")


def _equals(row: PlannedRow, revision: Revision) -> bool:
    if row.kept is None or row.shape is None:
        return False
    is_same = row.shape.note.strip() == revision.note.strip() and not _label_differs(row, revision.label_id)
    geometry: dict[str, Any] = revision.geometry
    return is_same and same_geometry(row.kept.geometry, geometry)


def _conflict(annotation: Annotation, revisions: list[Revision]) -> Message:
    author = revisions[-1].author if revisions else annotation.author
    if annotation.deleted_at is not None:
        return Message("row_deleted_here", author=author.display_name)
    return Message("row_changed_here", author=author.display_name)
