"""Registration of slides: requests, landmarks, and the job that computes the map."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ml.contracts import DataError
from ml.messages import Message
from server.accounts.models import User
from server.audit.services import record
from server.core.errors import ContentError
from server.core.inputs import JobInput
from server.core.services import nothing_written, service
from server.jobs.models import Job
from server.jobs.runner import JobRun
from server.jobs.services import create_job
from server.slides.imports.given_names import opened_by_name
from server.slides.models import Registration, Slide
from server.slides.policies import slide_policy
from server.slides.selectors import require_ready

UNFINISHED = (Job.State.QUEUED, Job.State.RUNNING)


@dataclass(frozen=True, slots=True)
class RegistrationInput(JobInput):
    """Id of the registration to compute."""

    registration: str


@service
def start_registration(*, actor: User, fixed: Slide, moving: Slide) -> Registration:
    """Start a job that registers ``moving`` with ``fixed``; an existing map is computed again.

    Raises ContentError for the same slide twice or one of another project, StateError while one is imported.
    """
    slide_policy.require(actor, fixed.project, "register")
    if fixed.pk == moving.pk or fixed.project_id != moving.project_id:
        detail = Message("choose_another_slide")
        raise ContentError(detail, code="invalid", field="moving_id")
    for slide in (fixed, moving):
        require_ready(slide)
    registration = (
        Registration.objects.select_for_update(of=("self",))
        .select_related("job", "fixed__project", "moving")
        .filter(fixed=fixed, moving=moving)
        .first()
    )
    if registration and registration.job and registration.job.state in UNFINISHED:
        nothing_written()
        return registration
    registration = registration or Registration(pk=uuid.uuid4(), fixed=fixed, moving=moving, created_by=actor)
    registration.job = create_job(
        actor=actor,
        kind="register_slides",
        title=Message(
            "job_register_slides",
            moving=moving.name,
            fixed=fixed.name,
        ),
        input=RegistrationInput(registration=str(registration.pk)).to_json(),
        project=fixed.project,
        subject=fixed,
        queue="cpu",
    )
    registration.save()
    record(
        actor=actor,
        action="slide.register",
        subject=fixed,
        project=fixed.project,
        details={"moving": moving.name},
    )
    return registration


@service
def set_landmarks(
    *,
    actor: User,
    registration: Registration,
    fixed: Sequence[Sequence[float]],
    moving: Sequence[Sequence[float]],
) -> Registration:
    """Set the map by pairs of landmarks; raises ContentError when they determine none."""
    from ml.slides.registration.transform import from_landmarks  # noqa: PLC0415 - skimage only where it is needed

    project = registration.fixed.project
    slide_policy.require(actor, project, "register")
    try:
        transform = from_landmarks(fixed, moving)
    except DataError as error:
        raise ContentError(error.detail, code=error.code, field="fixed") from error
    locked = _locked(registration)
    locked.landmarks = {"fixed": [list(p) for p in fixed], "moving": [list(p) for p in moving]}
    locked.document = transform.document()
    locked.save(update_fields=["landmarks", "document"])
    record(
        actor=actor,
        action="slide.landmarks",
        subject=locked.fixed,
        project=project,
        details={"moving": locked.moving.name, "pairs": len(fixed)},
    )
    return locked


@service
def finish_registration(*, actor: User, registration: Registration, document: dict[str, Any]) -> None:
    """Store the map of a run in place of landmarks. A job needs no permission to end."""
    project = registration.fixed.project
    locked = _locked(registration)
    locked.document, locked.landmarks = document, None
    locked.save(update_fields=["document", "landmarks"])
    record(
        actor=actor,
        action="slide.registered_on",
        subject=locked.fixed,
        project=project,
        details={"moving": locked.moving.name, "quality": document["quality"]},
    )


@service
def remove_registration(*, actor: User, registration: Registration) -> None:
    """Delete the registration of two slides."""
    project = registration.fixed.project
    slide_policy.require(actor, project, "register")
    record(
        actor=actor,
        action="slide.unregister",
        subject=registration.fixed,
        project=project,
        details={"moving": registration.moving.name},
    )
    registration.delete()


def find_registration(run: JobRun) -> dict[str, Any]:
    """Run a registration to its end; one deleted meanwhile is skipped."""
    from ml.slides.registration.transform import register_slides  # noqa: PLC0415 - skimage only where it is needed

    registration = (
        Registration.objects.select_related("fixed__project", "moving")
        .filter(pk=RegistrationInput.from_json(run.input).registration)
        .first()
    )
    if registration is None:
        return {"outcome": "removed"}
    run.report(0.1, Message("looking_for_matches"))
    fixed, moving = registration.fixed, registration.moving
    with opened_by_name(fixed) as one, opened_by_name(moving) as other:
        computed = register_slides(one, other)
    run.check_cancelled()
    finish_registration(actor=run.actor, registration=registration, document=computed.document())
    return {"outcome": "registered", "good": computed.quality is not None and computed.quality.good}


def _locked(registration: Registration) -> Registration:
    rows = Registration.objects.select_for_update(of=("self",)).select_related("fixed__project", "moving")
    return rows.get(pk=registration.pk)
