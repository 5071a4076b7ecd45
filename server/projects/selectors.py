"""Queries of projects: every read for a user starts here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Count, Model, Prefetch, Q, QuerySet

from server.core.errors import NotVisibleError
from server.core.prepared import PreparedQuery
from server.projects.models import Label, Membership, Project, Role
from server.projects.policies import require_role

M = TypeVar("M", bound=Model)


def projects_visible_to(actor: Any) -> QuerySet[Project]:
    """Return the actor's projects; all of them for an administrator."""
    projects = Project.objects.order_by("name", "id")
    return projects if actor.is_superuser else projects.filter(memberships__user=actor.pk)


class VisibleRow(Generic[M]):
    """Prepared query of one row by id among those whose project a user sees.

    ``rows`` returns the rows of a queryset of projects.
    """

    def __init__(self, rows: Callable[[QuerySet[Project]], QuerySet[M]]) -> None:
        projects = Project.objects.order_by()
        self._of_member = PreparedQuery(
            lambda key, user_id: rows(projects.filter(memberships__user=user_id)).filter(pk=key), UUID, UUID
        )
        self._of_anybody = PreparedQuery(lambda key: rows(projects).filter(pk=key), UUID)

    def get(self, actor: Any, key: UUID | str) -> M:
        """Return the row; raises NotVisibleError."""
        rows = self._of_anybody(key) if actor.is_superuser else self._of_member(key, actor.pk)
        for row in rows:
            return row
        raise NotVisibleError


_project = VisibleRow(lambda projects: projects)


def project_ids_managed_by(actor: Any) -> set[UUID]:
    """Return the ids of the projects that the actor manages."""
    managed = Membership.objects.filter(user=actor, role=Role.MANAGER)
    return set(managed.values_list("project_id", flat=True))


def projects_with_labels(actor: Any) -> QuerySet[Project]:
    """Return the visible projects with labels, own membership and number of slides prefetched."""
    mine = Membership.objects.filter(user=actor)
    ready = Count("slides", filter=Q(slides__state="ready"), distinct=True)
    return (
        projects_visible_to(actor)
        .annotate(slide_count=ready)
        .prefetch_related(
            Prefetch("labels", Label.objects.order_by("order", "created_at")),
            Prefetch("memberships", mine, to_attr="own_memberships"),
        )
    )


def get_project_for(actor: Any, project_id: UUID | str, minimum: Role = Role.ANNOTATOR) -> Project:
    """Return one project; NotVisibleError for a stranger, NotAllowedError below ``minimum``."""
    project = _project.get(actor, project_id)
    if minimum != Role.ANNOTATOR:
        require_role(actor, project, minimum)
    return project


def members_of(project: Project) -> QuerySet[Membership]:
    """Return the members with their users, by name."""
    return project.memberships.select_related("user").order_by("user__username")


def get_membership(project: Project, membership_id: UUID) -> Membership:
    """Return one membership of this project or raise NotVisibleError."""
    membership = project.memberships.select_related("user").filter(pk=membership_id).first()
    if membership is None:
        raise NotVisibleError
    return membership


def get_label(project: Project, label_id: UUID | str) -> Label:
    """Return one label of this project or raise NotVisibleError."""
    label = project.labels.filter(pk=label_id).first()
    if label is None:
        raise NotVisibleError
    return label


def labels_of(project: Project) -> QuerySet[Label]:
    """Return all labels of a project, retired ones too; the caller has checked the permission."""
    return Label.objects.filter(project=project)


def find_project_named(name: str) -> Project | None:
    """Return a project with this name, else None; for the set-up of an installation."""
    return Project.objects.filter(name=name).first()
