"""Django's requests in a fixed number of threads, each with a persistent database connection."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing
from functools import lru_cache
from typing import Any, Final, TypeVar, cast

from django.conf import settings
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.db import connections
from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch, get_resolver, set_script_prefix

from server.core.raw_asgi import Receive, Scope, Send

T = TypeVar("T")

# Requests whose bodies are still arriving. They wait for their senders, and hold no connection meanwhile.
BODY_THREADS: Final = 64


class ThreadedHandler(ASGIHandler):
    """Handler that answers each request by one call in one of ``WEB_THREADS`` threads.

    Django's own handler starts a thread for each request, so that each opens a database connection, and
    changes between event loop and thread six times.
    """

    def __init__(self) -> None:
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)
        self._threads = ThreadPoolExecutor(settings.WEB_THREADS, thread_name_prefix="web")
        self._body_threads = ThreadPoolExecutor(BODY_THREADS, thread_name_prefix="body")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        """Answer one HTTP request."""
        await self.handle(scope, receive, send)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        """Answer one HTTP request."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        with closing(body):
            if isinstance(body, io.BytesIO):
                response = await _run(self._threads, self._answer, scope, body)
            else:
                response = await _run(self._body_threads, self._answer_and_disconnect, scope, body)
            if response.streaming:
                with closing(response):
                    parts = iter(response.streaming_content)
                    response.streaming_content = self._read_in_threads(parts)
                    await self._send(response, send)
            else:
                await self._send(response, send)

    def close(self) -> None:
        """End the threads and their database connections."""
        # Each thread waits for the others, so that each closes its own connection.
        together = threading.Barrier(settings.WEB_THREADS)
        for _ in range(settings.WEB_THREADS):
            self._threads.submit(_close_connections, together)
        self._threads.shutdown()
        self._body_threads.shutdown()

    def _answer(self, scope: Scope, body: Any) -> Any:
        """Return the response, closed unless it streams: closing maintains the connection of this thread."""
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        request, refusal = self.create_request(scope, body)
        response = cast("HttpResponseBase", refusal) if request is None else self.get_response(request)
        response._handler_class = self.__class__  # type: ignore[attr-defined] # noqa: SLF001 - as Django's handlers
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        if not response.streaming:
            response.close()
        return response

    def _answer_and_disconnect(self, scope: Scope, body: Any) -> Any:
        try:
            return self._answer(scope, body)
        finally:
            connections.close_all()

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        """Return the view of a request's address. Browsers ask for the same ones again and again."""
        match = _resolve(request.path_info, settings.ROOT_URLCONF)
        request.resolver_match = match
        return match

    async def _send(self, response: HttpResponseBase, send: Send) -> None:
        await self.send_response(response, cast("Any", send))

    async def _read_in_threads(self, parts: Iterator[bytes]) -> AsyncIterator[bytes]:
        while (part := await _run(self._threads, next, parts, None)) is not None:
            yield part


@lru_cache(maxsize=4096)
def _resolve(path: str, addresses: str) -> ResolverMatch:
    return get_resolver(addresses).resolve(path)


async def _run(threads: Executor, work: Callable[..., T], *arguments: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(threads, work, *arguments)


def _close_connections(together: threading.Barrier) -> None:
    together.wait()
    connections.close_all()
