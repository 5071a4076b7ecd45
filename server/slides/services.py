"""Every change of a slide: brought in, made ready, failed, renamed, removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.db import transaction

from ml.contracts import Sentence, sentence_parts
from server.accounts.models import User
from server.audit.services import record
from server.core import storage
from server.core.errors import ContentError, StateError
from server.core.services import nothing_written, service
from server.jobs.services import create_job
from server.projects.models import Project
from server.slides.errors import DuplicateSlideError, SlideDeletedError
from server.slides.examine import Assessment
from server.slides.hooks import deleted_hooks, ready_hooks
from server.slides.intake import FoundSlide
from server.slides.manifest import slide_key
from server.slides.models import Case, Slide
from server.slides.policies import slide_policy
from server.slides.reading import SlideFacts
from server.slides.selectors import find_ready_slide

_LONGEST_NAME = 255
_LONGEST_PSEUDONYM = 100
_FAILURE = ("failure", "failure_code", "failure_message_code", "failure_message_values")


@service
def register_slide(
    *, actor: User, project: Project, found: FoundSlide, keys: Mapping[str, str], case: str = ""
) -> Slide:
    """Make a slide that is being imported, and the job that imports it.

    ``keys`` maps the names in ``found.files`` to storage keys; the import takes those files away.
    A slide without a case is a case of its own.
    """
    slide_policy.require(actor, project, "add")
    slide = Slide.objects.create(
        project=project,
        case=_case(project, case or found.name),
        name=found.name[:_LONGEST_NAME],
        created_by=actor,
    )
    record(
        actor=actor,
        action="slide.registered",
        subject=slide,
        project=project,
        details={"name": slide.name, "files": len(keys)},
    )
    job = create_job(
        actor=actor,
        kind="import_slide",
        title=f"Import {slide.name}"[:200],
        input={"slide_id": str(slide.pk), "main": found.main, "files": dict(keys)},
        project=project,
        subject=slide,
        queue="io",
    )
    slide.import_job_id = job.pk
    slide.save(update_fields=["import_job_id"])
    return slide


@service
def resume_import(*, actor: User, slide: Slide) -> Slide:
    """Say that a slide whose import had failed is being imported once more."""
    slide = _still_there(slide)
    slide_policy.require(actor, slide.project, "add")
    if slide.state != Slide.State.FAILED:
        nothing_written()
        return slide
    slide.state = Slide.State.IMPORTING
    _set_failure(slide, "", "")
    slide.save(update_fields=["state", *_FAILURE])
    record(actor=actor, action="slide.import_resumed", subject=slide, project=slide.project)
    return slide


@service
def finish_import(
    *, actor: User, slide: Slide, sha256: str, size: int, main: str, read: tuple[SlideFacts, Assessment]
) -> Slide:
    """Make a slide ready whose files are stored; raises DuplicateSlideError when another was faster."""
    Project.objects.select_for_update().get(pk=slide.project_id)
    slide = _still_there(slide)
    slide_policy.require(actor, slide.project, "add")
    if slide.state == Slide.State.READY:
        nothing_written()
        return slide
    if find_ready_slide(slide.project, sha256):
        detail = "The same slide is in the project already."
        raise DuplicateSlideError(detail)
    facts, assessment = read
    slide.state = Slide.State.READY
    _set_failure(slide, "", "")
    slide.sha256 = sha256
    slide.size_bytes = size
    slide.source_key = f"{slide_key(sha256)}/{main}"
    for name in ("format", "width", "height", "tile_size", "level_count", "magnification"):
        setattr(slide, name, getattr(facts, name))
    # A resolution that a manager gave survives a second import of the same row.
    slide.mpp_x, slide.mpp_y = facts.mpp_x or slide.mpp_x, facts.mpp_y or slide.mpp_y
    slide.colour_profile = facts.colour
    slide.channels = [asdict(channel) for channel in facts.channels]
    for name in ("tissue", "tissue_fraction", "focus_score", "pen_score"):
        setattr(slide, name, getattr(assessment, name))
    slide.save()
    details = {"sha256": sha256, "format": slide.format, "size_bytes": size}
    record(
        actor=actor,
        action="slide.imported",
        subject=slide,
        project=slide.project,
        details=details,
    )
    for hook in ready_hooks():
        hook(actor, slide)
    return slide


@service
def fail_import(*, actor: User, slide: Slide, code: str, reason: str, quarantine_key: str) -> Slide:
    """Say on the slide why it cannot be read; its files lie aside under the key."""
    slide = _still_there(slide)
    slide_policy.require(actor, slide.project, "add")
    if slide.state == Slide.State.READY:
        nothing_written()
        return slide
    slide.state = Slide.State.FAILED
    _set_failure(slide, code, reason)
    slide.source_key = quarantine_key
    slide.save(update_fields=["state", *_FAILURE, "source_key"])
    record(
        actor=actor,
        action="slide.import_failed",
        subject=slide,
        project=slide.project,
        reason=reason,
    )
    return slide


@service
def drop_duplicate(*, actor: User, slide: Slide, original: Slide) -> None:
    """Remove a slide whose content the project has; uploads point at the original instead."""
    slide = _still_there(slide)
    slide_policy.require(actor, slide.project, "add")
    if slide.state == Slide.State.READY:
        detail = Sentence("no_duplicate", "The slide has been imported; it is no duplicate.")
        raise StateError(detail)
    record(
        actor=actor,
        action="slide.duplicate_dropped",
        subject=slide,
        project=slide.project,
        details={"name": slide.name, "original_id": str(original.pk)},
    )
    slide.uploads.update(slide=original)
    case = slide.case
    slide.delete()
    _drop_empty_case(case)


@service
def update_slide(
    *,
    actor: User,
    slide: Slide,
    name: str | None = None,
    case: str | None = None,
    mpp_x: float | None = None,
    mpp_y: float | None = None,
) -> Slide:
    """Change what people may know better than the file: name, case, resolution."""
    slide_policy.require(actor, slide.project, "edit")
    slide = _locked(slide)
    before = _editable(slide)
    if name is not None:
        slide.name = _required(name, "name", _LONGEST_NAME)
    old_case = slide.case
    if case is not None:
        slide.case = _case(slide.project, _required(case, "case", _LONGEST_PSEUDONYM))
    slide.mpp_x = mpp_x if mpp_x is not None else slide.mpp_x
    slide.mpp_y = mpp_y if mpp_y is not None else slide.mpp_y
    after = _editable(slide)
    if before == after:
        nothing_written()
        return slide
    slide.save(update_fields=["name", "case", "mpp_x", "mpp_y"])
    if old_case != slide.case:
        _drop_empty_case(old_case)
    record(
        actor=actor,
        action="slide.changed",
        subject=slide,
        project=slide.project,
        details={"before": before, "after": after},
    )
    return slide


@service
def mark_progress(*, actor: User, slide: Slide, progress_state: str) -> Slide:
    """Say how far people are with a slide."""
    slide_policy.require(actor, slide.project, "mark_progress")
    slide = _locked(slide)
    before, slide.progress_state = slide.progress_state, progress_state
    slide.save(update_fields=["progress_state"])
    record(
        actor=actor,
        action="slide.progress_marked",
        subject=slide,
        project=slide.project,
        details={"before": before, "after": progress_state},
    )
    return slide


@service
def delete_slide(*, actor: User, slide: Slide) -> None:
    """Remove a slide with all that was said of it; its files go when no other project shows them."""
    slide_policy.require(actor, slide.project, "delete")
    slide = _locked(slide)
    details = {"name": slide.name, "sha256": slide.sha256}
    record(
        actor=actor,
        action="slide.deleted",
        subject=slide,
        project=slide.project,
        details=details,
    )
    sha256, key, case = slide.sha256, slide.source_key, slide.case
    for hook in deleted_hooks():
        hook(slide)
    slide.delete()
    _drop_empty_case(case)
    if sha256:
        transaction.on_commit(lambda: drop_content(sha256))
    elif key:
        transaction.on_commit(lambda: storage.delete(key))


def drop_content(sha256: str) -> None:
    """Delete stored pixels unless a slide of any project shows them."""
    if not Slide.objects.filter(sha256=sha256).exists():
        storage.delete(slide_key(sha256))


def _set_failure(slide: Slide, code: str, reason: str) -> None:
    parts = sentence_parts(reason)
    slide.failure, slide.failure_code = parts["message"], code
    slide.failure_message_code, slide.failure_message_values = parts["code"], parts["values"]


def _still_there(slide: Slide) -> Slide:
    """Lock a slide that is being imported; raises SlideDeletedError when it was removed meanwhile."""
    found = (
        Slide.objects.select_for_update(of=("self",)).select_related("project").filter(pk=slide.pk).first()
    )
    if found is None:
        detail = Sentence("slide_removed", "The slide was removed while it was being imported.")
        raise SlideDeletedError(detail)
    return found


def _locked(slide: Slide) -> Slide:
    return Slide.objects.select_for_update(of=("self",)).select_related("project", "case").get(pk=slide.pk)


def _case(project: Project, pseudonym: str) -> Case:
    return Case.objects.get_or_create(project=project, pseudonym=pseudonym.strip()[:_LONGEST_PSEUDONYM])[0]


def _drop_empty_case(case: Case) -> None:
    if not case.slides.exists():
        case.delete()


def _editable(slide: Slide) -> dict[str, Any]:
    return {
        "name": slide.name,
        "case": slide.case.pseudonym,
        "mpp_x": slide.mpp_x,
        "mpp_y": slide.mpp_y,
    }


def _required(text: str, field: str, longest: int) -> str:
    text = text.strip()
    if not text or len(text) > longest:
        detail = Sentence(
            "text_length", "The {field} must have 1 to {most} characters.", field=field, most=longest
        )
        raise ContentError(detail, code="invalid", field=field)
    return text
