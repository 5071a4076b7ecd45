"""One way to page through lists."""

from __future__ import annotations

from rest_framework import pagination


class PageNumberPagination(pagination.PageNumberPagination):
    """``?page=2&page_size=100``; ``count`` tells how many there are in all."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 500
