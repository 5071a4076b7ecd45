"""A verdict on its way: a connection that breaks leaves no half of it, and everybody is told of it."""

from __future__ import annotations

import asyncio
import json
import threading
import uuid

import pytest
from asgiref.sync import async_to_sync
from django.core.handlers.asgi import ASGIHandler
from django.test import RequestFactory

from server.accounts.services import create_token
from server.audit.models import AuditRecord
from server.jobs import streams
from server.jobs.models import JobEvent
from server.review import services
from server.review.fold import fold, load
from server.review.models import ReviewState, Verdict

API = "/api/v1"
# Committed, since what is told is told on commit.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def made(project_factory, slide_factory, label_factory, suggest):
    project = project_factory(annotator="ann", reviewer="rob", manager="mia")
    slide = slide_factory(project, "a", width=4096, height=4096)
    return suggest(slide, [label_factory(project)], [0.5, 0.6, 0.7])


def post_and_hang_up(token, path, body, may_hang_up):
    """Send a request to the whole application; the connection breaks once ``may_hang_up`` is set."""
    content = json.dumps(body).encode()
    headers = {
        "host": "testserver",
        "content-type": "application/json",
        "content-length": str(len(content)),
        "authorization": f"Token {token}",
    }
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    messages = iter([{"type": "http.request", "body": content}])

    async def receive():
        message = next(messages, None)
        if message is None:
            await asyncio.to_thread(may_hang_up.wait, 10)
            return {"type": "http.disconnect"}
        return message

    async def send(message):
        """Nobody is there to read it."""

    async_to_sync(ASGIHandler())(scope, receive, send)


def expect_whole(made):
    """Every verdict is on record and in the state, or is not there at all."""
    rows = list(Verdict.objects.filter(object_set=made).order_by("sequence"))
    state = ReviewState.objects.filter(object_set=made).first()
    assert (state.version if state else 0) == len(rows)
    assert AuditRecord.objects.filter(action__startswith="verdict.").count() == len(rows)
    assert load(state) == fold(rows)
    return len(rows)


@pytest.mark.parametrize("moment", ["at once", "while it is written"])
def test_a_broken_connection_leaves_no_half_written_verdict(made, user_factory, api, monkeypatch, moment):
    _, token = create_token(actor=user_factory("rob"), name="browser")
    address, hang_up = f"{API}/object-sets/{made.pk}/verdicts", threading.Event()
    body = {"id": str(uuid.uuid4()), "kind": "rejected", "indices": [0, 2]}
    store = services.store

    def store_and_lose_the_connection(*args):
        hang_up.set()
        return store(*args)

    if moment == "at once":
        hang_up.set()
    monkeypatch.setattr(services, "store", store_and_lose_the_connection)
    post_and_hang_up(token, address, body, hang_up)
    arrived = expect_whole(made)
    assert arrived == 1 or moment == "at once"
    # The browser does not know and sends it again.
    assert api(user_factory("rob")).post(address, body, format="json").status_code == 201
    assert expect_whole(made) == 1
    assert list(load(ReviewState.objects.get(object_set=made)).rejected) == [0, 2]


def test_whoever_has_the_project_open_is_told_of_a_verdict(made, user_factory, api, monkeypatch):
    monkeypatch.setattr(streams, "POLL_SECONDS", 0.001)
    rob, address = api(user_factory("rob")), f"{API}/object-sets/{made.pk}/verdicts"
    rob.post(address, {"kind": "accepted", "indices": [0]}, format="json")
    before = JobEvent.objects.get()
    given = rob.post(address, {"kind": "accepted", "indices": [1]}, format="json").json()
    rob.post(f"{API}/verdicts/{given['id']}/undo")
    request = RequestFactory().get(f"/?after={before.pk}")
    request.user, project_id = user_factory("ann"), made.slide.project_id

    async def read():
        answer = await streams.project_events(request, project_id)
        found = []
        async with asyncio.timeout(10):
            async for chunk in answer:
                found += [line for line in chunk.decode().splitlines() if line.startswith("data: ")]
                if len(found) == 2:
                    break
        return [json.loads(line[6:]) for line in found]

    first, second = async_to_sync(read)()
    wanted = {"object_set_id": str(made.pk), "slide_id": str(made.slide_id), "count": 1, "topic": "verdict"}
    assert wanted.items() <= first.items()
    assert (first["id"], first["kind"], first["sequence"]) == (given["id"], "accepted", 2)
    assert first["reviewer"] == given["reviewer"]
    assert (second["kind"], second["undoes"], second["sequence"]) == ("undone", given["id"], 3)
