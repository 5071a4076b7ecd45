"""Settings of tests: fast password hashing, a separate folder, otherwise as in production."""

from __future__ import annotations

import os
import tempfile

from server.config.settings.base import *  # noqa: F403
from server.config.settings.base import DATABASES

DEBUG = False
SECRET_KEY = "testing-only-and-public-0123456789-0123456789"  # noqa: S105
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
JOB_HEARTBEAT_SECONDS = 1
JOB_LAPSE_SECONDS = 4
# The front end has tests of its own; the server is tested without a built one.
WHITENOISE_ROOT = None  # type: ignore[assignment]

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, as installations have it: a database in memory locks whole tables between threads.
    DATABASES["default"]["TEST"] = {"NAME": f"{tempfile.gettempdir()}/coverslip-test-{os.getpid()}.sqlite3"}
