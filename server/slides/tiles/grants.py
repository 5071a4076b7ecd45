"""Short-lived, signed permission to fetch the pixels of one slide content.

A grant is ``<expiry, base 36>.<MAC>`` where the MAC is HMAC-SHA-256 over content hash and expiry. It is
checked without database, session or cookie, which is what keeps tiles off the slow path. The expiry
is rounded up to a shared window, so that everybody who opens a slide within one window gets the same
address and the browser finds its tiles again after a reload.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from django.conf import settings

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_MAC_BYTES: Final = 24
_SHAPE: Final = re.compile(r"[0-9a-z]{1,12}\.[A-Za-z0-9_-]{32}", re.ASCII)


def issue_grant(content: str) -> tuple[str, datetime]:
    """Return a token for a slide's pixels or an object set's tiles, and its expiry.

    It lives between half and the whole of ``TILE_GRANT_SECONDS``.
    """
    window = max(1, settings.TILE_GRANT_SECONDS // 2)
    expiry = (int(time.time()) // window + 2) * window
    return _sign(content, expiry, settings.SECRET_KEY), datetime.fromtimestamp(expiry, UTC)


def region_address(content: str, grant: str) -> str:
    """Return the URL of crops of a slide content; append ``&x=&y=&width=&height=&size=``."""
    return f"/tiles/{content}/region.jpg?grant={grant}"


def verify_grant(token: str, content: str) -> int | None:
    """Return the expiry of a token in seconds since 1970; None unless valid for this content."""
    expiry = _expiry_of(token, content, settings.SECRET_KEY)
    return expiry if expiry is not None and expiry > time.time() else None


# A viewer shows the same grant with each of its hundreds of requests.
@lru_cache(maxsize=4096)
def _expiry_of(token: str, content: str, _secret: str) -> int | None:
    if not _SHAPE.fullmatch(token):
        return None
    expiry = int(token.partition(".")[0], 36)
    good = hmac.compare_digest(sign(content, expiry).encode(), token.encode("utf-8", "replace"))
    return expiry if good else None


def sign(content: str, expiry: int) -> str:
    """Return the token for a content hash and an expiry in seconds since 1970."""
    return _sign(content, expiry, settings.SECRET_KEY)


# Each suggestion of a page of the queue carries the grant of its slide.
@lru_cache(maxsize=4096)
def _sign(content: str, expiry: int, secret: str) -> str:
    message = f"{content}:{expiry}".encode()
    mac = hmac.digest(_key(secret), message, "sha256")[:_MAC_BYTES]
    return f"{_base36(expiry)}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


@lru_cache(maxsize=4)
def _key(secret: str) -> bytes:
    return hashlib.sha256(b"coverslip.tile-grant:" + secret.encode()).digest()


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
