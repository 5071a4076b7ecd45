"""Store the failure and the notes of a slide as JSON of one shape: fill a new column."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models

from server.core.message_field import message_from_parts

BATCH = 500


def fill_failures(apps: Any, _editor: Any) -> None:
    """Fill the new column of each slide and rewrite its notes; restartable."""
    slide_model = apps.get_model("slides", "Slide")
    changed = []
    for slide in slide_model.objects.exclude(failure="", resolution_notes=[]).order_by("pk").iterator(BATCH):
        slide.new_failure = message_from_parts(
            slide.failure, slide.failure_message_code, slide.failure_message_values
        )
        slide.resolution_notes = [
            message_from_parts(note["message"], note["code"], note["values"]) if "message" in note else note
            for note in slide.resolution_notes
        ]
        changed.append(slide)
    slide_model.objects.bulk_update(changed, ["new_failure", "resolution_notes"], batch_size=BATCH)


class Migration(migrations.Migration):
    dependencies = [("slides", "0015_end_left_imports")]

    operations = [
        migrations.AddField("slide", "new_failure", models.JSONField(null=True)),
        migrations.RunPython(fill_failures, migrations.RunPython.noop),
    ]
