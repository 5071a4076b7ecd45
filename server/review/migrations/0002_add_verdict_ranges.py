from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("review", "0001_initial")]

    operations = [
        migrations.AddField("verdict", "first_index", models.PositiveBigIntegerField(null=True)),
        migrations.AddField("verdict", "last_index", models.PositiveBigIntegerField(null=True)),
    ]
