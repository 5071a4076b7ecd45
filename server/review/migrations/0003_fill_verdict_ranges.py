"""Store the first and last object number of each verdict. Batched; restartable."""

from django.db import migrations
from pyroaring import BitMap

BATCH = 500


def fill(apps, _editor):
    verdicts = apps.get_model("review", "Verdict").objects
    while rows := list(verdicts.filter(first_index__isnull=True).only("objects_bitmap")[:BATCH]):
        for row in rows:
            objects = BitMap.deserialize(bytes(row.objects_bitmap))
            row.first_index, row.last_index = (objects.min(), objects.max()) if objects else (0, 0)
        verdicts.bulk_update(rows, ["first_index", "last_index"])


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("review", "0002_add_verdict_ranges")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
