"""Delete tracebacks from logs that members read; the server's log keeps those of later failures."""

from django.db import migrations

TEXT = (
    'Something went wrong that we did not foresee. Ask who runs the server: '
    'its log has the cause under job {job}.'
)
LOST = 'The worker stopped in the middle, several times. Ask who runs the server: its log names job {job}.'


def drop_tracebacks(apps, _schema_editor):
    events = apps.get_model('jobs', 'JobEvent').objects
    events.filter(kind='log', data__message__startswith='Traceback (most recent call last)').delete()
    jobs = apps.get_model('jobs', 'Job').objects
    for code, text in (('not_foreseen', TEXT), ('worker_lost', LOST)):
        for job in jobs.filter(error_message_code=code).iterator():
            job.error_message = text.format(job=job.pk)
            job.error_message_values = {'job': str(job.pk)}
            job.save(update_fields=['error_message', 'error_message_values'])


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0007_title_sentence'),
    ]

    operations = [
        migrations.RunPython(drop_tracebacks, migrations.RunPython.noop),
    ]
