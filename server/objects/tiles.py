"""Object tiles as a bare ASGI application, like the slides' tiles.

    /object-tiles/{folder}/{z}/{x}/{y}.arrow?grant=...&min_score=...
    /object-tiles/{folder}/index.arrow?grant=...

``folder`` is the last part of the set's storage key and the grant is for it. A set never changes, so a
tile is cached for ever; reading one is a lookup in memory-mapped files, done off the event loop.
README.md lists their columns.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

import imagecodecs
import pyarrow as pa
from django.conf import settings

from ml.messages import Message
from ml.objectset import Limits
from ml.slides.recent import Recent
from server.core.raw_asgi import (
    CACHE_FOR_EVER,
    NO_SNIFFING,
    Receive,
    Refusal,
    Scope,
    Send,
    header_of,
    kept_until,
    plain_number,
    refuse,
    respond,
)
from server.objects.storage import FOLDER, is_folder_name, open_object_files
from server.slides.tiles.grants import verify_grant

_ARROW: Final = (b"content-type", b"application/vnd.apache.arrow.stream")
_VARY: Final = (b"vary", b"accept-encoding")
_EDITION: Final = "2"


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed URL: a tile, or without ``place`` the list of crowded tiles."""

    folder: str
    place: tuple[int, int, int] | None
    limits: Limits
    encoding: str

    @property
    def etag(self) -> bytes:
        """Return the entity tag of this response."""
        place = ".".join(str(part) for part in self.place) if self.place else "index"
        limits = f".{self.limits.text()}" if self.limits else ""
        return f'"{_EDITION}.{self.folder}.{place}{limits}.{self.encoding}"'.encode()


class ObjectTileApplication:
    """Server of object tiles, with a bounded cache of recent ones."""

    def __init__(self, *, memory: int, threads: int) -> None:
        self._bodies: Recent[Address, bytes] = Recent(memory)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="object-tiles")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        del receive
        try:
            if scope["method"] not in {"GET", "HEAD"}:
                detail = Message("tiles_read_only")
                raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", detail)
            query = dict(parse_qsl(scope["query_string"].decode("ascii", "replace")))
            address = read_address(scope["path"], query, header_of(scope, b"accept-encoding"))
            expiry = verify_grant(query.get("grant", ""), address.folder)
            if expiry is None:
                detail = Message("object_grant_refused")
                raise Refusal(HTTPStatus.FORBIDDEN, "grant_refused", detail)
            kept = [CACHE_FOR_EVER, (b"etag", address.etag), _VARY]
            if address.etag in header_of(scope, b"if-none-match"):
                await respond(send, HTTPStatus.NOT_MODIFIED, kept)
                return
            body = await self._body(address)
            headers = [_ARROW, (b"content-length", str(len(body)).encode()), *kept, NO_SNIFFING]
            headers.append(kept_until(expiry))
            if address.encoding != "identity":
                headers.append((b"content-encoding", address.encoding.encode()))
            await respond(send, HTTPStatus.OK, headers, body if scope["method"] == "GET" else b"")
        except Refusal as refusal:
            await refuse(send, refusal)

    async def _body(self, address: Address) -> bytes:
        body = self._bodies.get(address)
        if body is None:
            body = await asyncio.get_running_loop().run_in_executor(self._threads, read_tile, address)
            self._bodies.put(address, body, len(body))
        return body


def read_address(path: str, query: Mapping[str, str], accepted: bytes) -> Address:
    """Return the parsed URL; raises Refusal. Only valid names and numbers pass."""
    try:
        limits = Limits.from_mapping(query)
    except ValueError as error:
        detail = Message("bad_limit")
        raise Refusal(HTTPStatus.BAD_REQUEST, "bad_limit", detail) from error
    encoding = encoding_for(accepted)
    match path.removeprefix("/object-tiles/").split("/"):
        case [folder, "index.arrow"] if is_folder_name(folder):
            return Address(folder, None, Limits(), encoding)
        case [folder, z, x, name] if is_folder_name(folder) and name.endswith(".arrow"):
            numbers = [plain_number(part) for part in (z, x, name.removesuffix(".arrow"))]
            if None not in numbers:
                place = numbers[0] or 0, numbers[1] or 0, numbers[2] or 0
                return Address(folder, place, limits, encoding)
    raise Refusal(HTTPStatus.NOT_FOUND, "not_found", Message("no_such_tile"))


def encoding_for(accepted: bytes) -> str:
    """Return the best content encoding among those that a client accepts."""
    offered = {}
    for part in accepted.decode("ascii", "replace").lower().split(","):
        name, _, weight = part.strip().partition(";")
        offered[name.strip()] = weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return next((name for name in ("zstd", "gzip") if offered.get(name)), "identity")


def read_tile(address: Address) -> bytes:
    """Return the body of a response; raises Refusal for an unknown tile."""
    try:
        files = open_object_files(str(settings.STORAGE_ROOT), f"{FOLDER}/{address.folder}")
        content = files.tile(*address.place, address.limits) if address.place else files.crowded_tiles()
    except (FileNotFoundError, IndexError, ValueError) as error:
        raise Refusal(HTTPStatus.NOT_FOUND, "not_found", Message("no_such_tile")) from error
    return pack(content, address.encoding)


def pack(content: bytes, encoding: str) -> bytes:
    """Return the content in an encoding of ``encoding_for``."""
    if encoding == "zstd":
        packed: bytes = pa.Codec("zstd", 1).compress(content, asbytes=True)
        return packed
    if encoding == "gzip":
        # libdeflate: several times faster than zlib.
        return bytes(imagecodecs.gzip_encode(content, level=1))
    return content


@cache
def _application() -> ObjectTileApplication:
    return ObjectTileApplication(
        memory=settings.TILE_CACHE_BYTES // 4,
        threads=settings.TILE_THREADS or min(4, os.cpu_count() or 1),
    )


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer ``/object-tiles/...``; ``config.asgi`` mounts it beside Django."""
    await _application()(scope, receive, send)
