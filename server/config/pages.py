"""The front end's single page, the way to the guide, and the error pages."""

from __future__ import annotations

import re
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Final

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from ml.messages import Message
from server.core.files.disk import is_disk_full
from server.core.problems import BAD_REQUEST, FORBIDDEN, TOO_LARGE, no_space_problem, problem

NOT_BUILT = """<!doctype html><html lang="en"><title>Coverslip</title>
<body style="font: 16px system-ui; margin: 4rem auto; max-width: 40rem">
<h1>The front end is not built yet</h1><p>Run <code>make setup</code>, then reload this page.
The API is at <code>/api/v1/</code>.</p></body></html>"""


# The addresses of the front end's router (``frontend/src/ui/App.tsx``); a test compares them.
ROUTES: Final = (
    "/",
    "/sign-in",
    "/preferences",
    "/projects/:projectId",
    "/projects/:projectId/review",
    "/projects/:projectId/training",
    "/projects/:projectId/models",
    "/projects/:projectId/models/:versionId",
    "/projects/:projectId/atlas",
    "/projects/:projectId/jobs",
    "/projects/:projectId/settings",
    "/projects/:projectId/slides/:slideId",
)
_UUID: Final = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# As the router matches: without regard to case, and with or without a slash at the end.
_ROUTE: Final = re.compile(
    "|".join(re.sub(r":\w+", _UUID, route.rstrip("/")) + "/?" for route in ROUTES), re.IGNORECASE
)


@require_safe
@ensure_csrf_cookie
def serve_front_end(request: HttpRequest) -> HttpResponseBase:
    """Serve the single page for every path outside the API, with 404 for unknown routes.

    The page itself then shows that there is nothing at the address, and the way back.
    """
    page = Path(settings.FRONTEND_DIST) / "index.html"
    if not page.is_file():
        return HttpResponse(NOT_BUILT, status=HTTPStatus.SERVICE_UNAVAILABLE)
    status = HTTPStatus.OK if _ROUTE.fullmatch(request.path) else HTTPStatus.NOT_FOUND
    response = HttpResponse(page.read_bytes(), content_type="text/html; charset=utf-8", status=status)
    response["Cache-Control"] = "no-cache"
    return response


@require_safe
def open_guide(request: HttpRequest) -> HttpResponseBase:
    """Redirect to the first page of the guide, whose pages are static files."""
    del request
    return HttpResponseRedirect("/help/index.html")


def answer_bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Return a problem document for a request that Django refuses, such as one that is too large."""
    del request
    if isinstance(exception, RequestDataTooBig):
        return _problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", TOO_LARGE)
    return _problem(HTTPStatus.BAD_REQUEST, "bad_request", BAD_REQUEST)


def answer_forbidden(
    request: HttpRequest, exception: Exception | None = None, *, reason: str = ""
) -> HttpResponseBase:
    """Return a problem document for a request that Django forbids, including a missing CSRF token."""
    del request, exception, reason
    return _problem(HTTPStatus.FORBIDDEN, "not_allowed", FORBIDDEN)


def answer_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Return a problem document for an unknown path below the API or the assets."""
    del request, exception
    return _problem(HTTPStatus.NOT_FOUND, "not_found", Message("nothing_at_address"))


def answer_server_error(request: HttpRequest) -> HttpResponseBase:
    """Return a problem document for an unexpected error, or a full disk; its cause is in the log only."""
    del request
    error = sys.exc_info()[1]
    if error is not None and is_disk_full(error):
        body = no_space_problem()
        return JsonResponse(body, status=body["status"], content_type="application/problem+json")
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", Message("internal_error"))


def _problem(status: HTTPStatus, code: str, detail: Message) -> HttpResponseBase:
    return JsonResponse(problem(status, code, detail), status=status, content_type="application/problem+json")
