"""Django's requests share a few threads with persistent database connections."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing

import httpx
import pytest
from django.db.backends.signals import connection_created
from django.http import FileResponse, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from server.config.bodies import BodyHandler

pytestmark = pytest.mark.django_db(transaction=True)

REQUESTS = 30
THREADS = 4
_together = threading.Barrier(THREADS)


def count_people(request):
    """Answer only when as many requests are running as there are threads."""
    from server.accounts.models import User

    _together.wait(30)
    return HttpResponse(User.objects.count())


def send_file(request):
    from django.conf import settings

    return FileResponse((settings.HOME / "long.bin").open("rb"))


@csrf_exempt
def send_path(request):
    return HttpResponse(request.get_full_path() + " " + request.body.decode())


urlpatterns = [
    path("people", count_people),
    path("file", send_file),
    path("echo", send_path),
]


@pytest.fixture
def handler(settings):
    settings.WEB_THREADS = THREADS
    settings.ROOT_URLCONF = __name__
    with closing(BodyHandler()) as made:
        yield made


async def ask(handler, method, addresses, **values):
    transport = httpx.ASGITransport(handler)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        return await asyncio.gather(*(client.request(method, address, **values) for address in addresses))


def test_many_requests_use_as_many_connections_as_there_are_threads(handler, user_factory):
    user_factory("ann")
    opened = []
    note = lambda **_: opened.append(threading.get_ident())  # noqa: E731 - a receiver of this test alone
    connection_created.connect(note)
    try:
        count = REQUESTS // THREADS * THREADS
        answers = asyncio.run(ask(handler, "GET", ["/people"] * count))
        assert {answer.text for answer in answers} == {"1"}
        assert len(opened) <= THREADS
        assert len(set(opened)) == len(opened)
    finally:
        connection_created.disconnect(note)


def test_a_file_is_sent_in_parts_and_closed(handler, settings):
    settings.HOME.mkdir(exist_ok=True)
    content = bytes(range(256)) * 2000
    (settings.HOME / "long.bin").write_bytes(content)
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": "/file", "query_string": b"", "root_path": "",
        "headers": [(b"host", b"testserver")],
    }  # fmt: skip
    asyncio.run(handler(scope, receive, send))
    parts = [message.get("body", b"") for message in sent[1:]]
    assert b"".join(parts) == content
    assert max(map(len, parts)) <= handler.chunk_size
    assert sent[-1].get("more_body", False) is False


def test_the_body_and_the_address_arrive(handler):
    [answer] = asyncio.run(ask(handler, "POST", ["/echo?a=1"], content=b"body"))
    assert answer.text == "/echo?a=1 body"


def test_a_view_that_fails_is_an_answer(handler):
    [answer] = asyncio.run(ask(handler, "GET", ["/file"]))
    assert answer.status_code == 500
