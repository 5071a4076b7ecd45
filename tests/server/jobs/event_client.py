"""A client of the event stream that talks ASGI to the application itself."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

from django.conf import settings

from server.jobs.events.application import EventApplication
from server.jobs.events.hub import EventHub
from server.jobs.events.wakeups import wakeups


def session_header(client, user):
    """Return the cookie header of a signed-in browser."""
    client.force_login(user)
    return [(b"cookie", f"{settings.SESSION_COOKIE_NAME}={client.session.session_key}".encode())]


def token_header(secret):
    return [(b"authorization", f"Token {secret}".encode())]


@asynccontextmanager
async def event_application(signals=wakeups):
    """The application of a web process; its threads and connections end with the test."""
    application = EventApplication(EventHub(signals))
    try:
        yield application
    finally:
        await asyncio.to_thread(application.hub.close)


class OpenStream:
    """One open response: ``status``, and the messages until it ends or ``leave`` is called."""

    def __init__(self, application, topics, headers, *, method="GET", last=None, query=None):
        text = "&".join(f"topic={topic}" for topic in topics) if query is None else query
        last_id = [(b"last-event-id", str(last).encode())] if last is not None else []
        self._scope = {
            "type": "http", "method": method, "path": "/api/v1/events",
            "query_string": text.encode(), "headers": [*headers, *last_id],
        }  # fmt: skip
        self.status = None
        self.headers = {}
        self.body = b""
        self.ended = False
        self._changed = asyncio.Condition()
        self._leave = asyncio.Event()
        self.task = asyncio.create_task(application(self._scope, self._receive, self._send))

    async def _receive(self):
        await self._leave.wait()
        return {"type": "http.disconnect"}

    async def _send(self, event):
        async with self._changed:
            if event["type"] == "http.response.start":
                self.status, self.headers = event["status"], dict(event["headers"])
            else:
                self.body += event.get("body", b"")
                self.ended = not event.get("more_body", False)
            self._changed.notify_all()

    @property
    def messages(self):
        lines = self.body.decode().splitlines()
        return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]

    async def until(self, condition, seconds=15):
        """Wait until ``condition(self)`` holds; returns the messages so far."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: condition(self))
        return self.messages

    async def count(self, number):
        return await self.until(lambda stream: len(stream.messages) >= number)

    async def started(self):
        await self.until(lambda stream: b"retry" in stream.body or stream.ended)
        return self

    async def end(self):
        return await self.until(lambda stream: stream.ended)

    async def leave(self, seconds=15):
        self._leave.set()
        async with asyncio.timeout(seconds):
            await self.task
