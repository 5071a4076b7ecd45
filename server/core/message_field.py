"""Model field of a message, stored as JSON with its code, parameters and English text."""

from __future__ import annotations

from typing import Any

from django.db import models

from ml.messages import Message


class MessageField(models.JSONField):
    """A ``Message``; one that no longer fits the catalogue keeps its English text."""

    _pyi_private_set_type: Message | None
    _pyi_private_get_type: Message

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Return the message of a stored value."""
        stored = super().from_db_value(value, expression, connection)
        return stored if stored is None else Message.from_json(stored)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:  # noqa: FBT001, FBT002 - Django's own signature
        """Return the JSON of a message as the database stores it."""
        stored = value.as_json() if isinstance(value, Message) else value
        return super().get_db_prep_value(stored, connection, prepared)


def message_from_parts(text: str, code: str, values: dict[str, Any]) -> dict[str, Any] | None:
    """Return the JSON of a message that an earlier version stored in parts; None for an empty one."""
    if not text:
        return None
    if not code:
        return {"code": "verbatim", "params": {"text": text}, "text": text}
    params = {
        name: message_from_parts(value["message"], value["code"], value["values"])
        if isinstance(value, dict)
        else value
        for name, value in values.items()
    }
    return {"code": code, "params": params, "text": text}
