"""Services of prediction runs: start them, and supersede older suggestions."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import shapely
from django.conf import settings
from shapely.geometry import box, shape

from ml.contracts import CancelledError
from ml.formats.valid_areas import TangledError, is_valid_area
from ml.messages import Message
from ml.objectset import Manifest
from server.accounts.models import User
from server.annotations.errors import BadGeometryError
from server.annotations.geometry import area_of
from server.audit.services import record
from server.core.inputs import JobInput
from server.core.services import nothing_written, prepared_by, service
from server.inference.errors import (
    BadRegionError,
    NothingToPredictError,
    OtherChannelsError,
    SeveralChannelsError,
    SlidesUnknownError,
)
from server.inference.models import PredictionRun
from server.inference.policies import prediction_policy
from server.jobs.models import Job
from server.jobs.services import create_job
from server.objects.models import ObjectSet
from server.objects.services import (
    begin_object_set,
    discard_object_set,
    finish_object_set,
    supersede_object_sets,
)
from server.registry.models import ModelVersion
from server.registry.weights import channels_read_by
from server.slides.models import Slide

UNFINISHED = (Job.State.QUEUED, Job.State.RUNNING)


@dataclass(frozen=True, slots=True)
class PredictionInput(JobInput):
    """Id of the run."""

    prediction: str


def _checked_region(*, region: dict[str, Any] | None = None, **_: Any) -> dict[str, Any]:
    """Raise for a region that is no valid area; regions drawn on the page are already repaired."""
    if region is None:
        return {}
    try:
        area = area_of(region)
        usable = is_valid_area(shape(region)) and area.area > 0
    except (BadGeometryError, TangledError):
        usable = False
    if not usable:
        message = Message("region_not_valid")
        raise BadRegionError(message, field="region")
    return {"region": {"type": region["type"], "coordinates": region["coordinates"]}}


@prepared_by(_checked_region)
@service
def start_predictions(
    *,
    actor: User,
    version: ModelVersion,
    slide_ids: Sequence[UUID] | None = None,
    region: dict[str, Any] | None = None,
    quick: bool = False,
) -> list[PredictionRun]:
    """Start one job per slide; ``slide_ids`` None means all readable slides of the project.

    A run of the same version over the same area that has not finished is answered instead of a
    second one. ``region`` is a GeoJSON polygon in level-0 pixels and needs exactly one slide.
    """
    prediction_policy.require(actor, version.project, "start")
    slides = _chosen_slides(version, slide_ids)
    if region is not None:
        _check_region(region, slides)
    runs = [_start_run(actor, version, slide, region, quick=quick) for slide in slides]
    record(
        actor=actor,
        action="prediction.start",
        subject=version,
        project=version.project,
        details={"name": version.name, "slides": [str(slide.pk) for slide in slides]},
    )
    return runs


def _chosen_slides(version: ModelVersion, slide_ids: Sequence[UUID] | None) -> list[Slide]:
    ready = Slide.objects.filter(project=version.project, state=Slide.State.READY)
    channels = channels_read_by(version)
    if slide_ids is None:
        slides = [slide for slide in ready if _has_channels(slide, channels)]
        if not slides:
            message = Message(
                "no_readable_slide",
            )
            raise NothingToPredictError(message)
        return slides
    slides = list(ready.filter(pk__in=slide_ids))
    missing = set(slide_ids) - {slide.pk for slide in slides}
    if missing:
        message = Message(
            "slides_not_here",
            count=len(missing),
        )
        raise SlidesUnknownError(message, field="slide_ids", slides=[str(pk) for pk in missing])
    if not slides:
        message = Message("name_a_slide")
        raise NothingToPredictError(message, field="slide_ids")
    for slide in slides:
        _require_channels(version, slide, channels)
    return slides


def _has_channels(slide: Slide, channels: Sequence[str]) -> bool:
    return sorted(slide.channel_names) == sorted(channels)


def _require_channels(version: ModelVersion, slide: Slide, channels: Sequence[str]) -> None:
    if _has_channels(slide, channels):
        return
    if not channels:
        message = Message(
            "version_reads_colour",
            slide=slide.name,
            version=version.name,
        )
        raise SeveralChannelsError(message, field="slide_ids")
    theirs = ", ".join(slide.channel_names) or "those of a colour image"
    message = Message(
        "version_other_channels",
        slide=slide.name,
        channels=theirs,
        version=version.name,
        wanted=", ".join(channels),
    )
    raise OtherChannelsError(message, field="slide_ids")


def _check_region(region: dict[str, Any], slides: Sequence[Slide]) -> None:
    if len(slides) != 1:
        message = Message("region_of_one_slide")
        raise BadRegionError(message, field="slide_ids")
    if not shape(region).intersects(box(0, 0, slides[0].width, slides[0].height)):
        message = Message("region_off_slide")
        raise BadRegionError(message, field="region")


def _start_run(
    actor: User,
    version: ModelVersion,
    slide: Slide,
    region: dict[str, Any] | None,
    *,
    quick: bool,
) -> PredictionRun:
    same = PredictionRun.objects.filter(
        model_version=version, slide=slide, job__state__in=UNFINISHED
    ).select_related("job")
    for run in same:
        if run.region == region:
            return run
    run = PredictionRun(pk=uuid.uuid4(), model_version=version, slide=slide, region=region, created_by=actor)
    run.job = create_job(
        actor=actor,
        kind="run_prediction",
        title=Message("job_run_prediction", slide=slide.name, version=version.name),
        input=PredictionInput(prediction=str(run.pk)).to_json(),
        project=version.project,
        subject=slide,
        queue="cpu" if quick else settings.DEEP_QUEUE,
    )
    run.save()
    return run


@service
def begin_prediction(*, actor: User, prediction: PredictionRun) -> ObjectSet:
    """Give a run its object set; a run that began before keeps its set.

    A job needs no permission to go on: the person who started it may have lost theirs meanwhile.
    """
    locked = PredictionRun.objects.select_for_update(of=("self",)).get(pk=prediction.pk)
    if locked.object_set is not None:
        nothing_written()
        return locked.object_set
    version = prediction.model_version
    locked.object_set = begin_object_set(
        actor=actor,
        slide=prediction.slide,
        name=version.name,
        source=ObjectSet.Source.MODEL,
        labels=version.labels,
        producer_id=version.pk,
        producer_name=version.name,
    )
    locked.save(update_fields=["object_set"])
    return locked.object_set


@service
def finish_prediction(
    *,
    actor: User,
    prediction: PredictionRun,
    job: Job,
    key: str,
    manifest: Manifest,
    finding: dict[str, Any] | None = None,
) -> ObjectSet:
    """Make the set of a run ready and supersede older suggestions, in one step.

    Raises CancelledError when the job was cancelled, or taken over after its heart had stopped. A job needs
    no permission to end.
    """
    mine = Job.objects.select_for_update().get(pk=job.pk)
    if mine.cancel_requested_at or mine.attempt != job.attempt or mine.state != Job.State.RUNNING:
        raise CancelledError
    run = PredictionRun.objects.select_related(
        "object_set__slide__project", "slide__project", "model_version"
    ).get(pk=prediction.pk)
    if run.object_set is None:
        message = Message("run_without_objects")
        raise NothingToPredictError(message)
    summary = {
        "levels": manifest.levels,
        "tile0": manifest.tile0,
        "shape": manifest.shape,
        "digest": manifest.digest,
    }
    run.finding = finding
    run.save(update_fields=["finding"])
    finished = finish_object_set(
        actor=actor, object_set=run.object_set, key=key, count=manifest.count, summary=summary
    )
    supersede_object_sets(actor=actor, slide=run.slide, sets=_sets_to_supersede(run))
    return finished


@service
def abandon_prediction(*, actor: User, job: Job) -> None:
    """Remove the output of a failed or cancelled run; a retry begins a new set."""
    run = (
        PredictionRun.objects.select_for_update(of=("self",))
        .select_related("object_set__slide__project")
        .filter(pk=PredictionInput.from_json(job.input).prediction)
        .first()
    )
    if run is None or run.object_set is None:
        nothing_written()
        return
    discard_object_set(actor=actor, object_set=run.object_set)


def _sets_to_supersede(run: PredictionRun) -> list[ObjectSet]:
    """Return the sets that this run's set supersedes.

    Only sets of the same task whose area the run covers step back. A run that finishes after a
    later one steps back itself.
    """
    others = (
        PredictionRun.objects.filter(
            slide=run.slide,
            model_version__task=run.model_version.task,
            object_set__isnull=False,
            object_set__state=ObjectSet.State.READY,
            object_set__superseded_at__isnull=True,
        )
        .exclude(pk=run.pk)
        .select_related("object_set")
    )
    older = [other for other in others if not _later(other, run) and _covers(run, other)]
    newer = any(_later(other, run) and _covers(other, run) for other in others)
    stepping_back = [*older, *([run] if newer else [])]
    return [item.object_set for item in stepping_back if item.object_set is not None]


def _later(one: PredictionRun, other: PredictionRun) -> bool:
    return (one.created_at, str(one.pk)) > (other.created_at, str(other.pk))


def _covers(one: PredictionRun, other: PredictionRun) -> bool:
    if one.region is None:
        return True
    if other.region is None:
        return False
    return bool(shapely.covers(shape(one.region), shape(other.region)))
