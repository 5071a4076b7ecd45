"""Store the warnings of rounds as messages: the context of a warning is part of its code."""

from __future__ import annotations

from typing import Any

from django.db import migrations

from server.core.message_field import message_from_parts


def convert_warnings(apps: Any, _editor: Any) -> None:
    """Rewrite each warning; restartable."""
    for turn in apps.get_model("learning", "Round").objects.exclude(warnings=[]).iterator():
        turn.warnings = [converted(warning) for warning in turn.warnings]
        turn.save(update_fields=["warnings"])


def converted(warning: dict[str, Any]) -> dict[str, Any] | None:
    if "detail" not in warning:
        return warning
    values = dict(warning.get("values", {}))
    context = values.pop("context", "")
    code = f"{warning['code']}_{context}" if context else warning["code"]
    return message_from_parts(warning["detail"], code, values)


class Migration(migrations.Migration):
    dependencies = [("learning", "0006_round_labels_read_at")]

    operations = [migrations.RunPython(convert_warnings, migrations.RunPython.noop)]
