"""Jobs as rows that users see, and their events."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from server.core.message_field import MessageField
from server.core.models import Entity
from server.projects.models import Project


class Job(Entity):
    """One background job. The row is the truth; the message broker only carries its id."""

    class State(models.TextChoices):
        """State of a job; ``TRANSITIONS`` has the legal steps."""

        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    TRANSITIONS = {
        State.QUEUED: {State.RUNNING, State.CANCELLED, State.FAILED},
        State.RUNNING: {State.SUCCEEDED, State.FAILED, State.CANCELLED, State.QUEUED},
        State.FAILED: {State.QUEUED},
        State.CANCELLED: {State.QUEUED},
        State.SUCCEEDED: set(),
    }
    FINAL = (State.SUCCEEDED, State.FAILED, State.CANCELLED)

    kind = models.CharField(max_length=50)
    title = MessageField()
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, related_name="jobs")
    subject_type = models.CharField(max_length=50, blank=True)
    subject_id = models.CharField(max_length=64, blank=True)
    queue = models.CharField(max_length=10)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    input = models.JSONField(default=dict)
    result = models.JSONField(null=True)
    progress = models.FloatField(default=0)
    message = MessageField(null=True)
    error_code = models.CharField(max_length=50, blank=True)
    error = MessageField(null=True)
    # Counts on after a retry: a number that came twice would let a worker that was given up go on.
    attempt = models.PositiveSmallIntegerField(default=0)
    attempts_before_retry = models.PositiveSmallIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    cancel_requested_at = models.DateTimeField(null=True)
    dispatched_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(progress__gte=0, progress__lte=1), name="jobs_progress_is_a_share"
            ),
        ]
        indexes = [
            models.Index(fields=["project", "-created_at"], name="jobs_by_project"),
            models.Index(
                fields=["state", "heartbeat_at"],
                condition=Q(state__in=["queued", "running"]),
                name="jobs_unfinished",
            ),
            models.Index(fields=["subject_type", "subject_id"], name="jobs_by_subject"),
        ]


class JobEvent(models.Model):
    """One event of a job, numbered so that an interrupted stream can resume.

    ``news`` reports changes by people to the same stream: it has a project and no job.
    """

    class Kind(models.TextChoices):
        """Kind of an event."""

        PROGRESS = "progress"
        LOG = "log"
        STATE = "state"
        UPDATE = "update"
        NEWS = "news"

    id = models.BigAutoField(primary_key=True)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, null=True, related_name="events")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    data = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="news", job__isnull=True, project__isnull=False)
                | (~Q(kind="news") & Q(job__isnull=False, project__isnull=True)),
                name="jobs_news_is_of_a_project",
            ),
        ]
        indexes = [
            models.Index(fields=["job", "id"], name="jobs_events_in_order"),
            models.Index(fields=["at"], condition=Q(kind="news"), name="jobs_news_by_age"),
        ]
