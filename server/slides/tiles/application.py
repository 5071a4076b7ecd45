"""Tiles as a bare ASGI application: no ORM, no session, no cookie, no framework.

In this order: is the address well formed, is the grant good, does the browser have it already (304
without opening anything), is it in memory, is it stored as JPEG in the file, do other processes have it,
and only then is it decoded, in a small pool of threads, once for all who ask at the same time.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings

from ml.messages import Message
from ml.slides.recent import Recent
from server.core.errors import ContentError
from server.core.raw_asgi import (
    CACHE_FOR_EVER,
    NO_SNIFFING,
    Receive,
    Refusal,
    Scope,
    Send,
    header_of,
    kept_until,
    refuse,
    respond,
)
from server.slides.tiles.grants import verify_grant
from server.slides.tiles.opened import OpenedSlide
from server.slides.tiles.request import TileRequest, read_request
from server.slides.tiles.shared import SharedTiles

_JPEG: Final = (b"content-type", b"image/jpeg")


class TileApplication:
    """Server of tiles and crops, with bounded caches of open slides and encoded tiles."""

    def __init__(self, *, slides: int, memory: int, threads: int, shared: SharedTiles | None = None) -> None:
        self._slides: Recent[str, OpenedSlide] = Recent(slides)
        self._bodies: Recent[TileRequest, bytes] = Recent(memory)
        self._under_way: dict[Hashable, asyncio.Future[Any]] = {}
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="tiles")
        self._shared = shared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        del receive
        try:
            if scope["method"] not in {"GET", "HEAD"}:
                detail = Message("tiles_read_only")
                raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", detail)
            tile_request, grant = read_request(scope["path"], scope["query_string"])
            expiry = verify_grant(grant, tile_request.sha256)
            if expiry is None:
                detail = Message("slide_grant_refused")
                raise Refusal(HTTPStatus.FORBIDDEN, "grant_refused", detail)
            etag = tile_request.etag
            if etag in header_of(scope, b"if-none-match"):
                await respond(send, HTTPStatus.NOT_MODIFIED, [CACHE_FOR_EVER, (b"etag", etag)])
                return
            body = await self._body(tile_request)
            size = (b"content-length", str(len(body)).encode())
            headers = [_JPEG, size, CACHE_FOR_EVER, (b"etag", etag), NO_SNIFFING, kept_until(expiry)]
            await respond(send, HTTPStatus.OK, headers, body if scope["method"] == "GET" else b"")
        except Refusal as refusal:
            await refuse(send, refusal)

    async def _body(self, tile_request: TileRequest) -> bytes:
        try:
            slide = self._slides.get(tile_request.sha256)
            if slide is None or not slide.still_exists():
                slide = await self._open(tile_request.sha256)
            _check_inside(slide, tile_request)
            body = (
                slide.stored_in_memory(*tile_request.tile)
                if tile_request.tile and tile_request.is_default_view
                else None
            )
            if body is None:
                body = self._bodies.get(tile_request)
            return await self._make(slide, tile_request) if body is None else body
        except FileNotFoundError as error:
            raise Refusal(HTTPStatus.NOT_FOUND, "not_found", Message("no_such_slide")) from error
        except ContentError as error:
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, error.specific_code, error.detail) from error

    async def _open(self, sha256: str) -> OpenedSlide:
        self._slides.drop(sha256)
        slide: OpenedSlide = await self._once(sha256, lambda: self._in_thread(OpenedSlide.by_content, sha256))
        self._slides.put(sha256, slide)
        return slide

    async def _make(self, slide: OpenedSlide, tile_request: TileRequest) -> bytes:
        body: bytes = await self._once(tile_request, lambda: self._draw(slide, tile_request))
        if not (
            tile_request.tile and tile_request.is_default_view and slide.passes_through(*tile_request.tile)
        ):
            self._bodies.put(tile_request, body, len(body))
        return body

    async def _draw(self, slide: OpenedSlide, tile_request: TileRequest) -> bytes:
        """Return a tile from the shared cache, or draw and share it."""
        through = (
            tile_request.tile and tile_request.is_default_view and slide.passes_through(*tile_request.tile)
        )
        shared = None if through else self._shared
        body = await shared.get(tile_request.key) if shared else None
        if body is None:
            body = await self._in_thread(_draw, slide, tile_request)
            if shared:
                await shared.put(tile_request.key, body)
        return body

    async def _in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    async def _once(self, key: Hashable, work: Callable[[], Any]) -> Any:
        """Do the work, or wait for the request that is doing it; no waiter can cancel it."""
        running = self._under_way.get(key)
        if running is None:
            running = asyncio.ensure_future(work())
            self._under_way[key] = running
            running.add_done_callback(lambda done: self._finished(key, done))
        return await asyncio.shield(running)

    def _finished(self, key: Hashable, done: asyncio.Future[Any]) -> None:
        del self._under_way[key]
        if not done.cancelled():
            # Looked at here, because every waiter may have left.
            done.exception()


def _draw(slide: OpenedSlide, tile_request: TileRequest) -> bytes:
    if tile_request.tile:
        return slide.tile(*tile_request.tile, tile_request.mix, tile_request.plane)
    *box, longest = tile_request.crop or (0, 0, 1, 1, 1)
    x, y, width, height = box
    return slide.region((x, y, width, height), longest, tile_request.mix, tile_request.plane)


def _check_inside(slide: OpenedSlide, tile_request: TileRequest) -> None:
    if tile_request.plane is not None and not slide.manifest.stack.has_plane(tile_request.plane):
        detail = Message("no_such_plane")
        raise Refusal(HTTPStatus.NOT_FOUND, "no_such_plane", detail)
    if tile_request.tile and slide.pyramid.tile_extent(*tile_request.tile) is None:
        detail = Message("no_tile_there")
        raise Refusal(HTTPStatus.NOT_FOUND, "not_found", detail)
    if tile_request.crop:
        x, y, width, height, _ = tile_request.crop
        if x + width > slide.pyramid.width or y + height > slide.pyramid.height:
            detail = Message("region_beyond_slide")
            raise Refusal(HTTPStatus.BAD_REQUEST, "invalid_region", detail)


@cache
def _application() -> TileApplication:
    return TileApplication(
        slides=settings.TILE_OPEN_SLIDES,
        memory=settings.TILE_CACHE_BYTES,
        threads=settings.TILE_THREADS or min(4, os.cpu_count() or 1),
        shared=SharedTiles(settings.TILE_CACHE_URL) if settings.TILE_CACHE_URL else None,
    )


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer ``/tiles/...``; ``config.asgi`` mounts it beside Django."""
    await _application()(scope, receive, send)
