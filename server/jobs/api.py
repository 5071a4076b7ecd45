"""Jobs over HTTP. Their event streams are in ``streams``."""

from __future__ import annotations

from uuid import UUID

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from server.accounts.authentication import actor_of
from server.jobs import selectors, services
from server.jobs.models import Job
from server.jobs.serializers import JobSerializer


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
    queryset = Job.objects.none()

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
