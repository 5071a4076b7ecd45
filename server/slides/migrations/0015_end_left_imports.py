"""Fail slides left importing by a job that had ended, as earlier versions did."""

from __future__ import annotations

from typing import Any

from django.db import migrations


def end_left_imports(apps: Any, _schema_editor: Any) -> None:
    """Copy the reason of the job to its slide; the job can be retried."""
    jobs = apps.get_model("jobs", "Job").objects
    slides = apps.get_model("slides", "Slide").objects
    for job in jobs.filter(kind="import_slide", state__in=["failed", "cancelled"]):
        slides.filter(state="importing", import_job_id=job.pk).update(
            state="failed",
            failure=job.error_message or "The import was cancelled.",
            failure_code=job.error_code or "import_cancelled",
            failure_message_code=job.error_message_code if job.error_message else "import_cancelled",
            failure_message_values=job.error_message_values if job.error_message else {},
        )


class Migration(migrations.Migration):
    """Migration that fails such slides."""

    dependencies = [
        ("jobs", "0007_title_sentence"),
        ("slides", "0014_neutral_pseudonyms"),
    ]

    operations = [migrations.RunPython(end_left_imports, migrations.RunPython.noop)]
