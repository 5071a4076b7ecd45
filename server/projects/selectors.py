"""Reading projects: every read for a person starts here."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Count, Prefetch, Q, QuerySet

from server.core.errors import NotVisibleError
from server.projects.models import Label, Membership, Project, Role
from server.projects.policies import require_role


def projects_visible_to(actor: Any) -> QuerySet[Project]:
    """Return the projects of which the actor is a member; all of them for an administrator."""
    projects = Project.objects.order_by("name", "id")
    if actor.is_superuser:
        return projects
    return projects.filter(memberships__user=actor)


def project_ids_managed_by(actor: Any) -> set[UUID]:
    """Return the ids of the projects of which the actor is a manager."""
    managed = Membership.objects.filter(user=actor, role=Role.MANAGER)
    return set(managed.values_list("project_id", flat=True))


def projects_with_labels(actor: Any) -> QuerySet[Project]:
    """Return the visible projects with labels, own membership and count of slides at hand."""
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
    project = Project.objects.filter(pk=project_id).first()
    if project is None:
        raise NotVisibleError
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
