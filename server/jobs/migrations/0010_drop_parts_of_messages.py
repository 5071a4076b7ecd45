"""Drop the old columns of messages; the new ones take their names."""

from django.db import migrations

from server.core.message_field import MessageField

OLD = (
    "title",
    "title_code",
    "title_values",
    "message",
    "message_code",
    "message_values",
    "error_message",
    "error_message_code",
    "error_message_values",
)


class Migration(migrations.Migration):
    dependencies = [("jobs", "0009_messages_as_json")]

    operations = [
        *(migrations.RemoveField("job", name) for name in OLD),
        migrations.RenameField("job", "new_title", "title"),
        migrations.RenameField("job", "new_message", "message"),
        migrations.AlterField("job", "title", MessageField()),
        migrations.AlterField("job", "message", MessageField(null=True)),
        migrations.AlterField("job", "error", MessageField(null=True)),
    ]
