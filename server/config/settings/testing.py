"""Tests: fast password hashing, a folder of their own, otherwise as in production."""

from __future__ import annotations

from server.config.settings.base import *  # noqa: F403

DEBUG = False
SECRET_KEY = "testing-only-and-public-0123456789-0123456789"  # noqa: S105
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
JOB_HEARTBEAT_SECONDS = 1
JOB_LAPSE_SECONDS = 4
# The front end has tests of its own; the server is tested without a built one.
WHITENOISE_ROOT = None  # type: ignore[assignment]
