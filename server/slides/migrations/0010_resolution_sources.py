"""Keep the file's own resolution beside the one in use, and where resolution and magnification come from."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import F, Q

SOURCES = [("file", "File"), ("estimated", "Estimated"), ("corrected", "Corrected"), ("unknown", "Unknown")]


def copy_resolution(apps, _schema_editor):
    """Copy the resolution of slides imported before to their files' own."""
    slides = apps.get_model("slides", "Slide").objects
    slides.filter(mpp_x__isnull=True, mpp_y__isnull=False).update(mpp_x=F("mpp_y"))
    slides.filter(mpp_y__isnull=True, mpp_x__isnull=False).update(mpp_y=F("mpp_x"))
    slides.filter(mpp_x__isnull=False).update(
        file_mpp_x=F("mpp_x"), file_mpp_y=F("mpp_y"), resolution_source="file", file_resolution_source="file"
    )
    slides.filter(magnification__isnull=False).update(magnification_source="estimated")


def _source():
    return models.CharField(choices=SOURCES, default="unknown", max_length=10)


class Migration(migrations.Migration):
    dependencies = [("slides", "0009_mark_of_progress")]

    operations = [
        migrations.AddField("slide", "resolution_source", _source()),
        migrations.AddField("slide", "file_mpp_x", models.FloatField(null=True)),
        migrations.AddField("slide", "file_mpp_y", models.FloatField(null=True)),
        migrations.AddField("slide", "file_resolution_source", _source()),
        migrations.AddField("slide", "resolution_notes", models.JSONField(blank=True, default=list)),
        migrations.AddField("slide", "magnification_source", _source()),
        migrations.RemoveConstraint("slide", "slides_mpp_is_positive"),
        migrations.RunPython(copy_resolution, migrations.RunPython.noop),
        migrations.AddConstraint(
            "slide",
            models.CheckConstraint(
                condition=Q(mpp_x__isnull=True, mpp_y__isnull=True) | Q(mpp_x__gt=0, mpp_y__gt=0),
                name="slides_mpp_is_positive",
            ),
        ),
    ]
