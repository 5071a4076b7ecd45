"""Store the warnings of rounds as messages: the context of a warning is part of its code."""

from __future__ import annotations

from typing import Any

from django.db import migrations


def take_context_into_code(apps: Any, _editor: Any) -> None:
    """Rewrite each warning; restartable."""
    for turn in apps.get_model("learning", "Round").objects.exclude(warnings=[]).order_by("pk").iterator():
        turn.warnings = [_message_of(warning) for warning in turn.warnings]
        turn.save(update_fields=["warnings"])


def _message_of(warning: dict[str, Any]) -> dict[str, Any]:
    if "detail" not in warning:
        return warning
    values = dict(warning.get("values", {}))
    context = values.pop("context", "")
    code = f"{warning['code']}_{context}" if context else warning["code"]
    return {"message": warning["detail"], "code": code, "values": values}


class Migration(migrations.Migration):
    dependencies = [("learning", "0006_round_labels_read_at")]

    operations = [migrations.RunPython(take_context_into_code, migrations.RunPython.noop)]
