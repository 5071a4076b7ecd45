"""Serializers of jobs."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from server.accounts.serializers import UserSerializer
from server.core.schema import MessageSerializer
from server.core.tasks import KINDS
from server.jobs.models import Job
from server.jobs.policies import can_run_again
from server.projects.selectors import project_ids_managed_by


class JobSerializer(serializers.ModelSerializer[Job]):
    """A job as users see it."""

    kind = serializers.ChoiceField(choices=KINDS, read_only=True)
    created_by = UserSerializer(read_only=True)
    title = MessageSerializer(read_only=True)
    message = MessageSerializer(read_only=True, allow_null=True)
    error = MessageSerializer(read_only=True, allow_null=True)
    result = serializers.SerializerMethodField()
    can_cancel = serializers.SerializerMethodField()
    can_retry = serializers.SerializerMethodField()

    class Meta:
        model = Job
        fields = (
            "id",
            "kind",
            "title",
            "project_id",
            "subject_type",
            "subject_id",
            "state",
            "progress",
            "message",
            "error_code",
            "error",
            "result",
            "attempt",
            "created_by",
            "created_at",
            "started_at",
            "finished_at",
            "can_cancel",
            "can_retry",
        )

    @extend_schema_field(
        {
            "type": "object",
            "nullable": True,
            "properties": {
                "outcome": {"type": "string"},
                "report": {"$ref": "#/components/schemas/Imported"},
            },
            "additionalProperties": {},
            "description": "Figures by name; ``report`` is that of an import.",
        }
    )
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
