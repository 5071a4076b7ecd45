"""Interrupted verdicts: a broken connection leaves none half stored, and everybody is notified."""

from __future__ import annotations

import asyncio
import json
import threading
import uuid

import pytest
from asgiref.sync import async_to_sync
from django.core.handlers.asgi import ASGIHandler

from server.accounts.services import create_token
from server.audit.models import AuditRecord
from server.jobs.models import JobEvent
from server.review import services
from server.review.decisions.fold import fold, load
from server.review.models import ReviewState, Verdict
from tests.server.jobs.event_client import OpenStream, event_application, session_header

API = "/api/v1"
# Committed, since events are written on commit.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def made(project_factory, slide_factory, label_factory, suggest):
    project = project_factory(annotator="ann", reviewer="rob", manager="mia")
    slide = slide_factory(project, "a", width=4096, height=4096)
    return suggest(slide, [label_factory(project)], [0.5, 0.6, 0.7])


def post_and_hang_up(token, path, body, may_hang_up):
    """Send a request to the whole application; the connection closes once ``may_hang_up`` is set."""
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
        """Discard the message: the client has left."""

    async_to_sync(ASGIHandler())(scope, receive, send)


def expect_whole(made):
    """Assert that every verdict is in the audit and in the state, or in neither."""
    rows = list(Verdict.objects.filter(object_set=made).order_by("sequence"))
    state = ReviewState.objects.filter(object_set=made).first()
    assert (state.version if state else 0) == len(rows)
    assert AuditRecord.objects.filter(action__startswith="verdict.").count() == len(rows)
    assert load(state) == fold(rows)
    return len(rows)


@pytest.mark.parametrize("moment", ["at once", "while it is written"])
def test_a_broken_connection_leaves_no_half_written_verdict(made, user_factory, api, monkeypatch, moment):
    _, token = create_token(actor=user_factory("rob"), name="browser", scope="write")
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


def test_members_receive_each_verdict_by_the_event_stream(made, user_factory, api, client):
    rob, address = api(user_factory("rob")), f"{API}/object-sets/{made.pk}/verdicts"
    rob.post(address, {"kind": "accepted", "indices": [0]}, format="json")
    before = JobEvent.objects.get()
    given = rob.post(address, {"kind": "accepted", "indices": [1]}, format="json").json()
    rob.post(f"{API}/verdicts/{given['id']}/undo")
    cookie, topic = (
        session_header(client, user_factory("ann")),
        f"project:{made.slide.project_id}@{before.pk}",
    )

    async def read():
        async with event_application() as application:
            stream = OpenStream(application, [topic], cookie)
            messages = await stream.count(2)
            await stream.leave()
            return [message["data"] for message in messages if message["name"] == "verdict"]

    first, second = async_to_sync(read)()
    wanted = {"object_set_id": str(made.pk), "slide_id": str(made.slide_id), "count": 1}
    assert wanted.items() <= first.items()
    assert (first["id"], first["kind"], first["sequence"]) == (given["id"], "accepted", 2)
    assert first["reviewer"] == given["reviewer"]
    assert (second["kind"], second["undoes"], second["sequence"]) == ("undone", given["id"], 3)
