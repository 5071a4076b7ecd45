"""Limit tokens and one-time passwords: existing tokens expire in 90 days, one-time passwords in 7."""

from datetime import timedelta

from django.db import migrations, models
from django.utils import timezone

import server.accounts.models


def set_expiries(apps, _schema_editor):
    now = timezone.now()
    tokens = apps.get_model('accounts', 'ApiToken').objects
    tokens.filter(expires_at=None).update(expires_at=now + timedelta(days=90))
    tokens.update(scope='write')
    people = apps.get_model('accounts', 'User').objects
    people.filter(must_change_password=True).update(one_time_until=now + timedelta(days=7))


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_count_wrong_passwords'),
    ]

    operations = [
        migrations.AddField(
            model_name='apitoken',
            name='scope',
            field=models.CharField(choices=[('read', 'Read'), ('write', 'Write')], default='read', max_length=10),
        ),
        migrations.AddField(
            model_name='user',
            name='one_time_until',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.RunPython(set_expiries, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='apitoken',
            name='expires_at',
            field=models.DateTimeField(default=server.accounts.models.default_token_expiry),
        ),
    ]
