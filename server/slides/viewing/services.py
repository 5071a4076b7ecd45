"""Services of a slide's resolution."""

from __future__ import annotations

from typing import Any, Final

from django.utils import timezone

from ml.messages import Message
from ml.slides.resolution import Resolution
from server.accounts.models import User
from server.audit.services import record
from server.core.children.calls import call_in_child
from server.core.services import nothing_written, service
from server.jobs.services import tell_project
from server.slides.errors import SlideFilesMissingError
from server.slides.imports.reading import ScaleFacts, read_scale_facts
from server.slides.models import Slide
from server.slides.policies import slide_policy
from server.slides.selectors import slide_path
from server.slides.viewing.scale import SCALE_FIELDS, revert_resolution, take_scale, use_resolution

_STATED_FIELDS: Final = (
    *SCALE_FIELDS, "file_mpp_x", "file_mpp_y", "file_resolution_source", "resolution_notes",
)  # fmt: skip


@service
def correct_resolution(*, actor: User, slide: Slide, resolution: Resolution | None) -> Slide:
    """Set the resolution that a slide is measured with; None reverts to the file's own.

    Shapes keep their place in level-0 pixels. Viewers that are open learn of it at once.
    """
    slide_policy.require(actor, slide.project, "edit")
    locked = Slide.objects.select_for_update(of=("self",)).select_related("project").get(pk=slide.pk)
    before = _measured_with(locked)
    if resolution is None:
        revert_resolution(locked)
    else:
        use_resolution(locked, resolution)
    after = _measured_with(locked)
    if before == after:
        nothing_written()
        return locked
    locked.resolution_changed_at = timezone.now()
    locked.save(update_fields=[*SCALE_FIELDS, "resolution_changed_at"])
    record(
        actor=actor,
        action="slide.resolution_corrected" if resolution else "slide.resolution_reverted",
        subject=locked,
        project=locked.project,
        details={"before": before, "after": after},
    )
    tell_project(locked.project, "resolution", {"slide_id": str(locked.pk)})
    return locked


def read_resolution_again(*, actor: User, slide: Slide) -> Slide:
    """Set the resolution and magnification that the file states, as a new import would.

    A correction by a manager stays in use. Raises StateError while the slide is imported, and
    SlideFilesMissingError where its file is gone.
    """
    slide_policy.require(actor, slide.project, "edit")
    path = slide_path(slide)
    if not path.is_file():
        message = Message("slide_file_gone")
        raise SlideFilesMissingError(message)
    size = (slide.width, slide.height)
    facts = call_in_child(f"{read_scale_facts.__module__}:{read_scale_facts.__name__}", path, size)
    return _take_scale_again(actor=actor, slide=slide, facts=facts)


@service
def _take_scale_again(*, actor: User, slide: Slide, facts: ScaleFacts) -> Slide:
    locked = Slide.objects.select_for_update(of=("self",)).select_related("project").get(pk=slide.pk)
    before, resolution = _stated(locked), locked.resolution
    take_scale(locked, facts)
    after = _stated(locked)
    if before == after:
        nothing_written()
        return locked
    if locked.resolution != resolution:
        locked.resolution_changed_at = timezone.now()
    locked.save(update_fields=[*_STATED_FIELDS, "resolution_changed_at"])
    record(
        actor=actor,
        action="slide.resolution_read",
        subject=locked,
        project=locked.project,
        details={"before": before, "after": after},
    )
    tell_project(locked.project, "resolution", {"slide_id": str(locked.pk)})
    return locked


def _measured_with(slide: Slide) -> dict[str, Any]:
    return {name: getattr(slide, name) for name in SCALE_FIELDS}


def _stated(slide: Slide) -> dict[str, Any]:
    return {name: getattr(slide, name) for name in _STATED_FIELDS}
