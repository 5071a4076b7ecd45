"""The event streams: what is told, taken up again by number, and closed to strangers."""

from __future__ import annotations

import asyncio
import json

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, RequestFactory

from server.accounts.services import create_token
from server.jobs import services, streams
from server.jobs.models import Job, JobEvent

pytestmark = pytest.mark.django_db

API = "/api/v1"


@pytest.fixture
def project(project_factory):
    return project_factory(annotator="ann", manager="mia")


@pytest.fixture
def job(project, user_factory):
    made = services.create_job(
        actor=user_factory("mia"), kind="errand", title="An errand", queue="cpu", input={}, project=project
    )
    started = services.start_job(made.pk)
    for number in range(3):
        JobEvent.objects.create(job=made, kind="log", data={"level": "info", "message": f"line {number}"})
    services.finish_job(started, Job.State.SUCCEEDED)
    return made


@pytest.fixture(autouse=True)
def quick_polls(monkeypatch):
    monkeypatch.setattr(streams, "POLL_SECONDS", 0.001)


def call(view, user, key, *, headers=None, query="", events=None):
    """Return (status, parsed events) of a stream that ends, or of its first ``events``."""
    request = RequestFactory().get(f"/{query}", headers=headers)
    request.user = user

    async def read():
        answer = await view(request, key)
        if not answer.streaming:
            return answer.status_code, json.loads(answer.content)
        assert answer["Content-Type"] == "text/event-stream"
        assert answer["Cache-Control"] == "no-store"
        found = []
        async with asyncio.timeout(10):
            async for chunk in answer:
                found += parse(chunk.decode() if isinstance(chunk, bytes) else chunk)
                if events is not None and len(found) >= events:
                    break
        return answer.status_code, found

    return async_to_sync(read)()


def parse(chunk):
    fields = dict(line.split(": ", 1) for line in chunk.strip().splitlines() if ": " in line)
    if "event" not in fields:
        return []
    return [(int(fields.get("id", 0)), fields["event"], json.loads(fields["data"]))]


def lines(events):
    return [data["message"] for _, kind, data in events if kind == "log"]


def test_a_job_tells_its_story_and_ends(job, user_factory):
    status, events = call(streams.job_events, user_factory("ann"), job.pk)
    assert status == 200
    assert [kind for _, kind, _ in events] == ["state", "state", "log", "log", "log", "state", "end"]
    numbers = [number for number, kind, _ in events if kind != "end"]
    assert numbers == sorted(set(numbers))


def test_a_broken_stream_is_taken_up_again_without_loss_or_repetition(job, user_factory):
    user = user_factory("ann")
    _, whole = call(streams.job_events, user, job.pk)
    for place in range(len(whole) - 1):
        number = str(whole[place][0])
        _, rest = call(streams.job_events, user, job.pk, headers={"Last-Event-ID": number})
        assert rest == whole[place + 1 :]
        _, same = call(streams.job_events, user, job.pk, query=f"?after={number}")
        assert same == rest


@pytest.mark.parametrize("number", ["", "x", "-5", "²", "1.5", "9" * 30])
def test_a_number_that_is_none_starts_from_the_beginning_or_tells_nothing(job, user_factory, number):
    status, events = call(
        streams.job_events, user_factory("ann"), job.pk, headers={"Last-Event-ID": number}
    )  # fmt: skip
    assert status == 200
    assert len(lines(events)) in (0, 3)
    assert events[-1][1] == "end"


def test_long_stories_come_in_parts(job, user_factory, monkeypatch):
    monkeypatch.setattr(streams, "BATCH", 2)
    _, events = call(streams.job_events, user_factory("ann"), job.pk)
    assert lines(events) == ["line 0", "line 1", "line 2"]


def test_a_project_tells_what_its_jobs_do_but_not_their_logs(job, project, user_factory):
    first = JobEvent.objects.order_by("id").first().pk
    _, events = call(
        streams.project_events, user_factory("ann"), project.pk, query=f"?after={first}", events=2
    )
    assert [(kind, data["event"], data["state"]) for _, kind, data in events] == [
        ("job", "state", "running"), ("job", "state", "succeeded")
    ]  # fmt: skip
    assert events[0][2]["job_id"] == str(job.pk)


def test_the_events_of_another_project_do_not_leak(job, project_factory, user_factory):
    other = project_factory("Other", manager="max")
    own = services.create_job(
        actor=user_factory("max"), kind="errand", title="own", queue="cpu", input={}, project=other
    )
    _, events = call(streams.project_events, user_factory("max"), other.pk, query="?after=1", events=1)
    assert {data["job_id"] for _, _, data in events} == {str(own.pk)}


def test_strangers_and_unknown_jobs_get_404(job, project, user_factory):
    stranger = user_factory("stranger")
    assert call(streams.job_events, stranger, job.pk)[0] == 404
    assert call(streams.project_events, stranger, project.pk)[0] == 404
    status, body = call(streams.job_events, user_factory("ann"), project.pk)
    assert (status, body["code"]) == (404, "not_found")


def test_a_program_listens_with_a_token(job, user_factory):
    from django.contrib.auth.models import AnonymousUser

    _, secret = create_token(actor=user_factory("ann"), name="listener")
    header = {"Authorization": f"Token {secret}"}
    status, events = call(streams.job_events, AnonymousUser(), job.pk, headers=header)
    assert (status, events[-1][1]) == (200, "end")
    wrong = {"Authorization": "Token wrong"}
    assert call(streams.job_events, AnonymousUser(), job.pk, headers=wrong)[0] == 401
    assert call(streams.job_events, AnonymousUser(), job.pk)[0] == 401


def test_a_stream_can_only_be_read(job, user_factory):
    async def ask():
        return await AsyncClient().post(f"{API}/jobs/{job.pk}/events")

    assert async_to_sync(ask)().status_code == 405
