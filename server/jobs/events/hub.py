"""Hub that reads new events once per web process and distributes them to all streams of their topics."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from django.db import connection, connections
from django.db.utils import Error as DatabaseError

from server.jobs.events.selectors import BATCH, events_numbered, newest_number, numbers_beyond
from server.jobs.events.topics import Topic, TopicEvent, messages_of
from server.jobs.events.wakeups import wakeups

T = TypeVar("T")

log = logging.getLogger(__name__)

# All streams of a process share these threads, and so at most this many database connections.
THREADS: Final = 2
# A stream whose reader is slower than this many messages is ended; the browser resumes it by number.
LONGEST_QUEUE: Final = 2000
# PostgreSQL gives out numbers before transactions commit, so lower numbers may appear for this long.
# SQLite has one writer at a time.
LATE_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 1.0


class Subscription:
    """Messages of some topics from now on. ``overflowed`` when the reader was too slow."""

    def __init__(self, topics: Iterable[Topic]) -> None:
        self.topics = frozenset(topics)
        self.overflowed = False
        self._queue: asyncio.Queue[TopicEvent] = asyncio.Queue(LONGEST_QUEUE)

    def put(self, message: TopicEvent) -> None:
        """Queue a message for the reader."""
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self.overflowed = True

    async def get(self, seconds: float) -> TopicEvent | None:
        """Return the next message, None after the timeout.

        Python 3.11's ``wait_for`` drops a cancellation that arrives together with a message, and its
        caller would go on for ever (python/cpython#86296).
        """
        try:
            async with asyncio.timeout(seconds):
                return await self._queue.get()
        except TimeoutError:
            return None


class EventHub:
    """One reader of events for all streams of a process; idle without streams."""

    def __init__(self, signals: Callable[[], AsyncIterator[None]] = wakeups) -> None:
        self._signals = signals
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="events")
        self._subscriptions: set[Subscription] = set()
        self._reader: asyncio.Task[None] | None = None
        self._position = _Position(LATE_SECONDS if connection.vendor == "postgresql" else 0.0)
        self._starting = asyncio.Lock()

    async def subscribe(self, topics: Iterable[Topic]) -> Subscription:
        """Add a stream; from now on no event of its topics is missed."""
        subscription = Subscription(topics)
        async with self._starting:
            if not self._subscriptions:
                await self.run(self._position.start)
            self._subscriptions.add(subscription)
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read_for_ever())
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Remove a stream; the last one stops the reader."""
        self._subscriptions.discard(subscription)
        if not self._subscriptions and self._reader is not None:
            self._reader.cancel()
            self._reader = None

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run a database function in one of the hub's few threads."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _with_fresh_connection, work, *arguments)

    def close(self) -> None:
        """Close the threads and their database connections."""
        # Each thread waits for the others, so that none of them closes twice and none never.
        together = threading.Barrier(THREADS)
        for _ in range(THREADS):
            self._threads.submit(_close_connections, together)
        self._threads.shutdown()

    async def _read_for_ever(self) -> None:
        while True:
            try:
                async for _ in self._signals():
                    for message in await self.run(self._position.read_new):
                        self._hand_out(message)
            except Exception:  # a stream without its reader would wait in silence
                log.exception("Events could not be read; trying again.")
                await asyncio.sleep(RETRY_SECONDS)

    def _hand_out(self, message: TopicEvent) -> None:
        for subscription in self._subscriptions:
            if message.topic in subscription.topics:
                subscription.put(message)


class _Position:
    """Position up to which events have been read, with room for numbers that become visible late."""

    def __init__(self, late_seconds: float) -> None:
        self._late_seconds = late_seconds
        self._floor = 0
        self._read_at: dict[int, float] = {}
        # A read whose reader was stopped may still be under way when the next one starts.
        self._one_at_a_time = threading.Lock()

    def start(self) -> None:
        """Start after the newest event."""
        with self._one_at_a_time:
            self._floor = newest_number()
            self._read_at = {}

    def read_new(self) -> list[TopicEvent]:
        """Return the messages of new events, by number."""
        with self._one_at_a_time:
            return self._read_new()

    def _read_new(self) -> list[TopicEvent]:
        numbers = numbers_beyond(self._floor, BATCH + len(self._read_at))
        new = [number for number in numbers if number not in self._read_at]
        messages = list(messages_of(events_numbered(new))) if new else []
        now = time.monotonic()
        self._read_at |= dict.fromkeys(new, now)
        settled = [number for number, at in self._read_at.items() if now - at >= self._late_seconds]
        self._floor = max(settled, default=self._floor)
        self._read_at = {number: at for number, at in self._read_at.items() if number > self._floor}
        return messages


def _with_fresh_connection(work: Callable[..., T], *arguments: Any) -> T:
    """Call a function and close a broken connection, so that the next call opens a new one."""
    try:
        return work(*arguments)
    except DatabaseError:
        connections.close_all()
        raise


def _close_connections(together: threading.Barrier) -> None:
    together.wait()
    connections.close_all()
