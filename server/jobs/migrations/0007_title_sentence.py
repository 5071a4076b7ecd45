"""Keep the code and values of a job's title beside the English."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0006_error_sentence")]

    operations = [
        migrations.AddField("job", "title_code", models.CharField(blank=True, max_length=50)),
        migrations.AddField("job", "title_values", models.JSONField(blank=True, default=dict)),
    ]
