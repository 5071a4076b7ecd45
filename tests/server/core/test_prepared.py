"""Prepared queries return the rows of their querysets, and test idle connections without a statement."""

from __future__ import annotations

import socket
import time
import uuid
from types import SimpleNamespace

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from server.core import prepared
from server.core.prepared import PreparedList, PreparedQuery
from server.projects.models import Membership, Project
from server.slides.models import Slide

pytestmark = pytest.mark.django_db


def counted(project_id):
    slides = Slide.objects.filter(project=project_id).select_related("case", "project", "label")
    return slides.annotate(given_case=F("case__pseudonym")).order_by("name")


@pytest.fixture
def project(project_factory, slide_factory):
    project = project_factory(manager="mia")
    for name in "abcde":
        slide_factory(project, name=name)
    slide_factory(project_factory("Other"), name="foreign")
    return project


@pytest.mark.parametrize(
    "place", [slice(0, 2), slice(2, 4), slice(4, 9), slice(9, 12), slice(None), slice(3)]
)
def test_a_list_has_the_slices_of_its_queryset(project, place):
    rows = PreparedList(counted, uuid.UUID).bind(project.pk)
    expected = list(counted(project.pk))
    assert rows[place] == expected[place]
    assert [row.given_case for row in rows[place]] == [row.case.pseudonym for row in expected[place]]
    assert [row.name for row in rows[place]] == [row.name for row in expected[place]]
    assert (len(rows), rows[1]) == (5, expected[1])
    assert list(rows.queryset()) == expected


def test_a_list_is_counted_without_its_columns(project):
    rows = PreparedList(counted, uuid.UUID).bind(str(project.pk))
    with CaptureQueriesContext(connection) as queries:
        assert len(rows) == 5
    [query] = queries.captured_queries
    assert "width" not in query["sql"]


def test_rows_that_refer_to_one_row_share_its_instance(project):
    rows = PreparedQuery(counted, uuid.UUID)(project.pk)
    with CaptureQueriesContext(connection) as queries:
        assert {id(row.project) for row in rows} == {id(rows[0].project)}
        assert rows[0].project == project
        assert len({row.case.pk for row in rows}) == len({id(row.case) for row in rows})
        assert [row.label for row in rows] == [None] * 5
    assert not queries.captured_queries


def test_reverse_relations_of_one_to_one_are_set(project, slide_factory):
    from server.objects.models import ObjectSet
    from server.review.models import ReviewState

    slide = project.slides.first()
    sets = [ObjectSet.objects.create(slide=slide, name=name, source="model") for name in "ab"]
    ReviewState.objects.create(object_set=sets[0], version=4)
    query = PreparedQuery(
        lambda key: ObjectSet.objects.filter(slide=key).select_related("review_state").order_by("name"),
        uuid.UUID,
    )
    with_state, without = query(slide.pk)
    assert with_state.review_state.version == 4
    assert not hasattr(without, "review_state")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no connection to lose")
@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_is_opened_again_without_a_statement_to_test_it(user_factory):
    query = PreparedQuery(lambda key: Membership.objects.filter(pk=key), uuid.UUID)
    query(uuid.uuid4())
    connection.health_check_enabled, connection.health_check_done = True, False
    tested = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "is_usable", lambda: tested.append(1) or False)
        query(uuid.uuid4())
        assert not tested
        lost = connection.connection
        connection.health_check_done = False
        with connection._nodb_cursor() as other:
            other.execute("SELECT pg_terminate_backend(%s)", [lost.info.backend_pid])
        deadline = time.monotonic() + 10
        while prepared._is_silent(lost) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert query(uuid.uuid4()) == []
        assert tested == [1]
        assert connection.connection is not lost
    assert Project.objects.count() == 0


def test_a_connection_is_silent_until_its_server_ends():
    near, far = socket.socketpair()
    with near, far:
        raw = SimpleNamespace(closed=False, fileno=near.fileno)
        assert prepared._is_silent(raw)
        far.close()
        assert not prepared._is_silent(raw)
        raw.closed = True
        assert not prepared._is_silent(raw)
