"""Server-sent events of jobs. A stream that breaks is taken up again by the last event's number."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.views.decorators.http import require_GET

from server.accounts.authentication import user_of_token
from server.core.errors import DomainError
from server.core.problems import domain_problem, problem
from server.jobs.models import Job, JobEvent
from server.jobs.selectors import get_job_for
from server.projects.selectors import get_project_for

POLL_SECONDS = 0.3
COMMENT_EVERY = 50  # polls: a comment keeps proxies from closing a silent stream
BATCH = 500
LONGEST_NUMBER = 18  # digits that a database's big integer always holds


def _after(request: HttpRequest) -> int:
    number = request.headers.get("Last-Event-ID") or request.GET.get("after") or "0"
    usable = number.isascii() and number.isdigit() and len(number) <= LONGEST_NUMBER
    return int(number) if usable else 0


def _actor(request: HttpRequest) -> Any:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "token":
        return user_of_token(secret.strip())
    return request.user if request.user.is_authenticated else None


def _event(number: int, kind: str, data: dict[str, Any]) -> str:
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"


def _job_events(job_id: UUID, after: int) -> tuple[list[tuple[int, str, dict[str, Any]]], bool]:
    rows = JobEvent.objects.filter(job_id=job_id, id__gt=after).order_by("id")[:BATCH]
    events = [(row.id, row.kind, row.data) for row in rows]
    ended = not events and Job.objects.filter(pk=job_id, state__in=Job.FINAL).exists()
    return events, ended


def _project_events(project_id: UUID, after: int) -> tuple[list[tuple[int, str, dict[str, Any]]], bool]:
    rows = (
        JobEvent.objects.filter(Q(job__project_id=project_id) | Q(project_id=project_id), id__gt=after)
        .exclude(kind=JobEvent.Kind.LOG)
        .select_related("job")
        .order_by("id")[:BATCH]
    )
    return [(row.id, *_told(row)) for row in rows], False


def _told(row: JobEvent) -> tuple[str, dict[str, Any]]:
    """Return the name of the server-sent event and what it says."""
    job = row.job
    if job is None:
        return row.data["topic"], row.data
    return "job", {
        "job_id": str(job.pk),
        "kind": job.kind,
        "title": job.title,
        "subject_type": job.subject_type,
        "subject_id": job.subject_id,
        "event": row.kind,
        "state": job.state,
        "progress": job.progress,
        **row.data,
    }


def _newest_event() -> int:
    newest = JobEvent.objects.order_by("-id").values_list("id", flat=True).first()
    return newest or 0


async def _stream(
    read: Callable[[UUID, int], tuple[list[tuple[int, str, dict[str, Any]]], bool]],
    key: UUID,
    after: int,
) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"
    polls = 0
    while True:
        events, ended = await sync_to_async(read)(key, after)
        for number, kind, data in events:
            after = number
            yield _event(number, kind, data)
        if ended:
            yield "event: end\ndata: {}\n\n"
            return
        polls += 1
        if polls % COMMENT_EVERY == 0:
            yield ": still here\n\n"
        if len(events) < BATCH:
            await asyncio.sleep(POLL_SECONDS)


def _answer(stream: AsyncIterator[str]) -> StreamingHttpResponse:
    response = StreamingHttpResponse(stream, content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


def _refusal(error: DomainError) -> JsonResponse:
    body = domain_problem(error)
    return JsonResponse(body, status=body["status"], content_type="application/problem+json")


def _not_signed_in() -> JsonResponse:
    body = problem(401, "not_authenticated", "Sign in first.")
    return JsonResponse(body, status=401, content_type="application/problem+json")


@require_GET
async def job_events(request: HttpRequest, job_id: UUID) -> HttpResponse | StreamingHttpResponse:
    """Stream one job's progress, log, state and updates; ends after the final state."""
    actor = await sync_to_async(_actor)(request)
    if actor is None:
        return _not_signed_in()
    try:
        job = await sync_to_async(get_job_for)(actor, job_id)
    except DomainError as error:
        return _refusal(error)
    return _answer(_stream(_job_events, job.pk, _after(request)))


@require_GET
async def project_events(request: HttpRequest, project_id: UUID) -> HttpResponse | StreamingHttpResponse:
    """Stream what jobs and people do in a project, from now on or from the number given."""
    actor = await sync_to_async(_actor)(request)
    if actor is None:
        return _not_signed_in()
    try:
        project = await sync_to_async(get_project_for)(actor, project_id)
    except DomainError as error:
        return _refusal(error)
    after = _after(request) or await sync_to_async(_newest_event)()
    return _answer(_stream(_project_events, project.pk, after))
