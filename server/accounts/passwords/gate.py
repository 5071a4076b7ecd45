"""ASGI middleware that limits parallel password checks and schedules them fairly.

A check costs a core for a third of a second. Requests wait for it here, where they hold no thread, so
that a flood of them leaves threads and processors to everybody else.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.core import signing
from django.http import HttpResponseBase, parse_cookie

from ml.messages import Message
from server.accounts.models import User
from server.accounts.passwords.services import site_of
from server.core.raw_asgi import Application, Receive, Refusal, Scope, Send, header_of, refuse

CHECKS: Final = {("POST", "/api/v1/session"), ("PUT", "/api/v1/session/password")}
MOST_WAITING_PER_CLIENT: Final = 20
MOST_WAITING_STRANGERS: Final = 1000
# The next check of a client that was refused by a limit begins so much later.
PAUSE_SECONDS: Final = 1.0
# For requests beyond what may wait: the page tries again by itself.
RETRY_SECONDS: Final = 5

KNOWN_COOKIE: Final = "coverslip_known"
_SALT: Final = "known-browser"
_KNOWN_SECONDS: Final = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Client:
    """A waiting client: the browsers of a user who signed in there before, or an address."""

    key: str
    is_known: bool


def remember_browser(response: HttpResponseBase, user: User, *, is_secure: bool) -> None:
    """Set a cookie that gives this browser's next sign-in priority. The cookie proves nothing else."""
    response.set_cookie(
        KNOWN_COOKIE,
        signing.dumps(user.pk.hex, salt=_SALT),
        max_age=_KNOWN_SECONDS,
        path="/api/v1/session",
        secure=is_secure,
        httponly=True,
        samesite="Lax",
    )


class PasswordGate:
    """Gate of at most ``slots`` parallel password checks, one of them always free for other clients.

    Known browsers come first; among the others each address has its turn, however many requests it sends.
    A request beyond what may wait is answered 503 ``sign_in_busy`` with ``Retry-After``, without a word on
    its password. Clients with many waiting requests give way to those with few.
    """

    def __init__(self, application: Application, slots: int) -> None:
        self._application = application
        self._slots = slots
        self._slots_per_client = max(1, slots - 1)
        self._running: Counter[Client] = Counter()
        self._waiting: dict[Client, deque[asyncio.Future[bool]]] = {}
        self._paused: set[Client] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; one that checks a password waits for its turn."""
        if scope["type"] != "http" or (scope["method"], scope["path"]) not in CHECKS:
            await self._application(scope, receive, send)
            return
        client = _client_of(scope)
        if not (self._has_room(client) and await self._enter(client)):
            detail = Message("sign_in_busy")
            status = HTTPStatus.SERVICE_UNAVAILABLE
            await refuse(send, Refusal(status, "sign_in_busy", detail, retry_after=RETRY_SECONDS))
            return

        async def watch(message: Any) -> None:
            if message.get("status") == HTTPStatus.TOO_MANY_REQUESTS:
                self._pause(client)
            await send(message)

        try:
            await self._application(scope, receive, watch)
        finally:
            self._leave(client)

    def _has_room(self, client: Client) -> bool:
        own = len(self._waiting.get(client, ()))
        if own >= MOST_WAITING_PER_CLIENT:
            return False
        strangers = {other: len(queue) for other, queue in self._waiting.items() if not other.is_known}
        if client.is_known or sum(strangers.values()) < MOST_WAITING_STRANGERS:
            return True
        longest = max(strangers, key=lambda other: strangers[other])
        if strangers[longest] <= own + 1:
            return False
        # One of many requests from there goes, so that one from here gets in.
        turn = self._waiting[longest].pop()
        if not turn.done():
            turn.set_result(False)
        return True

    async def _enter(self, client: Client) -> bool:
        """Wait for the turn of a request; False where it had to give way to another client."""
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(turn)
        self._admit()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():
                self._leave(client)
            raise

    def _leave(self, client: Client) -> None:
        self._running[client] -= 1
        self._running += Counter()  # drops clients at zero
        self._admit()

    def _pause(self, client: Client) -> None:
        self._paused.add(client)
        asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._resume, client)

    def _resume(self, client: Client) -> None:
        self._paused.discard(client)
        self._admit()

    def _admit(self) -> None:
        while self._running.total() < self._slots and (client := self._next_client()) is not None:
            # Taken out and put back at the end, so that each client has its turn.
            queue = self._waiting.pop(client)
            turn = queue.popleft()
            if queue:
                self._waiting[client] = queue
            if not turn.done():
                self._running[client] += 1
                turn.set_result(True)

    def _next_client(self) -> Client | None:
        free = [
            client
            for client in self._waiting
            if client not in self._paused and self._running[client] < self._slots_per_client
        ]
        return min(free, key=lambda client: not client.is_known, default=None)


def _client_of(scope: Scope) -> Client:
    cookie = parse_cookie(header_of(scope, b"cookie").decode("latin-1")).get(KNOWN_COOKIE, "")
    try:
        return Client(str(UUID(signing.loads(cookie, salt=_SALT, max_age=_KNOWN_SECONDS))), is_known=True)
    except (signing.BadSignature, ValueError, TypeError, AttributeError):
        return Client(site_of((scope.get("client") or ("",))[0]), is_known=False)
