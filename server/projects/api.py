"""Projects, members and labels over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.authentication import actor_of
from server.accounts.selectors import get_user
from server.projects import selectors, services
from server.projects.models import Label, Membership, Project, Role
from server.projects.serializers import (
    LabelChangesSerializer,
    LabelOrderSerializer,
    LabelSerializer,
    MembershipSerializer,
    NewLabelSerializer,
    NewMemberSerializer,
    NewProjectSerializer,
    ProjectChangesSerializer,
    ProjectSerializer,
    RoleSerializer,
)


def _project_body(request: Request, project_id: UUID) -> Any:
    project = selectors.projects_with_labels(actor_of(request)).get(pk=project_id)
    return ProjectSerializer(project, context={"request": request}).data


class ProjectsView(GenericAPIView[Project]):
    """The actor's projects."""

    serializer_class = ProjectSerializer

    @extend_schema(operation_id="list_projects")
    def get(self, request: Request) -> Response:
        """List the projects that the actor may see."""
        page = self.paginate_queryset(selectors.projects_with_labels(actor_of(request)))
        body = ProjectSerializer(page, many=True, context={"request": request}).data
        return self.get_paginated_response(body)

    @extend_schema(
        operation_id="create_project",
        request=NewProjectSerializer,
        responses={201: ProjectSerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a project."""
        form = NewProjectSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        project = services.create_project(actor=actor_of(request), **form.validated_data)
        return Response(_project_body(request, project.pk), status=status.HTTP_201_CREATED)


class ProjectView(APIView):
    """One project."""

    @extend_schema(operation_id="get_project", responses=ProjectSerializer)
    def get(self, request: Request, project_id: UUID) -> Response:
        """Return a project with its labels."""
        project = selectors.get_project_for(actor_of(request), project_id)
        return Response(_project_body(request, project.pk))

    @extend_schema(
        operation_id="change_project", request=ProjectChangesSerializer, responses=ProjectSerializer
    )
    def patch(self, request: Request, project_id: UUID) -> Response:
        """Change name, description, or the quality mapping of new slides."""
        project = selectors.get_project_for(actor_of(request), project_id)
        form = ProjectChangesSerializer(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        changes = services.ProjectChanges.from_json(form.validated_data)
        services.change_project(actor=actor_of(request), project=project, changes=changes)
        return Response(_project_body(request, project.pk))


class MembersView(GenericAPIView[Membership]):
    """The members of a project."""

    session_required = True
    serializer_class = MembershipSerializer

    @extend_schema(operation_id="list_members")
    def get(self, request: Request, project_id: UUID) -> Response:
        """List members and their roles."""
        project = selectors.get_project_for(actor_of(request), project_id)
        page = self.paginate_queryset(selectors.members_of(project))
        return self.get_paginated_response(MembershipSerializer(page, many=True).data)

    @extend_schema(
        operation_id="add_member",
        request=NewMemberSerializer,
        responses={201: MembershipSerializer},
    )
    def post(self, request: Request, project_id: UUID) -> Response:
        """Add a member."""
        project = selectors.get_project_for(actor_of(request), project_id, Role.MANAGER)
        form = NewMemberSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        membership = services.add_member(
            actor=actor_of(request),
            project=project,
            user=get_user(form.validated_data["user_id"]),
            role=Role(form.validated_data["role"]),
        )
        return Response(MembershipSerializer(membership).data, status=status.HTTP_201_CREATED)


class MemberView(APIView):
    """One membership."""

    session_required = True

    @extend_schema(operation_id="change_member", request=RoleSerializer, responses=MembershipSerializer)
    def patch(self, request: Request, project_id: UUID, membership_id: UUID) -> Response:
        """Change the role of a member."""
        project = selectors.get_project_for(actor_of(request), project_id, Role.MANAGER)
        form = RoleSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        membership = services.change_member(
            actor=actor_of(request),
            membership=selectors.get_membership(project, membership_id),
            role=Role(form.validated_data["role"]),
        )
        return Response(MembershipSerializer(membership).data)

    @extend_schema(operation_id="remove_member", responses={204: None})
    def delete(self, request: Request, project_id: UUID, membership_id: UUID) -> Response:
        """Remove a member."""
        project = selectors.get_project_for(actor_of(request), project_id, Role.MANAGER)
        membership = selectors.get_membership(project, membership_id)
        services.remove_member(actor=actor_of(request), membership=membership)
        return Response(status=status.HTTP_204_NO_CONTENT)


class LabelsView(GenericAPIView[Label]):
    """The label schema."""

    serializer_class = LabelSerializer

    @extend_schema(operation_id="list_labels")
    def get(self, request: Request, project_id: UUID) -> Response:
        """List all labels, the retired ones too."""
        project = selectors.get_project_for(actor_of(request), project_id)
        page = self.paginate_queryset(project.labels.order_by("order", "created_at"))
        return self.get_paginated_response(LabelSerializer(page, many=True).data)

    @extend_schema(operation_id="create_label", request=NewLabelSerializer, responses={201: LabelSerializer})
    def post(self, request: Request, project_id: UUID) -> Response:
        """Add a class."""
        project = selectors.get_project_for(actor_of(request), project_id, Role.MANAGER)
        form = NewLabelSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        label = services.create_label(actor=actor_of(request), project=project, **form.validated_data)
        return Response(LabelSerializer(label).data, status=status.HTTP_201_CREATED)


class LabelOrderView(APIView):
    """The order of the labels."""

    @extend_schema(operation_id="reorder_labels", request=LabelOrderSerializer, responses={204: None})
    def put(self, request: Request, project_id: UUID) -> Response:
        """Reorder the labels in use."""
        project = selectors.get_project_for(actor_of(request), project_id, Role.MANAGER)
        form = LabelOrderSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        services.reorder_labels(actor=actor_of(request), project=project, **form.validated_data)
        return Response(status=status.HTTP_204_NO_CONTENT)


class LabelView(APIView):
    """One label."""

    @extend_schema(operation_id="change_label", request=LabelChangesSerializer, responses=LabelSerializer)
    def patch(self, request: Request, project_id: UUID, label_id: UUID) -> Response:
        """Change name, colour, key or code."""
        project = selectors.get_project_for(actor_of(request), project_id, Role.MANAGER)
        form = LabelChangesSerializer(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        label = selectors.get_label(project, label_id)
        label = services.change_label(
            actor=actor_of(request),
            label=label,
            changes=services.LabelChanges.from_json(form.validated_data),
            allow_similar_name=form.validated_data.get("allow_similar_name", False),
        )
        return Response(LabelSerializer(label).data)


class RetireLabelView(APIView):
    """Retirement of a label."""

    @extend_schema(operation_id="retire_label", request=None, responses=LabelSerializer)
    def post(self, request: Request, project_id: UUID, label_id: UUID) -> Response:
        """Retire a label."""
        project = selectors.get_project_for(actor_of(request), project_id, Role.MANAGER)
        label = selectors.get_label(project, label_id)
        return Response(LabelSerializer(services.retire_label(actor=actor_of(request), label=label)).data)
