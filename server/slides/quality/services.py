"""Quality maps of slides: requests, and the job that computes one."""

from __future__ import annotations

import io
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db.models import F, Q, QuerySet
from PIL import Image

from ml.messages import Message
from ml.slides import open_slide
from ml.slides.resolution import square_view, stretch_of
from server.accounts.models import User
from server.audit.services import record
from server.core.inputs import JobInput
from server.core.services import nothing_written, service
from server.jobs.models import Job
from server.jobs.runner import JobRun
from server.jobs.services import create_job
from server.projects.models import Project
from server.projects.selectors import projects_visible_to
from server.slides.imports.given_names import given_name
from server.slides.models import Quality, Slide
from server.slides.policies import slide_policy
from server.slides.selectors import require_ready, slide_path

if TYPE_CHECKING:
    from ml.slides.quality.map import QualityMap

UNFINISHED: Final = (Job.State.QUEUED, Job.State.RUNNING)
# In the order of the numbers in the picture. A test compares them with those of ``ml``, which brings scipy.
CLASSES: Final = ("glass", "tissue", "pen", "fold", "bubble", "blur")
# The share of an artefact from which the gallery lists a slide as having it.
MARRED: Final = 0.02
ARTEFACTS: Final = ("blur", "fold", "pen", "bubble")


@dataclass(frozen=True, slots=True)
class QualityInput(JobInput):
    """Id of the slide to map."""

    slide_id: str


def quality_visible_to(actor: User) -> QuerySet[Quality]:
    """Return the quality maps of all projects that the actor sees."""
    return Quality.objects.filter(slide__project__in=projects_visible_to(actor)).select_related(
        "slide", "job__created_by", "job__project"
    )


@service
def start_quality(*, actor: User, slide: Slide) -> Quality:
    """Start a job that maps the quality of a slide; a current or running map is returned instead.

    Raises StateError while the slide is imported.
    """
    slide_policy.require(actor, slide.project, "map_quality")
    require_ready(slide)
    quality = (
        Quality.objects.select_for_update(of=("self",))
        .select_related("slide", "job__created_by", "job__project")
        .filter(slide=slide)
        .first()
    )
    is_made = quality is not None and quality.picture is not None and not quality.is_outdated
    if quality and (is_made or quality.job.state in UNFINISHED):
        nothing_written()
        return quality
    quality = quality or Quality(pk=uuid.uuid4(), slide=slide)
    # A map that is out of date is not shown as current should the new run fail.
    quality.picture = None
    quality.job = create_job(
        actor=actor,
        kind="map_quality",
        title=Message("job_map_quality", name=slide.name),
        input=QualityInput(slide_id=str(slide.pk)).to_json(),
        project=slide.project,
        subject=slide,
        queue="cpu",
    )
    quality.save()
    record(actor=actor, action="slide.map_quality", subject=slide, project=slide.project)
    return quality


def map_new_slide(actor: User, slide: Slide) -> None:
    """Start the quality map of a new slide, if its project asks for it."""
    if slide.project.map_quality and not slide.channels:
        start_quality(actor=actor, slide=slide)


@service
def start_all_quality(*, actor: User, project: Project) -> int:
    """Start the quality maps of all stained slides without a current or running one; return the number."""
    slide_policy.require(actor, project, "map_all_quality")
    slides = Slide.objects.filter(project=project, state=Slide.State.READY, channels=[])
    is_current = Q(slide__resolution_changed_at__isnull=True) | Q(
        slide__resolution_changed_at__lte=F("job__created_at")
    )
    mapped = Quality.objects.filter(Q(is_current, picture__isnull=False) | Q(job__state__in=UNFINISHED))
    waiting = list(
        slides.exclude(pk__in=mapped.values("slide_id")).select_related("project").order_by("created_at")
    )
    for slide in waiting:
        start_quality(actor=actor, slide=slide)
    if not waiting:
        nothing_written()
    return len(waiting)


@service
def finish_quality(*, actor: User, quality: Quality, artefacts: QualityMap) -> Quality:
    """Store the map of a run. A job needs no permission to end."""
    project = quality.slide.project
    locked = Quality.objects.select_for_update(of=("self",)).get(pk=quality.pk)
    buffer = io.BytesIO()
    Image.fromarray(artefacts.classes).save(buffer, "PNG")
    shares = artefacts.shares()
    locked.picture, locked.step, locked.step_y = buffer.getvalue(), artefacts.step, artefacts.step_y
    locked.rows, locked.columns = artefacts.classes.shape
    for name in ARTEFACTS:
        setattr(locked, name, shares[name])
    locked.save()
    record(
        actor=actor,
        action="slide.quality_mapped",
        subject=quality.slide,
        project=project,
        details={name: round(shares[name], 4) for name in ARTEFACTS},
    )
    return locked


def map_slide(run: JobRun) -> dict[str, Any]:
    """Map the quality of a slide; a slide deleted meanwhile is skipped."""
    from ml.slides.quality.map import quality_map  # noqa: PLC0415 - scipy only where it is needed

    slide_id = QualityInput.from_json(run.input).slide_id
    quality = Quality.objects.select_related("slide__project").filter(slide_id=slide_id).first()
    if quality is None:
        return {"outcome": "deleted"}
    run.report(0.1, Message("looking_for_flaws"))
    with given_name(quality.slide), open_slide(slide_path(quality.slide)) as reader:
        view = square_view(reader, quality.slide.resolution)
        computed = quality_map(view).original(stretch_of(view))
    run.check_cancelled()
    finish_quality(actor=run.actor, quality=quality, artefacts=computed)
    return {"outcome": "mapped"}
