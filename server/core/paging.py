"""Pagination of lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.paginator import Page
from django.db.models import QuerySet
from rest_framework import pagination
from rest_framework.request import Request


class PageNumberPagination(pagination.PageNumberPagination):
    """Pagination by ``?page=2&page_size=100``; ``count`` is the total.

    A list that fits on its first page is counted by its rows, without another query.
    """

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 500

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the schema of a page, which always has all four fields."""
        page: dict[str, Any] = super().get_paginated_response_schema(schema)
        return {**page, "required": sorted(page["properties"])}

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: Any = None
    ) -> list[Any] | None:
        """Return the rows of the requested page."""
        size = self.get_page_size(request)
        if size is None or request.query_params.get(self.page_query_param, "1") != "1":
            return super().paginate_queryset(queryset, request, view)
        paginator = self.django_paginator_class(queryset, size)
        rows = list(queryset[: size + 1])
        if len(rows) <= size:
            paginator.count = len(rows)
        self.request = request
        self.page = Page(rows[:size], 1, paginator)
        return list(self.page)
