"""Count the existing shapes, each slide in its own transaction; counted slides are skipped."""

from django.db import migrations, transaction

from server.annotations.callbacks import DrawnShape
from server.learning.summaries.tallies import Tallies

BATCH = 2000


def count_shapes(apps, schema_editor):
    Annotation = apps.get_model("annotations", "Annotation")
    Region = apps.get_model("annotations", "Region")
    LearningCount = apps.get_model("learning", "LearningCount")
    Slide = apps.get_model("slides", "Slide")
    counted = LearningCount.objects.values("slide")
    for slide in Slide.objects.filter(state="ready").exclude(pk__in=counted).defer("tissue"):
        drawn = Annotation.objects.filter(slide=slide, deleted_at__isnull=True, label__isnull=False)
        regions = Region.objects.filter(slide=slide, revoked_at__isnull=True)
        tallies = Tallies()
        tallies.count(
            slide,
            (
                DrawnShape(row.geometry, row.label_id)
                for row in drawn.exclude(shape="line").iterator(chunk_size=BATCH)
            ),
        )
        tallies.count(slide, (DrawnShape(row.geometry, None, is_finished_region=True) for row in regions))
        with transaction.atomic():
            LearningCount.objects.bulk_create(
                [
                    LearningCount(
                        slide=slide, unit=unit, label=label, shapes=own.shapes, pieces=own.pieces, area=own.area
                    )
                    for (unit, label), own in tallies.by_key.items()
                ]
            )


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("annotations", "0004_count_by_slide"),
        ("learning", "0004_learning_count"),
    ]

    operations = [migrations.RunPython(count_shapes, migrations.RunPython.noop)]
