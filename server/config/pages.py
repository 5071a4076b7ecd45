"""The front end's one page, and what browsers may load."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from server.core.problems import problem

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

NOT_BUILT = """<!doctype html><html lang="en"><title>Coverslip</title>
<body style="font: 16px system-ui; margin: 4rem auto; max-width: 40rem">
<h1>The front end is not built yet</h1><p>Run <code>make setup</code>, then reload this page.
The API is at <code>/api/v1/</code>.</p></body></html>"""


class ContentSecurityPolicyMiddleware:
    """Sends the policy with every answer of Django."""

    async_capable = True
    sync_capable = True

    def __init__(
        self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]
    ) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer, with the header added."""
        if iscoroutinefunction(self):
            return self._answer(request)  # type: ignore[attr-defined, no-any-return]
        response = self._get_response(request)
        assert not isinstance(response, Awaitable)  # noqa: S101 - told apart above
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        if isinstance(response, Awaitable):
            response = await response
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response


@require_safe
@ensure_csrf_cookie
def serve_front_end(request: HttpRequest) -> HttpResponseBase:
    """Serve the single page for every address that is no file: it has its own routes."""
    del request
    page = Path(settings.FRONTEND_DIST) / "index.html"
    if not page.is_file():
        return HttpResponse(NOT_BUILT, status=503)
    response = HttpResponse(page.read_bytes(), content_type="text/html; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response


def answer_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Say as a problem document that an address does not exist; the front end has its own page for that."""
    del request, exception
    return _problem(HTTPStatus.NOT_FOUND, "not_found", "There is nothing at this address.")


def answer_server_error(request: HttpRequest) -> HttpResponseBase:
    """Say as a problem document that something broke; what it was is in the log only."""
    del request
    return _problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "Something went wrong that we did not foresee."
    )


def _problem(status: HTTPStatus, code: str, detail: str) -> HttpResponseBase:
    return JsonResponse(problem(status, code, detail), status=status, content_type="application/problem+json")
