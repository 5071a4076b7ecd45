"""What the two bare ASGI applications, for tiles and for object tiles, answer with."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, Final

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LONGEST_NUMBER: Final = 7
CACHE_FOR_EVER: Final = (b"cache-control", b"private, max-age=31536000, immutable")
NO_SNIFFING: Final = (b"x-content-type-options", b"nosniff")


class Refusal(Exception):  # noqa: N818 - an answer, not a failure of ours
    """A request that gets no image, with the status and words to say so."""

    def __init__(self, status: HTTPStatus, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


def header_of(scope: Scope, name: bytes) -> bytes:
    """Return a request header, empty when it was not sent."""
    return next((value for key, value in scope["headers"] if key == name), b"")


def kept_until(expiry: int) -> tuple[bytes, bytes]:
    """Return the header that lets an nginx in front keep an answer as long as the grant in its address.

    It is an absolute time and never reaches the browser; ``deploy/nginx`` says how it is used.
    """
    return (b"x-accel-expires", b"@%d" % expiry)


async def refuse(send: Send, refusal: Refusal) -> None:
    """Answer a refusal as problem details."""
    problem = {
        "type": "about:blank",
        "title": refusal.status.phrase,
        "status": refusal.status.value,
        "detail": refusal.detail,
        "code": refusal.code,
    }
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"cache-control", b"no-store"),
        NO_SNIFFING,
    ]
    if refusal.status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append((b"allow", b"GET, HEAD"))
    await respond(send, refusal.status, headers, json.dumps(problem).encode())


async def respond(
    send: Send, status: HTTPStatus, headers: list[tuple[bytes, bytes]], body: bytes = b""
) -> None:
    """Send one whole answer."""
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def plain_number(text: str) -> int | None:
    """Return a short whole number written in digits alone, else None."""
    plain = 0 < len(text) <= LONGEST_NUMBER and text.isascii() and text.isdigit()
    return int(text) if plain else None
