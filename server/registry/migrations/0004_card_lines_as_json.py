"""Store the lines of model cards as JSON of the shape of all messages."""

from __future__ import annotations

from typing import Any

from django.db import migrations

from server.core.message_field import message_from_parts


def convert_lines(apps: Any, _editor: Any) -> None:
    """Rewrite the lines of each card; restartable."""
    for version in apps.get_model("registry", "ModelVersion").objects.exclude(card_lines=[]).iterator():
        version.card_lines = [_converted(line) for line in version.card_lines]
        version.save(update_fields=["card_lines"])


def _converted(line: dict[str, Any]) -> dict[str, Any]:
    if "message" not in line:
        return line
    empty = {"code": "verbatim", "params": {"text": ""}, "text": ""}
    return message_from_parts(line["message"], line["code"], line["values"]) or empty


class Migration(migrations.Migration):
    dependencies = [("registry", "0003_card_lines")]

    operations = [migrations.RunPython(convert_lines, migrations.RunPython.noop)]
