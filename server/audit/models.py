"""The append-only audit record, chained by hash per project."""

from __future__ import annotations

from django.db import models


class AuditChain(models.Model):
    """The head of one chain. Locked while a record is appended, so that the order is total."""

    key = models.CharField(max_length=64, primary_key=True)
    length = models.PositiveBigIntegerField(default=0)
    digest = models.CharField(max_length=64, default="")


class AuditRecord(models.Model):
    """One audit record. The actor is stored as a value, so that the record outlives the account."""

    id = models.BigAutoField(primary_key=True)
    chain = models.ForeignKey(AuditChain, on_delete=models.PROTECT, related_name="records")
    sequence = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    actor_id = models.CharField(max_length=64)
    actor_name = models.CharField(max_length=200)
    action = models.CharField(max_length=64)
    subject_type = models.CharField(max_length=64)
    subject_id = models.CharField(max_length=64)
    details = models.JSONField(default=dict)
    reason = models.TextField(blank=True)
    correlation_id = models.CharField(max_length=64, blank=True)
    previous_digest = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["chain", "sequence"], name="audit_one_record_per_sequence"),
        ]
        indexes = [
            models.Index(fields=["subject_type", "subject_id"], name="audit_by_subject"),
            models.Index(fields=["actor_id", "at"], name="audit_by_actor"),
        ]
