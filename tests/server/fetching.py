"""Requests to the whole ASGI application: tiles, which bypass Django, and all other paths."""

from __future__ import annotations

from typing import Any

import httpx
from asgiref.sync import async_to_sync

from server.config.asgi import application


def fetch(address: str, *, method: str = "GET", headers: dict[str, str] | None = None) -> httpx.Response:
    """Return the answer to one request."""

    async def ask() -> httpx.Response:
        transport: Any = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            return await client.request(method, address, headers=headers)

    return async_to_sync(ask)()
