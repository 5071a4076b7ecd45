"""Cache of tiles in a Redis that several web processes share; optional.

Kept tiles have cost decoding; their number is bounded by the Redis itself (``maxmemory`` with
``allkeys-lru``) and by time. A Redis that is slow or gone costs one short wait, then it is left alone
for a while.
"""

from __future__ import annotations

import logging
import time
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

_KEPT_SECONDS: Final = 7 * 24 * 3600
_PATIENCE_SECONDS: Final = 0.1
_LEFT_ALONE_SECONDS: Final = 15.0
_PREFIX: Final = "coverslip:tile:"


class SharedTiles:
    """Encoded tiles by name."""

    def __init__(self, address: str) -> None:
        self._redis = Redis.from_url(
            address, socket_timeout=_PATIENCE_SECONDS, socket_connect_timeout=_PATIENCE_SECONDS
        )
        self._again_at = 0.0

    async def get(self, name: str) -> bytes | None:
        """Return a tile, or None."""
        if time.monotonic() < self._again_at:
            return None
        try:
            body = await self._redis.get(_PREFIX + name)
        except (RedisError, OSError) as error:
            self._leave_alone(error)
            return None
        return body if isinstance(body, bytes) else None

    async def put(self, name: str, body: bytes) -> None:
        """Cache a tile."""
        if time.monotonic() < self._again_at:
            return
        try:
            await self._redis.set(_PREFIX + name, body, ex=_KEPT_SECONDS)
        except (RedisError, OSError) as error:
            self._leave_alone(error)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def _leave_alone(self, error: Exception) -> None:
        self._again_at = time.monotonic() + _LEFT_ALONE_SECONDS
        log.warning("the tile cache in Redis does not answer (%s); going on without", type(error).__name__)
