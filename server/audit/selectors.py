"""Reading the record: whether something happened since."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models

from server.audit.models import AuditChain, AuditRecord


def count_records(project: models.Model) -> int:
    """Return the length of the chain of a project, which is the number of its last record."""
    return AuditChain.objects.filter(key=str(project.pk)).values_list("length", flat=True).first() or 0


def has_records_since(project: models.Model, number: int, nouns: Iterable[str]) -> bool:
    """Return whether the chain of a project has actions on one of the nouns after a record's number."""
    about = models.Q()
    for noun in nouns:
        about |= models.Q(action__startswith=f"{noun}.")
    return AuditRecord.objects.filter(about, chain_id=str(project.pk), sequence__gt=number).exists()


def find_latest_actor_name(subject_type: str, subject_id: str, actions: Iterable[str]) -> str | None:
    """Return the name of the user who last performed one of the actions on a subject, else None."""
    records = AuditRecord.objects.filter(subject_type=subject_type, subject_id=subject_id, action__in=actions)
    return records.order_by("-id").values_list("actor_name", flat=True).first()
