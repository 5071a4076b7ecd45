"""The ASGI application: tiles beside Django, so that a tile pays for nothing of Django's."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.config.settings.development")

django_application = get_asgi_application()

from server.objects.tiles import application as object_tiles  # noqa: E402 - needs Django set up
from server.slides.tiles import application as tiles  # noqa: E402 - the same

Message = MutableMapping[str, Any]


async def application(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Send each request to the application that its path belongs to."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["path"].startswith("/tiles/"):
        await tiles(scope, receive, send)
    elif scope["path"].startswith("/object-tiles/"):
        await object_tiles(scope, receive, send)
    else:
        await django_application(scope, receive, send)  # type: ignore[arg-type]


async def _live(
    receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
