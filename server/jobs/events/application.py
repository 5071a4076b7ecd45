"""The event stream as a bare ASGI application: ``GET /api/v1/events?topic=project:ID&topic=job:ID@NUMBER``.

One stream carries any number of topics, so a browser needs one connection. A stream holds no database
connection and no thread, and ends when the session, token or membership that opened it ends.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs
from uuid import UUID

from ml.messages import Message
from server.core.raw_asgi import NO_SNIFFING, Receive, Refusal, Scope, Send, header_of, refuse
from server.jobs.events.access import Credentials, check_again, identify, read_credentials, visible_topics
from server.jobs.events.hub import EventHub, Subscription
from server.jobs.events.selectors import ended_jobs, newest_number, read_history, topics_far_behind
from server.jobs.events.topics import Topic, TopicEvent, parse_number, parse_topic
from server.jobs.models import JobEvent

PATH: Final = "/api/v1/events"
MOST_TOPICS: Final = 50
MOST_STREAMS_PER_PERSON: Final = 20
KEEP_ALIVE_SECONDS: Final = 15.0
# Access that has ended closes a stream within five seconds.
CHECK_SECONDS: Final = 3.0
STEP_SECONDS: Final = 0.5

_HEADERS: Final = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    NO_SNIFFING,
]


@dataclass(eq=False, slots=True)
class Stream:
    """One open response: its credentials, its topics, and the start of each."""

    credentials: Credentials
    person: UUID
    after: dict[Topic, int]
    subscription: Subscription
    allowed: set[Topic]
    sent: set[tuple[Topic, int]] = field(default_factory=set)

    def note(self, message: TopicEvent) -> bool:
        """Record a message as sent; False when it was sent before (in the history)."""
        number = message.number or 0
        key = (message.topic, number)
        if key in self.sent:
            return False
        self.sent.add(key)
        self.after[message.topic] = max(self.after[message.topic], number)
        return True


class EventApplication:
    """Server of event streams; at most ``MOST_STREAMS_PER_PERSON`` of each user in parallel."""

    def __init__(self, hub: EventHub | None = None) -> None:
        self.hub = hub or EventHub()
        self._streams: set[Stream] = set()
        self._checker: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        try:
            stream = await self._open(scope)
        except Refusal as refusal:
            await refuse(send, refusal)
            return
        try:
            await send({"type": "http.response.start", "status": HTTPStatus.OK.value, "headers": _HEADERS})
            writing = asyncio.create_task(self._write(stream, send))
            leaving = asyncio.create_task(_wait_for_disconnect(receive))
            try:
                await asyncio.wait({writing, leaving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                writing.cancel()
                leaving.cancel()
                await asyncio.gather(writing, leaving, return_exceptions=True)
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._close(stream)

    async def _open(self, scope: Scope) -> Stream:
        if scope["method"] != "GET":
            raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", Message("events_read_only"))
        topics = _read_topics(scope["query_string"])
        credentials = read_credentials(scope["headers"])
        user = await self.hub.run(identify, credentials)
        if user is None:
            raise Refusal(HTTPStatus.UNAUTHORIZED, "not_authenticated", Message("not_authenticated"))
        if Counter(stream.person for stream in self._streams)[user.pk] >= MOST_STREAMS_PER_PERSON:
            detail = Message("too_many_streams", most=MOST_STREAMS_PER_PERSON)
            raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, "too_many_streams", detail)
        allowed = await self.hub.run(visible_topics, user, list(topics))
        if not allowed:
            raise Refusal(HTTPStatus.NOT_FOUND, "not_found", Message("not_found"))
        subscription = await self.hub.subscribe(topics)
        last = parse_number(header_of(scope, b"last-event-id").decode("latin-1"))
        newest = await self.hub.run(newest_number)
        # Without a number a job is streamed from its beginning, a project from now on.
        begin = {"project": last or newest, "job": last}
        after = {topic: max(number or 0, last) or begin[topic.kind] for topic, number in topics.items()}
        stream = Stream(credentials, user.pk, after, subscription, allowed)
        self._streams.add(stream)
        if self._checker is None or self._checker.done():
            self._checker = asyncio.create_task(self._check_access())
        return stream

    def _close(self, stream: Stream) -> None:
        self._streams.discard(stream)
        self.hub.unsubscribe(stream.subscription)
        if not self._streams and self._checker is not None:
            self._checker.cancel()
            self._checker = None

    async def _write(self, stream: Stream, send: Send) -> None:
        """Send the history of the topics, then live events, until no more can follow."""
        await _send(send, b"retry: 1000\n\n")
        following = set(stream.after)
        await self._skip_long_histories(stream, send)
        while following and not stream.subscription.overflowed:
            denied = following - stream.allowed
            following -= denied
            await _send(send, *(TopicEvent(topic, "denied", {}).encode() for topic in denied))
            # A job's last events are committed with its final state: what is read after this is complete.
            ended = await self.hub.run(ended_jobs, following) if _has_jobs(following) else set()
            has_new_state = await self._write_history(stream, send, following)
            await _send(send, *(TopicEvent(topic, "end", {}).encode() for topic in ended))
            following -= ended
            if following and not has_new_state:
                await self._write_live(stream, send, following)

    async def _skip_long_histories(self, stream: Stream, send: Send) -> None:
        """Start projects with very many events at the present, and notify the client of the gap."""
        visible = {topic: number for topic, number in stream.after.items() if topic in stream.allowed}
        for topic in await self.hub.run(topics_far_behind, visible):
            stream.after[topic] = await self.hub.run(newest_number)
            await _send(send, TopicEvent(topic, "missed", {}).encode())

    async def _write_history(self, stream: Stream, send: Send, following: set[Topic]) -> bool:
        """Send the events beyond each topic's number; return whether a job's state is among them."""
        has_new_state = False
        while messages := await self.hub.run(read_history, {key: stream.after[key] for key in following}):
            for message in messages:
                stream.note(message)
                has_new_state |= _is_job_state(message)
            await _send(send, *(message.encode() for message in messages))
        return has_new_state

    async def _write_live(self, stream: Stream, send: Send, following: set[Topic]) -> None:
        """Send messages until the state of a job or the access has changed."""
        seconds = 0.0
        while following <= stream.allowed and not stream.subscription.overflowed:
            message = await stream.subscription.get(STEP_SECONDS)
            if message is None:
                seconds += STEP_SECONDS
                if seconds >= KEEP_ALIVE_SECONDS:
                    seconds = 0.0
                    await _send(send, b": alive\n\n")
            elif message.topic in following and stream.note(message):
                await _send(send, message.encode())
                if _is_job_state(message):
                    return

    async def _check_access(self) -> None:
        """Remove topics whose access has ended; a stream without any ends."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            topics: dict[Credentials, set[Topic]] = {}
            for stream in self._streams:
                topics.setdefault(stream.credentials, set()).update(stream.allowed)
            allowed = await self.hub.run(check_again, topics)
            for stream in list(self._streams):
                if stream.credentials in allowed:
                    stream.allowed &= allowed[stream.credentials]


def _read_topics(query: bytes) -> dict[Topic, int | None]:
    texts = parse_qs(query.decode("latin-1")).get("topic", [])
    try:
        topics = dict(parse_topic(text) for text in texts)
    except ValueError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, "invalid_topic", Message("verbatim", text=error)) from error
    if not 0 < len(topics) <= MOST_TOPICS:
        detail = Message("invalid_topic", most=MOST_TOPICS)
        raise Refusal(HTTPStatus.BAD_REQUEST, "invalid_topic", detail)
    return topics


def _is_job_state(message: TopicEvent) -> bool:
    return message.topic.kind == "job" and message.name == JobEvent.Kind.STATE


def _has_jobs(topics: Iterable[Topic]) -> bool:
    return any(topic.kind == "job" for topic in topics)


async def _send(send: Send, *parts: bytes) -> None:
    if parts:
        await send({"type": "http.response.body", "body": b"".join(parts), "more_body": True})


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@cache
def _application() -> EventApplication:
    return EventApplication()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer ``/api/v1/events``; ``config.asgi`` mounts it beside Django."""
    await _application()(scope, receive, send)
