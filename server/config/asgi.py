"""The ASGI application: tiles and event streams beside Django, without Django's overhead."""

from __future__ import annotations

import asyncio
import os

import django
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "server.config.settings.development")
django.setup(set_prefix=False)

from server.accounts.passwords.gate import PasswordGate  # noqa: E402 - needs Django set up
from server.config.bodies import BodyHandler  # noqa: E402 - the same
from server.config.proxies import TrustedProxies, parse_networks  # noqa: E402 - the same
from server.core.children.calls import start_children  # noqa: E402 - the same
from server.core.raw_asgi import Receive, Scope, Send  # noqa: E402 - the same
from server.jobs.events.application import PATH as EVENTS  # noqa: E402 - the same
from server.jobs.events.application import application as events  # noqa: E402 - the same
from server.objects.tiles import application as object_tiles  # noqa: E402 - the same
from server.slides.tiles.application import application as tiles  # noqa: E402 - the same

django_application = BodyHandler()


async def route(scope: Scope, receive: Receive, send: Send) -> None:
    """Send each request to the application of its path."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["path"].startswith("/tiles/"):
        await tiles(scope, receive, send)
    elif scope["path"].startswith("/object-tiles/"):
        await object_tiles(scope, receive, send)
    elif scope["path"] == EVENTS:
        await events(scope, receive, send)
    else:
        await django_application(scope, receive, send)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            # In the background: it imports the readers of slides and files.
            starting = asyncio.create_task(asyncio.to_thread(start_children))
        if message["type"] == "lifespan.shutdown":
            await starting
            await asyncio.to_thread(django_application.close)
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


application = TrustedProxies(
    PasswordGate(route, slots=settings.PASSWORD_CHECKS), parse_networks(settings.TRUSTED_PROXIES)
)
