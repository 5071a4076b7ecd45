"""Match cases named after a file to further files of that name."""

import django.db.models.deletion
from django.db import migrations, models
from django.utils.crypto import salted_hmac


def note_origins(apps, _schema_editor):
    slides = apps.get_model('slides', 'Slide').objects.filter(name=models.F('case__pseudonym'))
    for slide in slides.select_related('case').iterator():
        slide.case.origin_digest = salted_hmac('slides.case', slide.name, algorithm='sha256').hexdigest()
        slide.case.save(update_fields=['origin_digest'])


class Migration(migrations.Migration):

    dependencies = [
        ('projects', '__first__'),
        ('slides', '0013_resolution_changed_at'),
    ]

    operations = [
        migrations.CreateModel(
            name='CaseNumber',
            fields=[
                ('project', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='projects.project')),
                ('last', models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.AddField(
            model_name='case',
            name='origin_digest',
            field=models.CharField(blank=True, db_index=True, max_length=64),
        ),
        migrations.RunPython(note_origins, migrations.RunPython.noop),
    ]
