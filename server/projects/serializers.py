"""Serializers of projects, members and labels."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from server.accounts.serializers import UserSerializer
from server.audit.seen import SeenField
from server.core.names import NameField
from server.projects.models import Label, Membership, Project, Role


class LabelSerializer(serializers.ModelSerializer[Label]):
    """A class of the schema."""

    class Meta:
        model = Label
        fields = ("id", "name", "colour", "key", "order", "snomed", "retired_at")


class NewLabelSerializer(serializers.Serializer[Any]):
    """A new class."""

    name = NameField(max_length=100)
    colour = serializers.RegexField(r"^#[0-9a-fA-F]{6}$")
    key = serializers.IntegerField(min_value=1, max_value=9, allow_null=True, required=False)
    snomed = serializers.CharField(max_length=20, allow_blank=True, required=False)
    allow_similar_name = serializers.BooleanField(
        required=False,
        help_text="True for a name that differs from that of another label in letter case only.",
    )


class LabelChangesSerializer(NewLabelSerializer):
    """Changes of a class."""

    seen = SeenField()


class ProjectSerializer(serializers.ModelSerializer[Project]):
    """A project as the actor sees it."""

    my_role = serializers.SerializerMethodField()
    slide_count = serializers.SerializerMethodField()
    labels = LabelSerializer(many=True, read_only=True)

    class Meta:
        model = Project
        fields = (
            "id",
            "name",
            "description",
            "map_quality",
            "my_role",
            "slide_count",
            "labels",
            "created_at",
        )

    @extend_schema_field(serializers.ChoiceField(choices=Role.choices))
    def get_my_role(self, project: Project) -> str:
        """Return the actor's role; an administrator counts as manager."""
        own: list[Membership] = getattr(project, "own_memberships", [])
        if self.context["request"].user.is_superuser or not own:
            return Role.MANAGER.value
        return own[0].role

    def get_slide_count(self, project: Project) -> int:
        """Return the number of ready slides, counted by the selector that lists projects."""
        return getattr(project, "slide_count", 0)


class NewProjectSerializer(serializers.Serializer[Any]):
    """A new project."""

    name = NameField(max_length=200)
    description = serializers.CharField(max_length=5000, allow_blank=True, required=False)


class ProjectChangesSerializer(NewProjectSerializer):
    """Changes of a project."""

    map_quality = serializers.BooleanField(
        required=False, help_text="Whether the quality of each slide is mapped once it is imported."
    )
    seen = SeenField()


class MembershipSerializer(serializers.ModelSerializer[Membership]):
    """A member and their role."""

    user = UserSerializer(read_only=True)
    is_active = serializers.BooleanField(
        source="user.is_active", read_only=True, help_text="False for a deactivated account."
    )

    class Meta:
        model = Membership
        fields = ("id", "user", "role", "is_active")


class NewMemberSerializer(serializers.Serializer[Any]):
    """A user and their new role."""

    user_id = serializers.UUIDField()
    role = serializers.ChoiceField(choices=Role.choices)


class RoleSerializer(serializers.Serializer[Any]):
    """The new role of a member."""

    role = serializers.ChoiceField(choices=Role.choices)


class LabelOrderSerializer(serializers.Serializer[Any]):
    """The labels in use, in their new order."""

    label_ids = serializers.ListField(child=serializers.UUIDField(), max_length=1000)
    seen = serializers.ListField(
        child=serializers.UUIDField(),
        max_length=1000,
        required=False,
        help_text="The order that was changed. The change is refused where another stands now.",
    )
