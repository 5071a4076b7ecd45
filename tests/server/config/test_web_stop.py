"""The web server stops while pages are open: their event streams do not hold it back."""

from __future__ import annotations

import asyncio
import socket

import pytest
import uvicorn
from asgiref.sync import async_to_sync

from server.config.parts import PARTS
from tests.server.jobs.event_client import event_application, session_header

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_SECONDS = 60


def test_the_web_server_stops_with_a_page_open(project_factory, user_factory, client):
    project = project_factory(annotator="ann")
    [(_, cookie)] = session_header(client, user_factory("ann"))
    options = PARTS["web"]
    graceful = int(options[options.index("--timeout-graceful-shutdown") + 1])

    async def run():
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            async with event_application() as application:
                config = uvicorn.Config(
                    application, lifespan="off", log_level="critical", timeout_graceful_shutdown=graceful
                )
                server = uvicorn.Server(config)
                serving = asyncio.create_task(server._serve([listening]))
                while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                    await asyncio.sleep(0.01)
                reader, writer = await asyncio.open_connection(*listening.getsockname())
                head = f"GET /api/v1/events?topic=project:{project.pk} HTTP/1.1\r\nHost: localhost\r\n"
                writer.write(head.encode() + b"Cookie: " + cookie + b"\r\n\r\n")
                answer = await reader.readuntil(b"\r\n\r\n")
                server.should_exit = True
                await asyncio.wait_for(serving, PATIENCE_SECONDS)
                writer.close()
                return answer

    assert async_to_sync(run)().startswith(b"HTTP/1.1 200")
    assert graceful <= 1
