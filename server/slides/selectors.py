"""Queries of slides, cases and own uploads."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from ml.messages import Message
from server.accounts.models import User
from server.core.errors import NotVisibleError, StateError
from server.core.files.storage import storage_path
from server.core.prepared import BoundList, PreparedList
from server.projects.models import Project
from server.projects.selectors import VisibleRow, projects_visible_to
from server.slides.hooks import counts, register_count
from server.slides.models import Case, Registration, Slide, Upload

__all__ = [
    "cases_visible_to",
    "find_ready_slide",
    "get_case_for",
    "get_slide_for",
    "get_upload_for",
    "register_count",
    "slide_path",
    "slides_visible_to",
    "with_counts",
]


def slides_visible_to(actor: User) -> QuerySet[Slide]:
    """Return the slides of all projects that the actor sees, with tissue outlines deferred."""
    return _slides_of(projects_visible_to(actor))


def _slides_of(projects: QuerySet[Project]) -> QuerySet[Slide]:
    slides = Slide.objects.filter(project__in=projects)
    return slides.select_related("project", "case", "label").defer("tissue")


_slide = VisibleRow(_slides_of)


def with_counts(slides: QuerySet[Slide]) -> QuerySet[Slide]:
    """Return the slides with the numbers that downstream apps registered."""
    return slides.annotate(**counts())


_slides_of_project = PreparedList(
    lambda project_id: with_counts(
        Slide.objects.filter(project=project_id).select_related("case").defer("tissue")
    ).order_by("name", "id"),
    UUID,
)


def list_slides_of(project: Project) -> BoundList[Slide]:
    """Return the slides of a project with their counts, by name; the caller has checked the permission."""
    return _slides_of_project.bind(project.pk)


def get_slide_for(actor: User, slide_id: UUID) -> Slide:
    """Return one slide; raises NotVisibleError."""
    return _slide.get(actor, slide_id)


def get_counted_slide_for(actor: User, slide_id: UUID) -> Slide:
    """Return one slide with the numbers of ``with_counts``; raises NotVisibleError."""
    for slide in with_counts(slides_visible_to(actor).filter(pk=slide_id)):
        return slide
    raise NotVisibleError


def cases_visible_to(actor: User) -> QuerySet[Case]:
    """Return the cases of all projects that the actor sees, by pseudonym."""
    return Case.objects.filter(project__in=projects_visible_to(actor)).order_by("pseudonym", "id")


def get_case_for(actor: User, case_id: UUID) -> Case:
    """Return one case; raises NotVisibleError."""
    case = cases_visible_to(actor).select_related("project").filter(pk=case_id).first()
    if case is None:
        raise NotVisibleError
    return case


def get_upload_for(actor: User, upload_id: UUID) -> Upload:
    """Return one upload; visible to its owner only."""
    upload = Upload.objects.filter(pk=upload_id, user=actor).select_related("project").first()
    if upload is None:
        raise NotVisibleError
    return upload


def find_ready_slide(project: Project, sha256: str) -> Slide | None:
    """Return the slide with this content in the project, if it has been imported."""
    return Slide.objects.filter(project=project, sha256=sha256, state=Slide.State.READY).first()


def find_slide(slide_id: UUID | str) -> Slide | None:
    """Return a slide by its id, for a job; None when it was deleted."""
    return Slide.objects.select_related("project").filter(pk=slide_id).first()


def stained_slides_of(project: Project) -> QuerySet[Slide]:
    """Return the ready slides of a project that have no channels; the caller has checked the permission."""
    return Slide.objects.filter(project=project, state=Slide.State.READY, channels=[])


def slides_by_id(slide_ids: Iterable[UUID | str]) -> dict[str, Slide]:
    """Return the slides that exist, by the text of their ids; the caller has checked the permission."""
    return {str(slide.pk): slide for slide in Slide.objects.filter(pk__in=list(slide_ids))}


def tissue_outlines(slides: Iterable[Slide]) -> dict[UUID, Any]:
    """Return the outlines of tissue, as GeoJSON or None, by the ids of the slides."""
    rows = Slide.objects.filter(pk__in=[slide.pk for slide in slides])
    return dict(rows.values_list("pk", "tissue"))


def contents_of_slides(hashes: Collection[str]) -> Iterable[str]:
    """Return those of the content hashes that a slide of any project has."""
    return Slide.objects.filter(sha256__in=hashes).values_list("sha256", flat=True)


def require_ready(slide: Slide) -> Slide:
    """Return the slide; raises StateError while it has no pixels."""
    if slide.state != Slide.State.READY:
        raise StateError(slide.failure or Message("still_importing"), code="slide_not_ready")
    return slide


def slide_path(slide: Slide) -> Path:
    """Return the file to open (of a DICOM series, one of its volumes); raises StateError."""
    return storage_path(require_ready(slide).source_key)


def registrations_visible_to(actor: User) -> QuerySet[Registration]:
    """Return the registrations in all projects that the actor sees."""
    return Registration.objects.filter(fixed__project__in=projects_visible_to(actor)).select_related(
        "fixed__project", "moving", "job__created_by", "job__project"
    )


def get_registration_for(actor: User, registration_id: UUID) -> Registration:
    """Return one registration; raises NotVisibleError."""
    registration = registrations_visible_to(actor).filter(pk=registration_id).first()
    if registration is None:
        raise NotVisibleError
    return registration
