#!/usr/bin/env bash
# What the tests need beside the Python environment: PostgreSQL, Redis and Chromium.
# Installs and starts what is missing where that can be done (Debian, root); says what to do where not.
set -euo pipefail

database=${DATABASE_URL:-postgres://postgres@127.0.0.1:5432/postgres}
redis=${REDIS_URL:-redis://127.0.0.1:6379}

answers() { # answers NAME URL
  .venv/bin/python - "$1" "$2" <<'PY'
import sys
name, url = sys.argv[1:]
try:
    if name == "PostgreSQL":
        import psycopg
        psycopg.connect(url, connect_timeout=3).close()
    else:
        import redis
        redis.Redis.from_url(url, socket_connect_timeout=3).ping()
except Exception as error:
    sys.exit(f"{name} does not answer: {error}")
PY
}

install() { # install PACKAGE...
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
  fi
}

if ! answers PostgreSQL "$database" 2>/dev/null; then
  command -v pg_ctlcluster >/dev/null || install postgresql
  for version in $(ls /etc/postgresql 2>/dev/null); do
    sed -i 's/^\(host.*127\.0\.0\.1\/32\s*\).*/\1trust/' "/etc/postgresql/$version/main/pg_hba.conf"
    pg_ctlcluster --skip-systemctl-redirect "$version" main restart || true
  done
  answers PostgreSQL "$database" || {
    echo "Start a PostgreSQL and name it: DATABASE_URL=postgres://user@host:5432/database make test" >&2
    exit 1
  }
fi

if ! answers Redis "$redis" 2>/dev/null; then
  command -v redis-server >/dev/null || install redis-server
  redis-server --daemonize yes --bind 127.0.0.1 --port 6379 --save "" --appendonly no >/dev/null || true
  answers Redis "$redis" || {
    echo "Start a Redis and name it: REDIS_URL=redis://host:6379 make test" >&2
    exit 1
  }
fi

if [ ! -x "${CHROMIUM:-/usr/bin/chromium}" ]; then
  install chromium
  [ -x "${CHROMIUM:-/usr/bin/chromium}" ] || {
    echo "Install Chromium (Debian: apt-get install chromium) or name it: CHROMIUM=path make test" >&2
    exit 1
  }
fi

if ! command -v nginx >/dev/null && [ ! -x /usr/sbin/nginx ]; then
  install nginx-light
  # The tests start one of their own, with the configuration that is shipped.
  command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || {
    echo "Install nginx (Debian: apt-get install nginx-light)" >&2
    exit 1
  }
fi
