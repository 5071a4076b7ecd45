"""Filters of lists, built only for requests that use one."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.request import Request

from server.core.prepared import BoundList


class FilterBackend(DjangoFilterBackend):  # type: ignore[misc] # django-filter has no types
    """The filters of a view. A filter set copies all of its fields for each request."""

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any] | BoundList[Any], view: Any
    ) -> QuerySet[Any] | BoundList[Any]:
        """Return the rows that satisfy the filters in the URL."""
        declared = getattr(view, "filterset_class", None)
        if declared is None or declared.base_filters.keys().isdisjoint(request.query_params):
            return queryset
        rows = queryset.queryset() if isinstance(queryset, BoundList) else queryset
        filtered: QuerySet[Any] = super().filter_queryset(request, rows, view)
        return filtered
