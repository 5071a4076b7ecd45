"""Pagination of lists, and the requests that count their rows by a query."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from server.core.paging import PageNumberPagination
from server.projects.models import Project

pytestmark = pytest.mark.django_db


def page(address, size=3):
    pagination = PageNumberPagination()
    pagination.page_size = size
    request = Request(APIRequestFactory().get(address))
    with CaptureQueriesContext(connection) as queries:
        rows = pagination.paginate_queryset(Project.objects.order_by("name"), request)
        body = pagination.get_paginated_response([row.name for row in rows]).data
    return body, len(queries)


@pytest.mark.parametrize(
    ("count", "address", "names", "has_next", "queries"),
    [
        (0, "/", "", False, 1),
        (2, "/", "ab", False, 1),
        (3, "/?page=1", "abc", False, 1),
        (5, "/", "abc", True, 2),
        (5, "/?page=2", "de", False, 2),
        (5, "/?page_size=5", "abcde", False, 1),
    ],
)
def test_a_list_that_fits_on_its_first_page_is_not_counted(count, address, names, has_next, queries):
    for name in "abcde"[:count]:
        Project.objects.create(name=name)
    body, cost = page(address)
    assert body["results"] == list(names)
    assert body["count"] == count
    assert (body["next"] is not None) is has_next
    assert cost == queries
