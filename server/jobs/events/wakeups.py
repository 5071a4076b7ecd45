"""Wake-up signals for new events: notifications of PostgreSQL, or a timer on SQLite."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any, Final

import psycopg
from django.db import connection

from server.jobs.events.log import CHANNEL

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.1
RECONNECT_SECONDS: Final = 1.0
# Without a notification the events are read this often, so that a lost one delays and loses nothing.
LONGEST_SILENCE_SECONDS: Final = 15.0


async def beats(seconds: float = POLL_SECONDS) -> AsyncIterator[None]:
    """Yield at regular intervals."""
    while True:
        yield
        await asyncio.sleep(seconds)


async def notifications() -> AsyncIterator[None]:
    """Yield when PostgreSQL notifies of new events; keeps one connection and renews it when it breaks."""
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(**_address(), autocommit=True) as listener:
                await listener.execute(f"LISTEN {CHANNEL}")
                while True:
                    # Also right after connecting: events of the time without a connection.
                    yield
                    async for _ in listener.notifies(timeout=LONGEST_SILENCE_SECONDS, stop_after=1):
                        pass
        except psycopg.Error:
            log.warning("The connection that listens for events broke and is opened again.")
            await asyncio.sleep(RECONNECT_SECONDS)
            yield


def _address() -> dict[str, Any]:
    parameters: dict[str, Any] = connection.get_connection_params()
    for name in ("cursor_factory", "context", "prepare_threshold", "client_encoding"):
        parameters.pop(name, None)
    return parameters


def wakeups() -> AsyncIterator[None]:
    """Return the signals that suit the database."""
    return notifications() if connection.vendor == "postgresql" else beats()
