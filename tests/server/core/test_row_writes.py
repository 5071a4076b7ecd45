"""Rows written by prepared statements equal those that Django saves."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from server.annotations.models import Annotation
from server.core.prepared import run_statement
from server.core.row_writes import insert_row, insert_rows, update_row
from server.jobs.models import JobEvent

pytestmark = pytest.mark.django_db(transaction=True)

SHAPE = {
    "geometry": {"type": "Point", "coordinates": [1.5, 2]},
    "min_x": 1.5,
    "max_x": 1.5,
    "min_y": 2,
    "max_y": 2,
}


@pytest.fixture
def slide(project_factory, slide_factory):
    return slide_factory(project_factory())


def make(slide, user, **values):
    return Annotation(
        slide=slide, author=user, shape="point", note="日本 ' %s", area_px=12.5, **SHAPE, **values
    )


def stored(row):
    again = type(row).objects.get(pk=row.pk)
    return {field.attname: getattr(again, field.attname) for field in again._meta.concrete_fields}


def values(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


@pytest.mark.parametrize("count", [1, 3])
def test_inserted_rows_are_as_given(slide, user_factory, count):
    rows = [make(slide, user_factory("ann")) for _ in range(count)]
    insert_rows(rows, 2)
    assert [stored(row) for row in rows] == [values(row) for row in rows]
    assert not any(row._state.adding for row in rows)


def test_a_generated_key_is_set_and_choices_are_stored_by_value(slide):
    event = JobEvent(project=slide.project, kind=JobEvent.Kind.NEWS, data={"a": [1, None, "é"]})
    insert_row(event)
    assert event.pk is not None
    assert stored(event) == values(event)
    assert stored(event)["kind"] == "news"


def test_all_fields_or_some_are_updated(slide, user_factory):
    row = make(slide, user_factory("ann"))
    insert_row(row)
    before = stored(row)
    row.note, row.revision, row.geometry = "new", 2, {"type": "Point", "coordinates": [3, 4]}
    update_row(row, ("note",))
    assert stored(row) == {**before, "note": "new"}
    update_row(row)
    after = stored(row)
    assert (after["revision"], after["geometry"]["coordinates"]) == (2, [3, 4])
    assert after["updated_at"] > before["updated_at"]


def test_an_error_is_that_of_django_and_the_next_statement_works(slide):
    with pytest.raises(DatabaseError), transaction.atomic():
        run_statement("SELECT 1 FROM nowhere", ())
    assert run_statement("SELECT %s", ("a",)) == [("a",)]
    connection.close()
    assert run_statement("SELECT 1", ()) == [(1,)]


def test_a_rollback_takes_back_what_prepared_statements_wrote(slide, user_factory):
    row = make(slide, user_factory("ann"))
    with transaction.atomic():
        insert_row(row)
        transaction.set_rollback(True)
    assert not Annotation.objects.filter(pk=row.pk).exists()


def test_captured_statements_include_prepared_ones():
    with CaptureQueriesContext(connection) as queries:
        run_statement("SELECT 42", ())
    assert [query["sql"] for query in queries] == ["SELECT 42"]
