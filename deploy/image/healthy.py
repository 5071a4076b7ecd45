"""Exits with 0 while the part that runs in this container can do its work.

The web server answers by HTTP. A worker may compute for hours without a word, and its jobs have heartbeats of
their own; here only its way to the database and to the broker is tried.
"""

from __future__ import annotations

import os
import sys
import urllib.request

import psycopg
import redis

SECONDS = 3


def main(part: str) -> None:
    """Try what the part, "web" or "worker", needs; any error ends the check with 1."""
    if part == "web":
        host = os.environ["ALLOWED_HOSTS"].split(",")[0].lstrip(".")
        request = urllib.request.Request("http://127.0.0.1:8000/healthz", headers={"Host": host})
        urllib.request.urlopen(request, timeout=SECONDS).close()  # noqa: S310 - our own address
        return
    psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=SECONDS).close()
    redis.Redis.from_url(os.environ["CELERY_BROKER_URL"], socket_connect_timeout=SECONDS).ping()


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Exception as error:  # noqa: BLE001 - whatever fails, the part is not healthy
        sys.exit(f"{type(error).__name__}: {error}")
