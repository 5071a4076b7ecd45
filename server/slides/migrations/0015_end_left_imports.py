"""Nothing: the next migration ends the imports that earlier versions left, by the messages of their jobs."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0007_title_sentence"),
        ("slides", "0014_neutral_pseudonyms"),
    ]

    operations = []
