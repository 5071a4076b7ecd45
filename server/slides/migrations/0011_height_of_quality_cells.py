"""Keep the height of quality map cells of slides whose pixels are not square."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("slides", "0010_resolution_sources")]

    operations = [migrations.AddField("quality", "step_y", models.FloatField(null=True))]
