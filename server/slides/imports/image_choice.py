"""Choice of the slide among several images of a file."""

from __future__ import annotations

from dataclasses import replace

from ml.messages import Message
from server.accounts.models import User
from server.audit.services import record
from server.core.errors import ContentError, StateError
from server.core.services import service
from server.jobs.models import Job
from server.jobs.services import create_job
from server.slides.imports.file_images import SEVERAL_IMAGES
from server.slides.imports.job_input import ImportInput
from server.slides.models import Slide
from server.slides.policies import slide_policy


@service
def choose_image(*, actor: User, slide: Slide, image: int) -> Slide:
    """Import a slide again from a chosen image; raises StateError or ContentError."""
    slide_policy.require(actor, slide.project, "add")
    locked = Slide.objects.select_for_update(of=("self",)).select_related("project").get(pk=slide.pk)
    if locked.state != Slide.State.FAILED or locked.failure_code != SEVERAL_IMAGES:
        message = Message("image_not_chosen")
        raise StateError(message)
    if image not in [one["index"] for one in locked.images]:
        message = Message("no_such_image")
        raise ContentError(message)
    earlier = Job.objects.get(pk=str(locked.import_job_id))
    job = create_job(
        actor=actor,
        kind="import_slide",
        title=Message("job_import_slide", name=locked.name),
        input=replace(ImportInput.from_json(earlier.input), image=image).to_json(),
        project=locked.project,
        subject=locked,
        queue="io",
    )
    locked.import_job_id = job.pk
    locked.state = Slide.State.IMPORTING
    locked.failure, locked.failure_code = None, ""
    locked.save(
        update_fields=[
            "import_job_id", "state", "failure", "failure_code",
        ]
    )  # fmt: skip
    record(
        actor=actor,
        action="slide.image_chosen",
        subject=locked,
        project=locked.project,
        details={"image": image},
    )
    return locked
