"""Refuse a change that starts from values changed by another user meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class ComparedValues:
    """JSON values of the fields of one change: as the person saw them, as stored, as they become.

    ``seen`` is None where the client sends none, or has some of the fields only.
    """

    seen: Mapping[str, Any] | None
    stored: Mapping[str, Any]
    new: Mapping[str, Any]

    def changed_by_others(self) -> dict[str, Any]:
        """Return the stored values that are neither as the person saw them nor as they become."""
        seen = self.seen or {}
        return {
            name: self.stored[name]
            for name in self.new
            if name in seen and self.stored[name] not in (seen[name], self.new[name])
        }


def refuse_unseen(subject: models.Model, values: ComparedValues, *, actions: Collection[str]) -> None:
    """Raise ConflictError(``changed_meanwhile``) when a field that changes is not as the person saw it.

    The error names the person of the latest of ``actions`` on the subject, and the stored values.
    """
    theirs = values.changed_by_others()
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
