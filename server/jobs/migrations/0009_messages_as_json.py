"""Store the messages of jobs and of their events as JSON of one shape: fill new columns."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models

from server.core.message_field import message_from_parts

BATCH = 500
REPORTED = ("rows", "reasons", "skipped")


def fill_jobs(apps: Any, _editor: Any) -> None:
    """Fill the new columns of each job from the old ones; restartable."""
    job_model = apps.get_model("jobs", "Job")
    changed = []
    for job in job_model.objects.order_by("pk").iterator(BATCH):
        job.new_title = message_from_parts(job.title or job.kind, job.title_code, job.title_values)
        job.new_message = message_from_parts(job.message, job.message_code, job.message_values)
        job.error = message_from_parts(job.error_message, job.error_message_code, job.error_message_values)
        if job.kind == "import_objects" and isinstance(job.result, dict):
            convert_report(job.result.get("report") or {})
        changed.append(job)
    job_model.objects.bulk_update(changed, ["new_title", "new_message", "error", "result"], batch_size=BATCH)


def fill_events(apps: Any, _editor: Any) -> None:
    """Rewrite the data of each event with a message; restartable."""
    event_model = apps.get_model("jobs", "JobEvent")
    changed = []
    for event in event_model.objects.filter(kind__in=["progress", "log"]).order_by("pk").iterator(BATCH):
        data = event.data
        if isinstance(data.get("message"), str):
            message = message_from_parts(data.pop("message"), data.pop("code", ""), data.pop("values", {}))
            event.data = {**data, "message": message}
            changed.append(event)
    event_model.objects.bulk_update(changed, ["data"], batch_size=BATCH)


def convert_report(report: dict[str, Any]) -> None:
    """Rewrite the reasons and the warning of a stored report of an import."""
    for row in (row for name in REPORTED for row in report.get(name, ())):
        if isinstance(row["reason"], str):
            code, values = row.pop("reason_code", ""), row.pop("reason_values", {})
            row["reason"] = message_from_parts(row["reason"], code, values)
    warning = report.get("warning")
    if warning and "message" in warning:
        report["warning"] = message_from_parts(warning["message"], warning["code"], warning["values"])


class Migration(migrations.Migration):
    dependencies = [("jobs", "0008_drop_tracebacks")]

    operations = [
        migrations.AddField("job", "new_title", models.JSONField(null=True)),
        migrations.AddField("job", "new_message", models.JSONField(null=True)),
        migrations.AddField("job", "error", models.JSONField(null=True)),
        migrations.RunPython(fill_jobs, migrations.RunPython.noop),
        migrations.RunPython(fill_events, migrations.RunPython.noop),
    ]
