"""Response headers: content security policy, and no caching of the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

API: Final = "/api/"
POLICY = "; ".join(  # noqa: FLY002 - one directive a line
    (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self' blob:",
        # Mantine and deck.gl set styles on elements; nothing user-made becomes a style.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' blob: data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


class ResponseHeadersMiddleware:
    """Middleware of the content security policy; forbids caching of the API unless a view allows it."""

    async_capable = True
    sync_capable = True

    def __init__(
        self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]
    ) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Return the response with the headers added."""
        if iscoroutinefunction(self):
            return self._answer(request)  # type: ignore[attr-defined, no-any-return]
        response = self._get_response(request)
        assert not isinstance(response, Awaitable)  # noqa: S101 - the chain is synchronous here
        return _with_headers(request, response)

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if isinstance(response, Awaitable):
            response = await response
        return _with_headers(request, response)


def _with_headers(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    if request.path.startswith(API):
        response.headers.setdefault("Cache-Control", "no-store")
    return response
