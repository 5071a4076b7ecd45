"""Services of slides: register, finish, fail, rename, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

from django.db import transaction
from django.utils.crypto import salted_hmac

from ml.messages import Message
from server.accounts.models import User
from server.audit.services import record
from server.core.errors import ContentError, StateError
from server.core.files import storage
from server.core.files.leftovers import lock_content, release
from server.core.services import nothing_written, service
from server.jobs.models import Job
from server.jobs.services import create_job, tell_project
from server.projects.models import Project
from server.slides.errors import ContentGoneError, DuplicateSlideError, SlideDeletedError
from server.slides.hooks import deleted_hooks, ready_hooks
from server.slides.imports.examine import Assessment
from server.slides.imports.intake import FoundSlide
from server.slides.imports.job_input import ImportInput
from server.slides.imports.manifest import load_manifest, slide_key
from server.slides.imports.reading import SlideFacts
from server.slides.models import Case, CaseNumber, Slide
from server.slides.policies import slide_policy
from server.slides.selectors import find_ready_slide
from server.slides.viewing.scale import take_scale

_LONGEST_NAME = 255
LONGEST_PSEUDONYM = 100
_ORIGIN_SALT = "slides.case"
_FAILURE = ("failure", "failure_code")


@service
def register_slide(
    *, actor: User, project: Project, intake: FoundSlide, keys: Mapping[str, str], case: str = ""
) -> Slide:
    """Create a slide that is being imported, and the job that imports it.

    ``keys`` maps the names in ``intake.files`` to storage keys; the import takes those files away.
    Without a case it joins the slides whose files have the same name, under a neutral pseudonym.
    """
    slide_policy.require(actor, project, "add")
    slide = Slide.objects.create(
        project=project,
        case=_case_under(project, case) if case else _case_of_file(project, intake.name),
        name=intake.name[:_LONGEST_NAME],
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
        title=Message("job_import_slide", name=slide.name),
        input=ImportInput(
            slide_id=str(slide.pk),
            main=intake.main,
            files=dict(keys),
            names={stored: PurePosixPath(given).name for stored, given in intake.files.items()},
        ).to_json(),
        project=project,
        subject=slide,
        queue="io",
    )
    slide.import_job_id = job.pk
    slide.save(update_fields=["import_job_id"])
    return slide


@service
def resume_import(*, actor: User, slide: Slide) -> Slide:
    """Set a slide with a failed import to importing again.

    An import ends although the person who began it may no longer add slides: they were allowed to then.
    """
    slide = _still_there(slide)
    if slide.state != Slide.State.FAILED:
        nothing_written()
        return slide
    slide.state = Slide.State.IMPORTING
    _set_failure(slide, "", None)
    slide.save(update_fields=["state", *_FAILURE])
    record(actor=actor, action="slide.import_resumed", subject=slide, project=slide.project)
    return slide


@service
def finish_import(
    *, actor: User, slide: Slide, sha256: str, size: int, read: tuple[SlideFacts, Assessment]
) -> Slide:
    """Make a slide with stored files ready.

    Raises DuplicateSlideError when another was faster, ContentGoneError when the files were deleted with the
    slide of another project.
    """
    Project.objects.select_for_update().get(pk=slide.project_id)
    slide = _still_there(slide)
    if slide.state == Slide.State.READY:
        nothing_written()
        return slide
    if find_ready_slide(slide.project, sha256):
        detail = Message("duplicate_slide")
        raise DuplicateSlideError(detail)
    lock_content(slide_key(sha256))
    try:
        # The content may have come earlier under another name, as x.svs and x.tif.
        main = load_manifest(sha256).main
    except FileNotFoundError as error:
        raise ContentGoneError from error
    facts, assessment = read
    slide.state = Slide.State.READY
    _set_failure(slide, "", None)
    slide.sha256 = sha256
    slide.size_bytes = size
    slide.source_key = f"{slide_key(sha256)}/{main}"
    for name in ("format", "width", "height", "tile_size", "level_count"):
        setattr(slide, name, getattr(facts, name))
    take_scale(slide, facts)
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
    # Nobody begins further work in the name of a person who may not begin it themselves.
    if slide_policy.allows(actor, slide.project, "add"):
        for hook in ready_hooks():
            hook(actor, slide)
    return slide


@service
def fail_import(
    *,
    actor: User,
    job: Job,
    code: str,
    reason: Message,
    images: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Set the failure of a job on its slide; its files are deleted when the slide was deleted.

    ``images`` are those of the file that may be the slide, where a person has to choose.
    """
    slide = (
        Slide.objects.select_for_update(of=("self",))
        .select_related("project")
        .filter(pk=ImportInput.from_json(job.input).slide_id)
        .first()
    )
    if slide is None:
        nothing_written()
        transaction.on_commit(lambda: drop_arrived(job))
        return
    if slide.state == Slide.State.READY or slide.import_job_id != job.pk:
        nothing_written()
        return
    slide.state = Slide.State.FAILED
    _set_failure(slide, code, reason)
    slide.images = [dict(image) for image in images]
    slide.save(update_fields=["state", *_FAILURE, "images"])
    record(
        actor=actor,
        action="slide.import_failed",
        subject=slide,
        project=slide.project,
        reason=str(reason),
    )


@service
def drop_duplicate(*, actor: User, slide: Slide, original: Slide) -> None:
    """Delete a slide whose content the project has; uploads refer to the original instead."""
    slide = _still_there(slide)
    if slide.state == Slide.State.READY:
        detail = Message("no_duplicate")
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
) -> Slide:
    """Rename a slide or move it to another case."""
    slide_policy.require(actor, slide.project, "edit")
    slide = _locked(slide)
    before = _editable(slide)
    if name is not None:
        slide.name = _required(name, "name", _LONGEST_NAME)
    old_case = slide.case
    if case is not None:
        slide.case = _case_under(slide.project, _required(case, "case", LONGEST_PSEUDONYM))
    after = _editable(slide)
    if before == after:
        nothing_written()
        return slide
    slide.save(update_fields=["name", "case"])
    if old_case != slide.case:
        _drop_empty_case(old_case)
        tell_project(slide.project, "slides", {"slide_id": str(slide.pk)})
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
    """Set the progress of a slide; it no longer changes by itself."""
    slide_policy.require(actor, slide.project, "mark_progress")
    slide = _locked(slide)
    before, slide.progress_state = slide.progress_state, progress_state
    slide.progress_marked = True
    slide.save(update_fields=["progress_state", "progress_marked"])
    record(
        actor=actor,
        action="slide.progress_marked",
        subject=slide,
        project=slide.project,
        details={"before": before, "after": progress_state},
    )
    return slide


@service
def begin_progress(*, actor: User, slide: Slide) -> bool:
    """Set a new slide to *In progress*, unless a user set its state; return whether it changed.

    The services call it that write annotations, finished regions and verdicts, after their own checks.
    """
    new = Slide.ProgressState.NEW
    if slide.progress_state != new or slide.progress_marked:
        nothing_written()
        return False
    begun = Slide.objects.filter(pk=slide.pk, progress_state=new, progress_marked=False)
    if not begun.update(progress_state=Slide.ProgressState.IN_PROGRESS):
        nothing_written()
        return False
    slide.progress_state = Slide.ProgressState.IN_PROGRESS
    record(actor=actor, action="slide.progress_began", subject=slide, project=slide.project)
    return True


@service
def delete_slide(*, actor: User, slide: Slide) -> None:
    """Delete a slide with all its annotations and verdicts; its files too when no other project has them."""
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
    sha256, case = slide.sha256, slide.case
    # An import that is not over yet sees that the slide is gone, and drops its files itself.
    ended = Job.objects.filter(state__in=Job.FINAL)
    job = ended.filter(pk=slide.import_job_id).first() if slide.import_job_id else None
    for hook in deleted_hooks():
        hook(slide)
    slide.delete()
    _drop_empty_case(case)
    if sha256:
        transaction.on_commit(lambda: release(slide_key(sha256)))
    elif job is not None:
        transaction.on_commit(lambda: drop_arrived(job))


def drop_arrived(job: Job) -> None:
    """Delete the uploaded files of an import."""
    for key in ImportInput.from_json(job.input).files.values():
        storage.delete(key)


def _set_failure(slide: Slide, code: str, reason: Message | None) -> None:
    slide.failure, slide.failure_code = reason, code


def _still_there(slide: Slide) -> Slide:
    """Lock a slide that is being imported; raises SlideDeletedError when it was deleted meanwhile."""
    locked = (
        Slide.objects.select_for_update(of=("self",)).select_related("project").filter(pk=slide.pk).first()
    )
    if locked is None:
        detail = Message("slide_removed")
        raise SlideDeletedError(detail)
    return locked


def _locked(slide: Slide) -> Slide:
    return Slide.objects.select_for_update(of=("self",)).select_related("project", "case").get(pk=slide.pk)


def _drop_empty_case(case: Case) -> None:
    if not case.slides.exists():
        case.delete()


def _editable(slide: Slide) -> dict[str, Any]:
    return {
        "name": slide.name,
        "case": slide.case.pseudonym,
    }


def _required(text: str, field: str, longest: int) -> str:
    text = text.strip()
    if not text or len(text) > longest:
        detail = Message("text_length", field=field, most=longest)
        raise ContentError(detail, code="invalid", field=field)
    return text


def _case_under(project: Project, pseudonym: str) -> Case:
    """Return the case of this pseudonym, created if missing."""
    return Case.objects.get_or_create(project=project, pseudonym=pseudonym.strip()[:LONGEST_PSEUDONYM])[0]


def _case_of_file(project: Project, name: str) -> Case:
    """Return the case of files of this name, created under a neutral pseudonym (``Case 0001``) if missing.

    Names of files and folders often name the patient. Only a keyed digest of the name is kept, by which
    further files of the same name join their case.
    """
    digest = salted_hmac(_ORIGIN_SALT, name, algorithm="sha256").hexdigest()
    # The lock of the row makes those wait who bring files of the same project.
    numbers, _ = CaseNumber.objects.select_for_update().get_or_create(project=project)
    case = Case.objects.filter(project=project, origin_digest=digest).first()
    if case is not None:
        return case
    while True:
        # A number is never given twice, so that no later case is taken for one that was removed.
        numbers.last += 1
        pseudonym = f"Case {numbers.last:04d}"
        if not Case.objects.filter(project=project, pseudonym=pseudonym).exists():
            break
    numbers.save(update_fields=["last"])
    return Case.objects.create(project=project, pseudonym=pseudonym, origin_digest=digest)
