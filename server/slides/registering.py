"""Laying slides over each other: asking for it, setting landmarks, and the run that finds the map."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from ml.contracts import DataError, Sentence
from ml.slides import open_slide
from server.accounts.models import User
from server.audit.services import record
from server.core.errors import ContentError
from server.core.services import nothing_written, service
from server.jobs.models import Job
from server.jobs.runner import JobRun
from server.jobs.services import create_job
from server.slides.models import Registration, Slide
from server.slides.policies import slide_policy
from server.slides.selectors import require_ready, slide_path

UNFINISHED = (Job.State.QUEUED, Job.State.RUNNING)


@service
def start_registration(*, actor: User, fixed: Slide, moving: Slide) -> Registration:
    """Lay ``moving`` over ``fixed`` by a job; what was found before is found anew.

    Raises ContentError for the same slide twice or one of another project, StateError while one is imported.
    """
    slide_policy.require(actor, fixed.project, "register")
    if fixed.pk == moving.pk or fixed.project_id != moving.project_id:
        detail = Sentence("choose_another_slide", "Choose another slide of the same project.")
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
        title=f"Lay {moving.name} over {fixed.name}"[:200],
        input={"registration": str(registration.pk)},
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
    """Make the map from pairs of landmarks instead; raises ContentError when they make none."""
    from ml.slides.registration import from_landmarks  # noqa: PLC0415 - skimage only where it is needed

    project = registration.fixed.project
    slide_policy.require(actor, project, "register")
    try:
        found = from_landmarks(fixed, moving)
    except DataError as error:
        raise ContentError(error.detail, code=error.code, field="fixed") from error
    locked = _locked(registration)
    locked.landmarks = {"fixed": [list(p) for p in fixed], "moving": [list(p) for p in moving]}
    locked.document = found.document()
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
    """Keep the map that a run found; landmarks that people set meanwhile stand."""
    project = registration.fixed.project
    slide_policy.require(actor, project, "register")
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
    """Part two slides again."""
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
    """Run a registration to its end; one that was removed meanwhile is let be."""
    from ml.slides.registration import register  # noqa: PLC0415 - skimage only where it is needed

    registration = (
        Registration.objects.select_related("fixed__project", "moving")
        .filter(pk=run.input["registration"])
        .first()
    )
    if registration is None:
        return {"outcome": "removed"}
    run.report(0.1, Sentence("looking_for_matches", "Looking for places that match"))
    fixed, moving = registration.fixed, registration.moving
    with open_slide(slide_path(fixed)) as one, open_slide(slide_path(moving)) as other:
        one.mpp, other.mpp = fixed.mpp_x or one.mpp, moving.mpp_x or other.mpp
        found = register(one, other)
    run.check_cancelled()
    finish_registration(actor=run.actor, registration=registration, document=found.document())
    return {"outcome": "registered", "good": found.quality is not None and found.quality.good}


def _locked(registration: Registration) -> Registration:
    rows = Registration.objects.select_for_update(of=("self",)).select_related("fixed__project", "moving")
    return rows.get(pk=registration.pk)
