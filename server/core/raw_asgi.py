"""Requests and responses of the bare ASGI applications of tiles and object tiles."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, Final

from ml.messages import Message

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

LONGEST_NUMBER: Final = 7
CACHE_FOR_EVER: Final = (b"cache-control", b"private, max-age=31536000, immutable")
NO_SNIFFING: Final = (b"x-content-type-options", b"nosniff")


class Refusal(Exception):  # noqa: N818 - an answer, not a failure of ours
    """Error of a request, with status, message, and the seconds until another try."""

    def __init__(self, status: HTTPStatus, code: str, detail: Message, *, retry_after: int = 0) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
        self.status = status
        self.code = code
        self.detail = detail


def header_of(scope: Scope, name: bytes) -> bytes:
    """Return a request header, empty when it was not sent."""
    return next((value for key, value in scope["headers"] if key == name), b"")


def kept_until(expiry: int) -> tuple[bytes, bytes]:
    """Return the header that lets nginx cache a response as long as the grant in its URL.

    It is an absolute time and never reaches the browser; ``deploy/nginx`` says how it is used.
    """
    return (b"x-accel-expires", b"@%d" % expiry)


async def refuse(send: Send, refusal: Refusal) -> None:
    """Send a refusal as problem details."""
    message = refusal.detail.as_json()
    problem = {
        "type": "about:blank",
        "title": refusal.status.phrase,
        "status": refusal.status.value,
        "detail": message["text"],
        "code": refusal.code,
        "message": message,
    }
    await respond_problem(send, refusal.status, problem, retry_after=refusal.retry_after)


async def respond_problem(
    send: Send, status: HTTPStatus, problem: dict[str, Any], *, retry_after: int = 0
) -> None:
    """Send problem details; ``retry_after`` is in seconds, 0 for none."""
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"cache-control", b"no-store"),
        NO_SNIFFING,
    ]
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append((b"allow", b"GET, HEAD"))
    if retry_after:
        headers.append((b"retry-after", b"%d" % retry_after))
    body = json.dumps(problem).encode()
    await respond(send, status, [*headers, (b"content-length", b"%d" % len(body))], body)


async def respond(
    send: Send, status: HTTPStatus, headers: list[tuple[bytes, bytes]], body: bytes = b""
) -> None:
    """Send one whole response."""
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def plain_number(text: str) -> int | None:
    """Return a short whole number written in digits only, else None."""
    plain = 0 < len(text) <= LONGEST_NUMBER and text.isascii() and text.isdigit()
    return int(text) if plain else None
