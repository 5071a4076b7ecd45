"""Parser of tile URLs. Only hashes, numbers and colours pass.

A tile is ``/tiles/{sha256}/{z}/{x}/{y}.jpg?grant=...``, a crop is ``/tiles/{sha256}/region.jpg?x=&y=&width=
&height=&size=&grant=...``; both take ``&channels=...`` and ``&plane=...``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256 as digest
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from ml.messages import Message
from server.core.raw_asgi import LONGEST_NUMBER, Refusal, plain_number
from server.slides.tiles.channels import Mix, read_mix

# Part of every ETag: raise it when the same address starts to answer other bytes.
_EDITION: Final = "2"
_LARGEST_CROP: Final = 1024
_LARGEST_BOX: Final = 16_384
_LONGEST_QUERY: Final = 1024
_HIGHEST_PLANE: Final = 99_999
_TILE: Final = re.compile(r"/tiles/([0-9a-f]{64})/(\d{1,7})/(\d{1,7})/(\d{1,7})\.jpg", re.ASCII)
_REGION: Final = re.compile(r"/tiles/([0-9a-f]{64})/region\.jpg", re.ASCII)
# The usual query, which needs no parsing: a grant and nothing else, without escapes.
_GRANT_ALONE: Final = re.compile(rb"grant=([0-9A-Za-z._-]+)")


@dataclass(frozen=True, slots=True)
class TileRequest:
    """A parsed request: the content, and the place in it.

    ``tile`` is z, x, y; ``crop`` the box and the longest side; ``mix`` the channels and ``plane`` the focal
    plane to show, None for those that the slide shows by itself.
    """

    sha256: str
    tile: tuple[int, int, int] | None
    crop: tuple[int, int, int, int, int] | None
    mix: Mix | None = None
    plane: int | None = None

    @property
    def is_default_view(self) -> bool:
        """Return whether no channels and no focal plane were chosen."""
        return self.mix is None and self.plane is None

    @property
    def key(self) -> str:
        """The name that identifies the bytes: the content, the place and the channels."""
        if self.tile and self.is_default_view:
            # Nearly all requests are such; written out, because it is done for each.
            z, x, y = self.tile
            return f"{_EDITION}.{self.sha256[:32]}.{z}.{x}.{y}"
        place = ".".join(str(number) for number in self.tile or self.crop or ())
        mix = "" if self.mix is None else f".{digest(repr(self.mix).encode()).hexdigest()[:16]}"
        plane = "" if self.plane is None else f".p{self.plane}"
        return f"{_EDITION}.{self.sha256[:32]}.{place}{mix}{plane}"

    @property
    def etag(self) -> bytes:
        """The entity tag."""
        return f'"{self.key}"'.encode()


def read_request(path: str, query_string: bytes) -> tuple[TileRequest, str]:
    """Return the parsed URL and its grant; raises Refusal."""
    tile = _TILE.fullmatch(path)
    if tile is not None:
        place = (int(tile[2]), int(tile[3]), int(tile[4]))
        alone = _GRANT_ALONE.fullmatch(query_string)
        if alone is not None:
            return TileRequest(tile[1], place, None), alone[1].decode()
        query = _parse(query_string)
        return TileRequest(tile[1], place, None, _read_mix(query), _read_plane(query)), query.get("grant", "")
    region = _REGION.fullmatch(path)
    if region is not None:
        query = _parse(query_string)
        crop = _read_crop(query)
        return TileRequest(region[1], None, crop, _read_mix(query), _read_plane(query)), query.get(
            "grant", ""
        )
    raise Refusal(HTTPStatus.NOT_FOUND, "not_found", Message("no_such_tile"))


def _parse(query_string: bytes) -> dict[str, str]:
    if len(query_string) > _LONGEST_QUERY:
        detail = Message("address_too_long")
        raise Refusal(HTTPStatus.REQUEST_URI_TOO_LONG, "too_long", detail)
    return dict(parse_qsl(query_string.decode("ascii", "replace"), keep_blank_values=True))


def _read_mix(query: dict[str, str]) -> Mix | None:
    text = query.get("channels")
    if text is None:
        return None
    try:
        return read_mix(text)
    except ValueError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, "invalid_channels", Message("verbatim", text=error)) from error


def _read_plane(query: dict[str, str]) -> int | None:
    text = query.get("plane")
    if text is None:
        return None
    plane = plain_number(text)
    if plane is None or plane > _HIGHEST_PLANE:
        detail = Message("number_out_of_range", name="plane", least=0, most=_HIGHEST_PLANE)
        raise Refusal(HTTPStatus.BAD_REQUEST, "invalid_plane", detail)
    return plane


def _read_crop(query: dict[str, str]) -> tuple[int, int, int, int, int]:
    values = {name: plain_number(query.get(name, "")) for name in ("x", "y", "width", "height")}
    values["size"] = plain_number(query.get("size", "256"))
    limits = {"width": _LARGEST_BOX, "height": _LARGEST_BOX, "size": _LARGEST_CROP}
    for name, value in values.items():
        least, most = (1 if name in limits else 0), limits.get(name, 10**LONGEST_NUMBER)
        if value is None or not least <= value <= most:
            detail = Message("number_out_of_range", name=name, least=least, most=most)
            raise Refusal(HTTPStatus.BAD_REQUEST, "invalid_region", detail)
    x, y, width, height, size = (value or 0 for value in values.values())
    return x, y, width, height, size
