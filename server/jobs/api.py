"""Jobs over HTTP. Their event streams are in ``streams``."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import django_filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.api import UserSerializer
from server.accounts.authentication import actor_of
from server.jobs import selectors, services
from server.jobs.models import Job
from server.jobs.policies import can_run_again
from server.projects.selectors import project_ids_managed_by


class JobSerializer(serializers.ModelSerializer[Job]):
    """A job as users see it."""

    created_by = UserSerializer(read_only=True)
    title_values = serializers.DictField(read_only=True)
    message_values = serializers.DictField(read_only=True)
    result = serializers.SerializerMethodField()
    can_cancel = serializers.SerializerMethodField()
    can_retry = serializers.SerializerMethodField()

    class Meta:
        model = Job
        fields = (
            "id",
            "kind",
            "title",
            "title_code",
            "title_values",
            "project_id",
            "subject_type",
            "subject_id",
            "state",
            "progress",
            "message",
            "message_code",
            "message_values",
            "error_code",
            "error_message",
            "error_message_code",
            "error_message_values",
            "result",
            "attempt",
            "created_by",
            "created_at",
            "started_at",
            "finished_at",
            "can_cancel",
            "can_retry",
        )

    @extend_schema_field(serializers.DictField(allow_null=True))
    def get_result(self, job: Job) -> Any:
        """Return the task's result."""
        return job.result

    def get_can_cancel(self, job: Job) -> bool:
        """Return whether the actor may cancel the job now."""
        return job.state not in Job.FINAL and self._steers(job)

    def get_can_retry(self, job: Job) -> bool:
        """Return whether the actor may retry the job now."""
        return can_run_again(job) and self._steers(job)

    def _steers(self, job: Job) -> bool:
        """Return ``jobs.policies.may_steer``, with one query for all rows of a response."""
        actor = self.context["request"].user
        if actor.is_superuser or job.created_by_id == actor.pk:
            return True
        shared = cast("dict[str, Any]", self.context)
        if "managed_projects" not in shared:
            shared["managed_projects"] = project_ids_managed_by(actor)
        return job.project_id in shared["managed_projects"]


class JobFilter(django_filters.FilterSet):
    """Filter of jobs."""

    project = django_filters.UUIDFilter(field_name="project_id")
    state = django_filters.MultipleChoiceFilter(choices=Job.State.choices)
    kind = django_filters.CharFilter()
    subject_id = django_filters.CharFilter()

    class Meta:
        model = Job
        fields = ("project", "state", "kind", "subject_id")


class JobsView(GenericAPIView[Job]):
    """The jobs that the actor may see."""

    serializer_class = JobSerializer
    filterset_class = JobFilter
    queryset = Job._default_manager.none()  # noqa: SLF001 - for the schema alone

    @extend_schema(operation_id="list_jobs")
    def get(self, request: Request) -> Response:
        """List the jobs, newest first."""
        page = self.paginate_queryset(self.filter_queryset(selectors.jobs_visible_to(actor_of(request))))
        body = JobSerializer(page, many=True, context={"request": request}).data
        return self.get_paginated_response(body)


class JobView(APIView):
    """One job."""

    @extend_schema(operation_id="get_job", responses=JobSerializer)
    def get(self, request: Request, job_id: UUID) -> Response:
        """Return a job."""
        job = selectors.get_job_for(actor_of(request), job_id)
        return Response(JobSerializer(job, context={"request": request}).data)


class CancelJobView(APIView):
    """Cancellation of a job."""

    @extend_schema(operation_id="cancel_job", request=None, responses=JobSerializer)
    def post(self, request: Request, job_id: UUID) -> Response:
        """Cancel a job; its output is deleted."""
        job = selectors.get_job_for(actor_of(request), job_id)
        job = services.cancel_job(actor=actor_of(request), job=job)
        return Response(JobSerializer(job, context={"request": request}).data)


class RetryJobView(APIView):
    """Retry of a job."""

    @extend_schema(operation_id="retry_job", request=None, responses=JobSerializer)
    def post(self, request: Request, job_id: UUID) -> Response:
        """Retry a job."""
        job = selectors.get_job_for(actor_of(request), job_id)
        job = services.retry_job(actor=actor_of(request), job=job)
        return Response(JobSerializer(job, context={"request": request}).data)
