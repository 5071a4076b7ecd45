"""Service that changes several fields of a slide in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ml.slides.resolution import Resolution
from server.accounts.models import User
from server.audit.seen import refuse_unseen
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


@service
def change_slide(
    *, actor: User, slide: Slide, changes: dict[str, Any], seen: Mapping[str, Any] | None = None
) -> None:
    """Make all of the changes or none: name, case, ``label_id``, ``resolution``, ``progress_state``.

    Each is refused by its own service; what an earlier one has written is then undone. See ``refuse_unseen``.
    """
    nothing_written()
    if seen is not None:
        _refuse_unseen(slide, changes, seen)
    if "label_id" in changes:
        key = changes["label_id"]
        diagnose_slide(actor=actor, slide=slide, label=get_label(slide.project, key) if key else None)
    if "resolution" in changes:
        resolution = Resolution(**changes["resolution"]) if changes["resolution"] else None
        correct_resolution(actor=actor, slide=slide, resolution=resolution)
    if names := {name: changes[name] for name in ("name", "case") if name in changes}:
        update_slide(actor=actor, slide=slide, **names)
    if "progress_state" in changes:
        mark_progress(actor=actor, slide=slide, progress_state=changes["progress_state"])


def _refuse_unseen(slide: Slide, changes: Mapping[str, Any], seen: Mapping[str, Any]) -> None:
    locked = Slide.objects.select_for_update(of=("self",)).select_related("case", "project").get(pk=slide.pk)
    # Labels by their names, because the person reads them.
    names = {str(label.pk): label.name for label in locked.project.labels.all()}
    resolution = locked.resolution
    now = {
        "name": locked.name,
        "case": locked.case.pseudonym if locked.case else "",
        "label_id": names.get(str(locked.label_id)),
        "resolution": {"x": resolution.x, "y": resolution.y} if resolution else None,
        "progress_state": locked.progress_state,
    }
    was, wanted = (
        {name: names.get(str(value)) if name == "label_id" else value for name, value in each.items()}
        for each in (seen, changes)
    )
    if not locked.progress_marked:
        # It went on by itself with the first work.
        was.pop("progress_state", None)
    refuse_unseen(locked, was, now=now, wanted=wanted, actions=_ACTIONS)
