"""Drop the old columns of a slide's failure; the new one takes its name."""

from django.db import migrations

from server.core.message_field import MessageField


class Migration(migrations.Migration):
    dependencies = [("slides", "0016_failure_as_json")]

    operations = [
        migrations.RemoveField("slide", "failure"),
        migrations.RemoveField("slide", "failure_message_code"),
        migrations.RemoveField("slide", "failure_message_values"),
        migrations.RenameField("slide", "new_failure", "failure"),
        migrations.AlterField("slide", "failure", MessageField(null=True)),
    ]
