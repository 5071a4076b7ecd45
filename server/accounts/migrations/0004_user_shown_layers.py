from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_end_sessions_and_reset_passwords"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="shown_layers",
            field=models.JSONField(blank=True, null=True),
        ),
    ]
