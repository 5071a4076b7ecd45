"""Bringing annotations in from files of other programs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ml.contracts import Sentence
from server.accounts.models import User
from server.annotations.errors import BadGeometryError
from server.annotations.geometry import keep_shape
from server.annotations.models import Annotation, Region
from server.annotations.policies import annotation_policy
from server.annotations.services import Change, apply_changes
from server.audit.services import record
from server.core.services import service
from server.exchange.errors import NotReviewedError
from server.exchange.foreign import read_shapes
from server.exchange.geojson import ForeignShape, UnreadRow
from server.projects.models import Label
from server.projects.services import create_label
from server.slides.models import Slide

# Colour-blind-safe (Okabe and Ito, 2008), for labels that come without a colour.
PALETTE: Final = ("#d55e00", "#0072b2", "#009e73", "#e69f00", "#56b4e9", "#cc79a7", "#f0e442")
BATCH: Final = 1000


@dataclass(slots=True)
class Imported:
    """What became of a file. ``skipped`` names rows with the reason; ``job_id`` who is still reading it."""

    created: int = 0
    already_there: int = 0
    mended: int = 0
    skipped: list[UnreadRow] = field(default_factory=list)
    labels_created: list[str] = field(default_factory=list)
    job_id: uuid.UUID | None = None


@service
def import_shapes(
    *, actor: User, slide: Slide, content: bytes, filename: str, create_labels: bool
) -> Imported:
    """Make annotations of the shapes of a file (see ``read_shapes``); the same file twice adds nothing.

    Raises NotReviewedError for a file with proposals: they are suggestions, see ``queue_object_file``.

    Shapes without a class become annotations without a label. Rows that cannot be kept are named;
    the others come in. Making labels needs the role manager.
    """
    annotation_policy.require(actor, slide.project, "draw")
    result = Imported()
    rows = read_shapes(content, filename)
    shapes = [row for row in rows if isinstance(row, ForeignShape)]
    if not all(shape.reviewed for shape in shapes):
        message = Sentence(
            "shapes_not_reviewed", "The file holds proposals that nobody has reviewed; bring them as objects."
        )
        raise NotReviewedError(message)
    result.skipped += [row for row in rows if isinstance(row, UnreadRow)]
    labels = _labels(actor, slide, shapes, result, create=create_labels)
    standing = _standing(slide, shapes)
    changes: list[Change] = []
    for shape in shapes:
        change = _change(slide, shape, labels, result)
        if change is None:
            continue
        if standing.get(shape.id or "") == (change.values["geometry"], change.values["label_id"]):
            result.already_there += 1
        else:
            changes.append(change)
    fresh = _only_new(changes, result)
    for start in range(0, len(fresh), BATCH):
        apply_changes(actor=actor, slide=slide, changes=fresh[start : start + BATCH])
    result.created = len(fresh)
    record(
        actor=actor,
        action="annotation.import",
        subject=slide,
        project=slide.project,
        details={"file": filename, "created": result.created, "skipped": len(result.skipped)},
    )
    return result


def _labels(
    actor: User, slide: Slide, shapes: Sequence[ForeignShape], result: Imported, *, create: bool
) -> dict[str, Label]:
    known = {
        label.name.lower(): label
        for label in Label.objects.filter(project_id=slide.project_id, retired_at__isnull=True)
    }
    wanted = {shape.label: shape.colour for shape in shapes if shape.label}
    for name, colour in wanted.items():
        if create and name.lower() not in known:
            chosen = colour or PALETTE[len(known) % len(PALETTE)]
            known[name.lower()] = create_label(actor=actor, project=slide.project, name=name, colour=chosen)
            result.labels_created.append(name)
    return known


def _change(slide: Slide, shape: ForeignShape, labels: dict[str, Label], result: Imported) -> Change | None:
    label = labels.get(shape.label.lower()) if shape.label else None
    if shape.label and label is None:
        result.skipped.append(
            UnreadRow(
                shape.row,
                Sentence("row_label_unknown", "The project has no label '{label}'.", label=str(shape.label)),
            )
        )
        return None
    try:
        kept = keep_shape(shape.geometry, shape.shape, (slide.width, slide.height))
    except BadGeometryError as error:
        result.skipped.append(UnreadRow(shape.row, error.detail))
        return None
    result.mended += kept.mended
    values: dict[str, Any] = {
        "label_id": label.pk if label else None,
        "shape": shape.shape,
        "geometry": kept.geometry,
        "note": shape.note,
    }
    return Change("create", _stable_id(slide, shape), None, values)


def _standing(slide: Slide, shapes: Sequence[ForeignShape]) -> dict[str, tuple[Any, Any]]:
    """Return geometry and label by id of what stands on the slide under the ids that a file names.

    A file that was exported here names annotations and finished regions by their own ids.
    """
    ids = [pk for pk in map(_uuid, {shape.id for shape in shapes if shape.id}) if pk is not None]
    found: dict[str, tuple[Any, Any]] = {}
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        drawn = Annotation.objects.filter(pk__in=batch, slide=slide, deleted_at__isnull=True)
        found |= {
            str(pk): (shape, label) for pk, shape, label in drawn.values_list("pk", "geometry", "label")
        }
        finished = Region.objects.filter(pk__in=batch, slide=slide, revoked_at__isnull=True)
        found |= {str(row.pk): (row.geometry, None) for row in finished}
    return found


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except (ValueError, TypeError):
        return None


def _stable_id(slide: Slide, shape: ForeignShape) -> uuid.UUID:
    """Return the same id for the same shape on the same slide, so that a file may come twice."""
    told = json.dumps([shape.id, shape.geometry, shape.label], sort_keys=True, default=str)
    return uuid.uuid5(slide.pk, told)


def _only_new(changes: Sequence[Change], result: Imported) -> list[Change]:
    """Return what is to be made, and to be brought back because it came before and was deleted."""
    by_id = {change.id: change for change in changes}
    known: dict[uuid.UUID, Any] = {}
    ids = list(by_id)
    for start in range(0, len(ids), BATCH):
        found = Annotation.objects.filter(pk__in=ids[start : start + BATCH])
        known |= dict(found.values_list("pk", "deleted_at"))
    fresh = [change for pk, change in by_id.items() if pk not in known]
    fresh += [Change("restore", pk) for pk, deleted_at in known.items() if deleted_at is not None]
    result.already_there += len(changes) - len(fresh)
    return fresh
