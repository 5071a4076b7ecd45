"""Service that changes several fields of a slide in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from ml.slides.resolution import Resolution
from server.accounts.models import User
from server.audit.seen import ComparedValues, refuse_unseen
from server.core.inputs import UNSET, FieldChanges, Unset
from server.core.services import nothing_written, service
from server.projects.selectors import get_label
from server.slides.cases.diagnosis import diagnose_slide
from server.slides.models import Slide
from server.slides.services import mark_progress, update_slide
from server.slides.viewing.services import correct_resolution

_ACTIONS: Final = (
    "slide.changed", "slide.diagnosed", "slide.progress_marked", "slide.resolution_corrected",
    "slide.resolution_reverted", "slide.resolution_read",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SlideChanges(FieldChanges):
    """New name, case (its pseudonym), diagnosis, resolution (None is the file's own) or progress."""

    name: str | Unset = UNSET
    case: str | Unset = UNSET
    label_id: UUID | Unset | None = UNSET
    resolution: Mapping[str, float] | Unset | None = UNSET
    progress_state: str | Unset = UNSET


@service
def change_slide(*, actor: User, slide: Slide, changes: SlideChanges) -> None:
    """Make all of the changes or none.

    Each is refused by its own service; what an earlier one has written is then undone. See ``refuse_unseen``.
    """
    nothing_written()
    if changes.seen is not None:
        _refuse_unseen(slide, changes, changes.seen)
    if changes.label_id is not UNSET:
        label = get_label(slide.project, changes.label_id) if changes.label_id else None
        diagnose_slide(actor=actor, slide=slide, label=label)
    if changes.resolution is not UNSET:
        resolution = Resolution(**changes.resolution) if changes.resolution else None
        correct_resolution(actor=actor, slide=slide, resolution=resolution)
    if changes.name is not UNSET or changes.case is not UNSET:
        update_slide(
            actor=actor,
            slide=slide,
            name=None if changes.name is UNSET else changes.name,
            case=None if changes.case is UNSET else changes.case,
        )
    if changes.progress_state is not UNSET:
        mark_progress(actor=actor, slide=slide, progress_state=changes.progress_state)


def _refuse_unseen(slide: Slide, changes: SlideChanges, seen: Mapping[str, Any]) -> None:
    locked = Slide.objects.select_for_update(of=("self",)).select_related("case", "project").get(pk=slide.pk)
    # Labels by their names, because the person reads them.
    names = {str(label.pk): label.name for label in locked.project.labels.all()}
    resolution = locked.resolution
    stored = {
        "name": locked.name,
        "case": locked.case.pseudonym if locked.case else "",
        "label_id": names.get(str(locked.label_id)),
        "resolution": {"x": resolution.x, "y": resolution.y} if resolution else None,
        "progress_state": locked.progress_state,
    }
    was, new = (
        {name: names.get(str(value)) if name == "label_id" else value for name, value in each.items()}
        for each in (seen, changes.new_values())
    )
    if not locked.progress_marked:
        # It went on by itself with the first work.
        was.pop("progress_state", None)
    refuse_unseen(locked, ComparedValues(was, stored, new), actions=_ACTIONS)
