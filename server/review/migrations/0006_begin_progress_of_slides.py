"""Set slides with annotations, finished regions or verdicts to in progress where no person set their state."""

from django.db import migrations
from django.db.models import Exists, OuterRef


def begin(apps, _editor):
    Slide = apps.get_model("slides", "Slide")
    marks = apps.get_model("audit", "AuditRecord").objects.filter(action="slide.progress_marked")
    marked = set(marks.values_list("subject_id", flat=True))
    work = (
        apps.get_model("annotations", "Annotation").objects.filter(deleted_at=None, slide=OuterRef("pk")),
        apps.get_model("annotations", "Region").objects.filter(revoked_at=None, slide=OuterRef("pk")),
        apps.get_model("review", "Verdict").objects.filter(object_set__slide=OuterRef("pk")),
    )
    drawn, finished, decided = map(Exists, work)
    for slide in Slide.objects.filter(drawn | finished | decided, progress_state="new").only("pk").iterator():
        if str(slide.pk) not in marked:
            Slide.objects.filter(pk=slide.pk).update(progress_state="in_progress")
    for key in marked:
        Slide.objects.filter(pk=key).update(progress_marked=True)


class Migration(migrations.Migration):
    dependencies = [
        ("review", "0005_verdicts_go_with_the_slide"),
        ("annotations", "0003_nucleus_and_source"),
        ("audit", "0001_initial"),
        ("slides", "0009_mark_of_progress"),
    ]

    operations = [migrations.RunPython(begin, migrations.RunPython.noop)]
