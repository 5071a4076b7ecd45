"""Settings of development and of the embedded installation: one machine, nothing to configure."""

from __future__ import annotations

import os
import secrets

from server.config.settings.base import *  # noqa: F403
from server.config.settings.base import HOME, env
from server.core.files.storage import new_file


def _own_secret() -> str:
    """Return the secret of this data folder, created on first use and readable by its owner only."""
    path = HOME / "secret.key"
    if not path.exists():
        HOME.mkdir(parents=True, exist_ok=True)
        # The umask of this process may still be that of the shell.
        with new_file(path) as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(secrets.token_urlsafe(50).encode())
    return path.read_text()


DEBUG = False
SECRET_KEY = env.str("SECRET_KEY", default="") or _own_secret()
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
