"""Health of a web process, for load balancers and monitors."""

from __future__ import annotations

import logging
from http import HTTPStatus

from django.db import connection
from django.db.utils import Error as DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

log = logging.getLogger(__name__)


@require_safe
def report_health(request: HttpRequest) -> JsonResponse:
    """Return 200 when the database answers, else 503; needs no sign-in and discloses nothing else."""
    del request
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        log.exception("The database does not answer.")
        body, status = {"status": "database_unavailable"}, HTTPStatus.SERVICE_UNAVAILABLE
    else:
        body, status = {"status": "ok"}, HTTPStatus.OK
    return JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})
