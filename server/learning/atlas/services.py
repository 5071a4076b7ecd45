"""The atlas of a project: request, storage, reading."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import numpy as np
import shapely
from django.db.models import QuerySet
from shapely.geometry import shape

from ml.messages import Message
from server.accounts.models import User
from server.annotations.selectors import annotations_visible_to
from server.audit.services import record
from server.core.files.storage import storage_path
from server.core.inputs import JobInput
from server.core.services import nothing_written, service
from server.jobs.services import create_job
from server.learning.errors import NotReadyError
from server.learning.models import Atlas
from server.learning.policies import round_policy
from server.projects.models import Project
from server.projects.selectors import projects_visible_to
from server.slides.models import Slide

UNFINISHED: Final = ("queued", "running")


def atlases_visible_to(actor: User) -> QuerySet[Atlas]:
    """Return the atlases of all projects that the actor sees."""
    return Atlas.objects.filter(project__in=projects_visible_to(actor)).select_related(
        "project", "job__created_by", "job__project"
    )


def slides_of_atlas(actor: User, project: Project) -> dict[str, Slide]:
    """Return the ready slides of a project, as a member sees them, by id."""
    visible = Slide.objects.filter(project__in=projects_visible_to(actor))
    return {str(row.pk): row for row in visible.filter(project=project, state=Slide.State.READY)}


def read_atlas(atlas: Atlas) -> dict[str, Any]:
    """Return the file of an atlas."""
    document: dict[str, Any] = json.loads(storage_path(atlas.storage_key).read_text(encoding="utf-8"))
    return document


def is_outdated(atlas: Atlas, slides: Iterable[Slide]) -> bool:
    """Return whether the resolution of a slide changed since the atlas was asked for."""
    changed = (slide.resolution_changed_at for slide in slides)
    return any(at is not None and at > atlas.created_at for at in changed)


def labels_at(actor: User, points: Sequence[Mapping[str, Any]]) -> list[UUID | None]:
    """Return the label of the newest annotation over the centre of each patch; None without one."""
    trees: dict[str, tuple[shapely.STRtree, list[int]]] = {}
    for slide in {point["slide"] for point in points}:
        numbers = [number for number, point in enumerate(points) if point["slide"] == slide]
        corners = np.array([[points[n]["x"], points[n]["y"]] for n in numbers])
        # Atlases built before hold squares of square pixels, without a height.
        sides = np.array([[points[n]["side"], points[n].get("height", points[n]["side"])] for n in numbers])
        trees[slide] = shapely.STRtree([shapely.Point(spot) for spot in corners + sides / 2]), numbers
    labels: list[UUID | None] = [None] * len(points)
    drawn = annotations_visible_to(actor).filter(slide__in=list(trees), label__isnull=False, area_px__gt=0)
    rows = drawn.order_by("created_at", "id").values_list("slide_id", "label_id", "geometry")
    for slide_id, label_id, geometry in rows.iterator():
        tree, numbers = trees[str(slide_id)]
        for place in tree.query(shape(geometry), predicate="intersects"):
            labels[numbers[place]] = label_id
    return labels


@dataclass(frozen=True, slots=True)
class AtlasInput(JobInput):
    """Id of the atlas to build."""

    atlas: str


@service
def start_atlas(*, actor: User, project: Project) -> Atlas:
    """Start a job that makes an atlas of all ready slides; one under way is returned instead.

    The former atlas is shown until the new one is there. Raises NotReadyError without a ready slide.
    """
    round_policy.require(actor, project, "build_atlas")
    Project.objects.select_for_update().get(pk=project.pk)
    atlas = (
        Atlas.objects.filter(project=project)
        .select_related("job__created_by", "job__project")
        .order_by("-created_at")
        .first()
    )
    if atlas and atlas.job.state in UNFINISHED:
        nothing_written()
        return atlas
    if not Slide.objects.filter(project=project, state=Slide.State.READY, channels=[]).exists():
        message = Message("no_slide_to_lay_out")
        raise NotReadyError(message, code="no_slides")
    pk = uuid.uuid4()
    job = create_job(
        actor=actor,
        kind="build_atlas",
        title=Message("job_build_atlas", name=project.name),
        input=AtlasInput(atlas=str(pk)).to_json(),
        project=project,
        subject=project,
        queue="cpu",
    )
    atlas = Atlas.objects.create(pk=pk, project=project, job=job)
    record(actor=actor, action="atlas.build", subject=project, project=project)
    return atlas


@service
def finish_atlas(*, actor: User, atlas: Atlas, key: str, shown: int, total: int) -> Atlas:
    """Store the file of a run; an atlas stored before stays. A job needs no permission to end."""
    locked = Atlas.objects.select_for_update(of=("self",)).get(pk=atlas.pk)
    if locked.storage_key:
        nothing_written()
        return locked
    locked.storage_key, locked.shown, locked.total = key, shown, total
    locked.save(update_fields=["storage_key", "shown", "total"])
    record(
        actor=actor,
        action="atlas.built",
        subject=atlas.project,
        project=atlas.project,
        details={"shown": shown, "of": total},
    )
    return locked
