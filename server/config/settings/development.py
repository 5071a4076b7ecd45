"""The embedded default: one machine, one person, nothing to configure."""

from __future__ import annotations

import secrets

from server.config.settings.base import *  # noqa: F403
from server.config.settings.base import HOME, env


def _own_secret() -> str:
    """Return the secret of this data folder, made on first use and readable by its owner only."""
    path = HOME / "secret.key"
    if not path.exists():
        HOME.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text()


DEBUG = False
SECRET_KEY = env.str("SECRET_KEY", default="") or _own_secret()
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
