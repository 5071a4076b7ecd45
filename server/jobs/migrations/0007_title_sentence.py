"""Keep the title of a job as a sentence: its code and values beside the English."""

from __future__ import annotations

import re
from typing import Any

from django.db import migrations, models

# English titles of earlier versions, by kind of job.
EARLIER = {
    "import_objects": re.compile(r"Read (?P<name>.+)"),
    "import_slide": re.compile(r"Import (?P<name>.+)"),
    "compute_features": re.compile(r"Describe (?P<name>.+)"),
    "build_atlas": re.compile(r"Atlas of (?P<name>.+)"),
    "map_quality": re.compile(r"Map the quality of (?P<name>.+)"),
    "run_round": re.compile(r"Round (?P<number>\d+): (?P<title>.+)"),
    "run_prediction": re.compile(r"(?P<version>.+) on (?P<slide>.+)"),
    "compare_versions": re.compile(r"(?P<version>.+) beside (?P<other>.+)"),
    "explain_suggestion": re.compile(r"Why: (?P<producer>.+), suggestion (?P<index>\d+) on (?P<slide>.+)"),
    "register_slides": re.compile(r"Lay (?P<moving>.+) over (?P<fixed>.+)"),
}
BATCH = 1000


def take_titles_apart(apps: Any, _editor: Any) -> None:
    """Fill the code and values of each title that an earlier version wrote; restartable."""
    job_model = apps.get_model("jobs", "Job")
    rows = job_model.objects.filter(title_code="", kind__in=EARLIER).order_by("pk")
    changed = []
    for job in rows.only("pk", "kind", "title").iterator(BATCH):
        parts = EARLIER[job.kind].fullmatch(job.title)
        if parts is None:
            continue
        job.title_code, job.title_values = f"job_{job.kind}", parts.groupdict()
        changed.append(job)
    job_model.objects.bulk_update(changed, ["title_code", "title_values"], batch_size=BATCH)


class Migration(migrations.Migration):
    dependencies = [("jobs", "0006_error_sentence")]

    operations = [
        migrations.AddField("job", "title_code", models.CharField(blank=True, max_length=50)),
        migrations.AddField("job", "title_values", models.JSONField(blank=True, default=dict)),
        migrations.RunPython(take_titles_apart, migrations.RunPython.noop),
    ]
