"""Plan of the finished regions of a file. A region has no revisions: another outline is another region."""

from __future__ import annotations

import json
import uuid

from ml.messages import Message
from server.annotations.geometry import AREAS
from server.annotations.selectors import regions_with_ids
from server.exchange.imports.identity import Identity, Known, same_geometry
from server.exchange.imports.options import ImportOptions, Version
from server.exchange.imports.rows import Outcome, PlannedRow
from server.slides.models import Slide


def plan_region(
    planned: PlannedRow, slide: Slide, identity: Identity, known: Known, options: ImportOptions
) -> None:
    """Set the outcome of a finished region.

    An outline that was changed elsewhere revokes the region here and declares a new one.
    """
    planned.is_region = True
    if planned.kept is None or planned.kept.geometry["type"] not in AREAS:
        planned.end(Outcome.SKIPPED, Message("row_region_not_area"))
        return
    region = next((known.regions[pk] for pk in identity.named if pk in known.regions), None)
    planned.region = region
    changed_id = uuid.uuid5(slide.pk, json.dumps([str(identity.candidates[0]), planned.kept.geometry]))
    if region is not None and region.revoked_at is None:
        is_same = same_geometry(region.geometry, planned.kept.geometry)
        planned.id = region.pk if is_same else changed_id
        planned.end(Outcome.UNCHANGED if is_same else Outcome.UPDATED)
        return
    if region is None:
        planned.id = identity.new_id(known.taken)
        planned.end(Outcome.CREATED)
        return
    _plan_revoked(planned, changed_id, options)


def _plan_revoked(planned: PlannedRow, changed_id: uuid.UUID, options: ImportOptions) -> None:
    """Plan a region that was revoked here, by a user or by an earlier import of the same outline."""
    replacement = regions_with_ids([changed_id]).first()
    planned.id = changed_id
    if replacement is not None and replacement.revoked_at is None:
        planned.end(Outcome.UNCHANGED)
    elif options.conflicts == Version.FILE:
        planned.id = uuid.uuid4() if replacement else changed_id
        planned.end(Outcome.CREATED)
    else:
        reason = Message("row_region_revoked_here")
        planned.end(Outcome.CONFLICT, reason)
