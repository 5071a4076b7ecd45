"""URLs of the ``jobs`` app, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from server.jobs import api

urlpatterns = [
    path("jobs", api.JobsView.as_view(), name="jobs"),
    path("jobs/<uuid:job_id>", api.JobView.as_view(), name="job"),
    path("jobs/<uuid:job_id>/cancel", api.CancelJobView.as_view(), name="cancel-job"),
    path("jobs/<uuid:job_id>/retry", api.RetryJobView.as_view(), name="retry-job"),
]
