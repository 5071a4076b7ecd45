"""Trust of ``X-Forwarded-For`` and ``X-Forwarded-Proto``, from configured proxies only."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Final

from server.core.raw_asgi import Application, Receive, Scope, Send

FORWARDED: Final = b"x-forwarded-for"
SCHEME: Final = b"x-forwarded-proto"
_HEADERS: Final = {FORWARDED, SCHEME, b"x-forwarded-host", b"x-forwarded-port", b"forwarded"}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Return addresses and networks such as ``10.0.0.5`` or ``10.0.0.0/8``; raises ValueError."""
    return tuple(ipaddress.ip_network(text.strip(), strict=False) for text in texts if text.strip())


class TrustedProxies:
    """ASGI middleware: the client's address and scheme as the trusted proxies report them.

    From any other sender these headers are removed, so that nothing behind can believe them. The
    address is the last one of ``X-Forwarded-For`` that is no trusted proxy: entries before it are the
    client's own text.
    """

    def __init__(self, application: Application, networks: Sequence[Network]) -> None:
        self._application = application
        self._networks = networks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Rewrite the scope of a request and pass it on."""
        if scope["type"] in {"http", "websocket"}:
            scope = self._rewritten(scope)
        await self._application(scope, receive, send)

    def _rewritten(self, scope: Scope) -> Scope:
        headers = [pair for pair in scope["headers"] if pair[0] not in _HEADERS]
        client = scope.get("client")
        if client is None or not self._trusts(client[0]):
            return {**scope, "headers": headers}
        received = dict(scope["headers"])
        chain = [part.strip() for part in received.get(FORWARDED, b"").decode("latin-1").split(",")]
        address = next((part for part in reversed(chain) if part and not self._trusts(part)), client[0])
        scheme = received.get(SCHEME, b"").decode("latin-1").strip().lower()
        return {
            **scope,
            "headers": headers,
            "client": (address if _is_address(address) else client[0], client[1]),
            "scheme": scheme if scheme in {"http", "https"} else scope.get("scheme", "http"),
        }

    def _trusts(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
