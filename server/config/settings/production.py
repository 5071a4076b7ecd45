"""Settings of production: every secret and every address is required; nothing has a default."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from server.config.settings.base import *  # noqa: F403
from server.config.settings.base import CELERY_BROKER_URL, DATABASES, env

SHORTEST_SECRET = 50

DEBUG = False
SECRET_KEY = env.str("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS")


def _refuse(problem: str) -> None:
    raise ImproperlyConfigured(problem)


# The embedded parts serve one machine. Operators who want them for others allow it expressly.
if not env.bool("ALLOW_EMBEDDED", default=False):
    if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
        _refuse("Set DATABASE_URL to a PostgreSQL database, or ALLOW_EMBEDDED=1 to use SQLite.")
    if CELERY_BROKER_URL.startswith("filesystem:"):
        _refuse("Set CELERY_BROKER_URL to a Redis, or ALLOW_EMBEDDED=1 to use files as the broker.")
if len(SECRET_KEY) < SHORTEST_SECRET:
    _refuse(f"SECRET_KEY has {len(SECRET_KEY)} characters. Use {SHORTEST_SECRET} random ones or more.")

SECURE_SSL_REDIRECT = True
# Load balancers ask by plain HTTP.
SECURE_REDIRECT_EXEMPT = ["^healthz$"]
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
