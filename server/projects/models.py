"""Projects, their members and their label schema."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q

from server.core.models import Entity
from server.core.prepared import PreparedQuery


class Role(models.TextChoices):
    """Role of a member. Each role includes the permissions of the ones before it."""

    ANNOTATOR = "annotator"
    REVIEWER = "reviewer"
    MANAGER = "manager"


class Project(Entity):
    """A label schema, its members, its slides.

    With ``map_quality`` the quality of each slide is mapped once it is imported.
    """

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    map_quality = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name


class Membership(Entity):
    """One person's role in one project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="projects_one_role_per_member"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="projects_role_is_known"),
        ]


class Label(Entity):
    """A class of the schema. Retired, never deleted: annotations and models refer to it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="labels")
    name = models.CharField(max_length=100)
    colour = models.CharField(max_length=7)
    key = models.PositiveSmallIntegerField(null=True, blank=True)
    order = models.PositiveSmallIntegerField(default=0)
    snomed = models.CharField(max_length=20, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["order", "created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "name"],
                condition=Q(retired_at__isnull=True),
                name="projects_label_name_once",
            ),
            models.UniqueConstraint(
                fields=["project", "key"],
                condition=Q(retired_at__isnull=True, key__isnull=False),
                name="projects_label_key_once",
            ),
            models.CheckConstraint(
                condition=Q(key__isnull=True) | Q(key__gte=1, key__lte=9),
                name="projects_label_key_1_to_9",
            ),
            models.CheckConstraint(
                condition=Q(colour__regex=r"^#[0-9a-f]{6}$"), name="projects_label_colour_is_hex"
            ),
        ]

    def __str__(self) -> str:
        return self.name


_membership = PreparedQuery(
    lambda project_id, user_id: Membership.objects.filter(project_id=project_id, user_id=user_id), UUID, UUID
)


def find_membership(project_id: UUID, user_id: UUID) -> Membership | None:
    """Return the membership of a user in a project, else None. Policies ask it, which selectors import."""
    return _membership.first(project_id, user_id)
