"""Request bodies, read only when a view asks for them, and limited by their headers.

Django's own handler spools every body to a temporary file before it looks at the request, so that strangers
could fill the disk, and a body that was cut is lost as a whole.
"""

from __future__ import annotations

import asyncio
import io
import re
from concurrent.futures import TimeoutError as WaitTimeoutError
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.db import connection

from ml.messages import Message
from server.config.request_threads import ThreadedHandler
from server.core.errors import TooLargeError
from server.core.problems import domain_problem
from server.core.raw_asgi import Receive, Scope, Send, header_of, respond_problem

# A body that costs about as much as its headers is read at once, without a thread that waits for it.
SMALL: Final = 64 * 2**10
MOST_BYTES: Final = 32 * 2**20
MOST_FILE_BYTES: Final = 8 * 2**30 + 2**20
# Addresses whose bodies have another limit; that of an upload is its declared length, which the view checks.
_SIGN_IN: Final = re.compile(r"/api/v1/session(/.*)?")
_FILES: Final = re.compile(r"/api/v1/(projects/[^/]+/weights|slides/[^/]+/import(/preview)?)")
_UPLOADS: Final = re.compile(r"/api/v1/uploads(/[^/]+)?")
# A sender that pauses for longer is taken for gone.
_WAIT_SECONDS: Final = 60.0
# After an early answer, so much is still taken from the sender, so that it reads the answer.
_LINGER_BYTES: Final = 2**20
_LINGER_SECONDS: Final = 1.0


def body_limit(path: str) -> int:
    """Return the largest body of a request to a path in bytes."""
    if _SIGN_IN.fullmatch(path):
        return SMALL
    if _UPLOADS.fullmatch(path):
        return int(settings.UPLOAD_MAX_BYTES)
    return MOST_FILE_BYTES if _FILES.fullmatch(path) else MOST_BYTES


def too_large(limit: int) -> TooLargeError:
    """Return the error response for a body above a limit."""
    return TooLargeError(Message("request_too_large", most=limit // 1024))


class BodyHandler(ThreadedHandler):
    """Django's handler with bodies that views read as they arrive."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        """Answer a request; one that announces too long a body gets 413 before a byte of it is read."""
        body = Body(scope, receive)
        send = body.answer_early(send)
        if body.length > body.limit:
            await respond_problem(
                send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, domain_problem(too_large(body.limit))
            )
            return
        await super().handle(scope, body, send)

    async def read_body(self, receive: Any) -> Any:
        """Return the body as a file; ``receive`` is the ``Body`` of ``handle``."""
        return await receive.open()


class Body:
    """The body of one request. Called, it waits for the client to disconnect, as Django does."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        announced = header_of(scope, b"content-length")
        self.length = int(announced) if announced.isdigit() else 0
        self.limit = body_limit(scope["path"])
        self._is_small = self.length <= SMALL and not header_of(scope, b"transfer-encoding")
        self._receive = receive
        self._has_ended = asyncio.Event()

    async def __call__(self) -> Any:
        """Return the message after the body: that the client disconnected."""
        await self._has_ended.wait()
        return await self._receive()

    async def open(self) -> io.IOBase:
        """Return a file of the body; raises RequestAborted where a small one is incomplete."""
        if not self._is_small:
            return BodyFile(self, asyncio.get_running_loop())
        content = bytearray()
        while not self._has_ended.is_set():
            part = await self.next_part()
            if part is None:
                raise RequestAborted
            content += part
        return io.BytesIO(bytes(content))

    async def next_part(self) -> bytes | None:
        """Return the next bytes, empty after the end; None where the client disconnected."""
        if self._has_ended.is_set():
            return b""
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return None
            if not message.get("more_body", False):
                self._has_ended.set()
            if message.get("body") or self._has_ended.is_set():
                return bytes(message.get("body", b""))

    def answer_early(self, send: Send) -> Send:
        """Return a ``send`` that closes the connection when it responds before the whole body has arrived."""

        async def send_event(event: Any) -> None:
            if self._has_ended.is_set() or self._is_small:
                await send(event)
            elif event["type"] == "http.response.start":
                await send({**event, "headers": [*event["headers"], (b"connection", b"close")]})
            elif event.get("more_body", False):
                await send(event)
            else:
                await send({**event, "more_body": True})
                await self._linger()
                await send({"type": "http.response.body", "body": b""})

        return send_event

    async def _linger(self) -> None:
        taken = 0
        try:
            async with asyncio.timeout(_LINGER_SECONDS):
                while taken < _LINGER_BYTES and not self._has_ended.is_set():
                    part = await self.next_part()
                    if part is None:
                        return
                    taken += len(part)
        except TimeoutError:
            pass


class BodyFile(io.RawIOBase):
    """A body that the thread of a view reads while it arrives; ``read`` may return less than asked for.

    Raises ConnectionResetError where the sender has left and TooLargeError beyond the limit.
    """

    def __init__(self, body: Body, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._body, self._loop = body, loop
        self._rest = memoryview(b"")
        self._taken = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with bytes that have arrived; 0 at the end."""
        if not self._rest:
            self._rest = memoryview(self._next())
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size

    def _next(self) -> bytes:
        # Hold no database connection while a sender takes its time.
        if not connection.in_atomic_block:
            connection.close()
        waiting = asyncio.run_coroutine_threadsafe(self._body.next_part(), self._loop)
        try:
            part = waiting.result(_WAIT_SECONDS)
        except WaitTimeoutError:
            waiting.cancel()
            part = None
        if part is None:
            message = "The sender left before the whole body had come."
            raise ConnectionResetError(message)
        self._taken += len(part)
        if self._taken > self._body.limit:
            raise too_large(self._body.limit)
        return part
