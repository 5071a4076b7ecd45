"""Store the failure and the notes of a slide as JSON of one shape: fill a new column.

Slides left importing by a job that had ended, as earlier versions did, fail with its reason.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations, models

from ml.messages import Message
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


def end_left_imports(apps: Any, _editor: Any) -> None:
    """Copy the reason of the job to its slide; the job can be retried."""
    jobs = apps.get_model("jobs", "Job").objects
    slides = apps.get_model("slides", "Slide").objects
    for job in jobs.filter(kind="import_slide", state__in=["failed", "cancelled"]):
        slides.filter(state="importing", import_job_id=job.pk).update(
            state="failed",
            failure_code=job.error_code or "import_cancelled",
            new_failure=(job.error or Message("import_cancelled")).as_json(),
        )


class Migration(migrations.Migration):
    dependencies = [("slides", "0015_end_left_imports"), ("jobs", "0010_drop_parts_of_messages")]

    operations = [
        migrations.AddField("slide", "new_failure", models.JSONField(null=True)),
        migrations.RunPython(fill_failures, migrations.RunPython.noop),
        migrations.RunPython(end_left_imports, migrations.RunPython.noop),
    ]
