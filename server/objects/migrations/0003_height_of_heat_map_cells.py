"""Keep the height of heat map cells of slides whose pixels are not square, and the resolution of a set."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("objects", "0002_gaze")]

    operations = [
        migrations.AddField("heatmap", "step_y", models.FloatField(null=True)),
        migrations.AddField("objectset", "mpp_x", models.FloatField(null=True)),
        migrations.AddField("objectset", "mpp_y", models.FloatField(null=True)),
    ]
