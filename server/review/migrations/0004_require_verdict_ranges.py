from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("review", "0003_fill_verdict_ranges"),
        ("objects", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField("verdict", "first_index", models.PositiveBigIntegerField()),
        migrations.AlterField("verdict", "last_index", models.PositiveBigIntegerField()),
        migrations.AddIndex(
            "verdict",
            models.Index(fields=["object_set", "first_index", "last_index"], name="review_verdicts_by_object"),
        ),
        migrations.AddIndex(
            "verdict", models.Index(fields=["reviewer", "-created_at"], name="review_verdicts_by_reviewer")
        ),
        migrations.AddConstraint(
            "verdict",
            models.CheckConstraint(
                condition=models.Q(first_index__lte=models.F("last_index")), name="review_verdict_has_a_range"
            ),
        ),
    ]
