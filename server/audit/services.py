"""Services that append audit records. Called by every service, inside its transaction."""

from __future__ import annotations

import hashlib
import json
import math
import re
from contextvars import ContextVar
from typing import Any, Final

from django.db import models, transaction
from django.utils import timezone

from server.audit.models import AuditChain, AuditRecord
from server.core.prepared import PreparedQuery
from server.core.row_writes import insert_row, update_row
from server.core.services import note_audit_record

correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")

SITE_CHAIN = "site"
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
# From here on Python writes a float with an exponent.
_LARGEST_FRACTION: Final = 1e16

_head_for_update = PreparedQuery(lambda key: AuditChain.objects.select_for_update().filter(key=key), str)


def record(
    *,
    actor: Any,
    action: str,
    subject: models.Model,
    project: models.Model | None = None,
    details: dict[str, Any] | None = None,
    reason: str = "",
) -> AuditRecord:
    """Append one record to the chain of the project, or of the site.

    ``action`` is ``noun.verb``. The chain's head is locked until the transaction ends, so records
    of one chain are in one total order.
    """
    # Without a savepoint: a record that fails spoils the write that it is part of.
    with transaction.atomic(savepoint=False):
        head = lock_chain(project)
        fact = AuditRecord(
            chain=head,
            sequence=head.length + 1,
            at=timezone.now(),
            actor_id=str(actor.pk),
            actor_name=str(actor),
            action=action,
            subject_type=subject_type_of(subject),
            subject_id=str(subject.pk),
            details=_storable(json.loads(json.dumps(details or {}, default=str))),
            reason=reason,
            correlation_id=correlation_id.get(),
            previous_digest=head.digest,
        )
        fact.digest = digest_of(fact)
        insert_row(fact)
        head.length, head.digest = fact.sequence, fact.digest
        update_row(head)
    note_audit_record()
    return fact


def subject_type_of(subject: models.Model) -> str:
    """Return the name of a row's kind in records."""
    return f"{type(subject).__module__.split('.')[1]}.{type(subject).__name__.lower()}"


def lock_chain(project: models.Model | None) -> AuditChain:
    """Return the head of the chain of a project, or of the site, locked until the transaction ends.

    One holder writes at a time: all others wait before their record.
    """
    key = str(project.pk) if project is not None else SITE_CHAIN
    head = _head_for_update.first(key)
    if head is None:
        AuditChain.objects.get_or_create(key=key)
        [head] = _head_for_update(key)
    return head


def digest_of(fact: AuditRecord) -> str:
    """Return the SHA-256 over the record's values and its predecessor's digest."""
    values = [
        fact.chain_id,
        fact.sequence,
        fact.at.isoformat(),
        fact.actor_id,
        fact.actor_name,
        fact.action,
        fact.subject_type,
        fact.subject_id,
        fact.details,
        fact.reason,
        fact.correlation_id,
        fact.previous_digest,
    ]
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def first_broken_record(key: str) -> int | None:
    """Verify one chain; return the number of the first altered record, else None.

    Reports changed, removed (also the newest, by the chain's head) and inserted records.
    """
    previous, expected = "", 1
    for fact in AuditRecord.objects.filter(chain_id=key).order_by("sequence").iterator():
        if fact.sequence != expected:
            return expected
        if fact.digest != digest_of(fact) or fact.previous_digest != previous:
            return fact.sequence
        previous, expected = fact.digest, expected + 1
    head = AuditChain.objects.filter(key=key).first()
    length, digest = (head.length, head.digest) if head else (0, "")
    if (length, digest) != (expected - 1, previous):
        return min(length + 1, expected)
    return None


def _storable(value: Any) -> Any:
    """Return JSON that every database returns unchanged, so that the digest stays true.

    PostgreSQL keeps numbers as decimals (no exponent, no minus zero), and neither the null character
    nor half a surrogate pair; no database keeps "not a number".
    """
    if isinstance(value, dict):
        return {_storable(name): _storable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        return int(value) if abs(value) >= _LARGEST_FRACTION else value + 0.0
    return value
