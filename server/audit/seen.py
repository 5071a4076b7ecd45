"""Refuse a change that starts from values changed by another user meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db import models
from rest_framework import serializers

from ml.messages import Message
from server.audit.selectors import find_latest_actor_name
from server.audit.services import subject_type_of
from server.core.errors import ConflictError


class SeenField(serializers.DictField):
    """The values that the person saw of the fields that they change."""

    def __init__(self) -> None:
        text = "Values that the changed fields had before. The change is refused where others stand now."
        super().__init__(child=serializers.JSONField(allow_null=True), required=False, help_text=text)


def refuse_unseen(
    subject: models.Model,
    seen: Mapping[str, Any] | None,
    *,
    now: Mapping[str, Any],
    wanted: Mapping[str, Any],
    actions: Collection[str],
) -> None:
    """Raise ConflictError(``changed_meanwhile``) when a field that changes is not as the person saw it.

    ``now`` and ``wanted`` map fields to JSON values. The error names the person of the latest of ``actions``
    on the subject, and the values that stand now. Nothing is refused without ``seen``, nor values that are
    already as wanted.
    """
    theirs = {
        name: now[name]
        for name in wanted
        if seen is not None and name in seen and now[name] not in (seen[name], wanted[name])
    }
    if not theirs:
        return
    person = find_latest_actor_name(subject_type_of(subject), str(subject.pk), actions)
    message = Message(
        "changed_by_other",
        person=person or "?",
        value=", ".join(_in_words(value) for value in theirs.values()),
    )
    raise ConflictError(message, code="changed_meanwhile", changed_by=person, current=theirs)


def _in_words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_in_words(item)}" for name, item in value.items()) or "–"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "–" if value in (None, "") else str(value)
