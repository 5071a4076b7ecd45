"""Services of the counts of drawn shapes: by the difference of each change, or again from all shapes."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, transaction

from server.annotations.callbacks import DrawnShape
from server.annotations.selectors import drawn_shapes
from server.audit.services import lock_chain
from server.core.prepared import run_statement
from server.learning.models import LearningCount
from server.learning.summaries.tallies import Tallies
from server.slides.models import Slide

_TABLE = LearningCount._meta.db_table  # noqa: SLF001 - the public way to a model's options
# Adds to the rows that there are. Django's upsert can only set them.
_ADD = f"""
INSERT INTO {_TABLE} (slide_id, unit, label, shapes, pieces, area) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (slide_id, unit, label) DO UPDATE SET
shapes = {_TABLE}.shapes + excluded.shapes, pieces = {_TABLE}.pieces + excluded.pieces,
area = {_TABLE}.area + excluded.area
"""  # noqa: S608 - the table's own name


def count_changed_shapes(slide: Slide, removed: Sequence[DrawnShape], added: Sequence[DrawnShape]) -> None:
    """Add the difference of a change of shapes; called in the transaction of the change."""
    tallies = Tallies()
    tallies.count(slide, removed, -1)
    tallies.count(slide, added)
    _add(slide, tallies)


def recount_slide(slide: Slide) -> None:
    """Replace the counts of a slide by new ones from all of its shapes."""
    with transaction.atomic():
        lock_chain(slide.project)
        tallies = Tallies()
        tallies.count(slide, drawn_shapes(slide))
        LearningCount.objects.filter(slide=slide).delete()
        _add(slide, tallies)


def _add(slide: Slide, tallies: Tallies) -> None:
    key = slide.pk if connection.features.has_native_uuid_field else slide.pk.hex
    # In one order, so that two transactions never wait for each other.
    rows = [
        (key, unit, label, tally.shapes, tally.pieces, tally.area)
        for (unit, label), tally in sorted(tallies.by_key.items())
        if tally.shapes or tally.pieces or tally.area
    ]
    if len(rows) == 1:
        run_statement(_ADD, rows[0])
    elif rows:
        with connection.cursor() as cursor:
            cursor.executemany(_ADD, rows)
