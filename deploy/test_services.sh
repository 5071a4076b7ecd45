#!/usr/bin/env bash
# Runs a command with what the tests need beside the Python environment: PostgreSQL, Redis, Chromium, nginx, FUSE.
# Servers that answer are used. Where none does, one is started in a temporary folder, by an ordinary user, and
# stopped afterwards; the system's own servers and their settings are left alone. Missing programs are installed
# on Debian for root; elsewhere the message says what to install.
set -euo pipefail

folder=
stop() {
  [ -z "$folder" ] && return
  [ -f "$folder/redis.pid" ] && kill "$(cat "$folder/redis.pid")" 2>/dev/null || true
  [ -f "$folder/data/postmaster.pid" ] && as_user "$programs/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null || true
  rm -rf "$folder"
}
trap stop EXIT

own_folder() {
  [ -n "$folder" ] || folder=$(mktemp -d "${TMPDIR:-/tmp}/coverslip-services.XXXXXX")
}

as_user() { # as_user COMMAND...: PostgreSQL refuses to run as root
  if [ "$(id -u)" = 0 ]; then setpriv --reuid=nobody --regid=nogroup --clear-groups -- "$@"; else "$@"; fi
}

free_port() {
  .venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

answers() { # answers NAME URL
  .venv/bin/python - "$1" "$2" <<'PY' 2>/dev/null
import sys
name, url = sys.argv[1:]
if name == "PostgreSQL":
    import psycopg
    psycopg.connect(url, connect_timeout=3).close()
else:
    import redis
    redis.Redis.from_url(url, socket_connect_timeout=3).ping()
PY
}

install() { # install PACKAGE...
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
  fi
}

refuse() { # refuse MESSAGE...
  echo "$*" >&2
  exit 1
}

postgres_programs() { # the folder of initdb and pg_ctl, the newest version first
  if command -v initdb >/dev/null; then dirname "$(command -v initdb)"; return; fi
  ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1
}

start_postgres() {
  [ -n "$(postgres_programs)" ] || install postgresql
  programs=$(postgres_programs)
  [ -n "$programs" ] || refuse "Install PostgreSQL, or name one: DATABASE_URL=postgres://user@host:5432/database make test"
  own_folder
  mkdir "$folder/data" "$folder/socket"
  if [ "$(id -u)" = 0 ]; then chmod 711 "$folder"; chown nobody:nogroup "$folder/data" "$folder/socket"; fi
  as_user "$programs/initdb" -D "$folder/data" -U postgres --auth=trust --no-sync >/dev/null
  port=$(free_port)
  as_user "$programs/pg_ctl" -D "$folder/data" -w -l "$folder/data/log" start \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$folder/socket" >/dev/null
  export DATABASE_URL=postgres://postgres@127.0.0.1:$port/postgres
}

start_redis() {
  command -v redis-server >/dev/null || install redis-server
  command -v redis-server >/dev/null || refuse "Install Redis, or name one: REDIS_URL=redis://host:6379 make test"
  own_folder
  port=$(free_port)
  redis-server --daemonize yes --bind 127.0.0.1 --port "$port" --save "" --appendonly no \
    --dir "$folder" --pidfile "$folder/redis.pid" >/dev/null
  export REDIS_URL=redis://127.0.0.1:$port
  # It answers once its process is on file, by which it is stopped.
  for _ in $(seq 50); do answers Redis "$REDIS_URL" && return; sleep 0.1; done
  refuse "Redis does not start."
}

if [ -n "${DATABASE_URL:-}" ]; then
  answers PostgreSQL "$DATABASE_URL" || refuse "The PostgreSQL of DATABASE_URL does not answer."
else
  export DATABASE_URL=postgres://postgres@127.0.0.1:5432/postgres
  answers PostgreSQL "$DATABASE_URL" || start_postgres
fi

if [ -n "${REDIS_URL:-}" ]; then
  answers Redis "$REDIS_URL" || refuse "The Redis of REDIS_URL does not answer."
else
  export REDIS_URL=redis://127.0.0.1:6379
  answers Redis "$REDIS_URL" || start_redis
fi

if [ ! -x "${CHROMIUM:-/usr/bin/chromium}" ]; then
  install chromium
  [ -x "${CHROMIUM:-/usr/bin/chromium}" ] ||
    refuse "Install Chromium (Debian: apt-get install chromium) or name it: CHROMIUM=path make test"
fi

if ! command -v nginx >/dev/null && [ ! -x /usr/sbin/nginx ]; then
  # The tests start one of their own, with the configuration that is shipped.
  install nginx-light
  command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || refuse "Install nginx (Debian: apt-get install nginx-light)"
fi

if [ -w /dev/fuse ] && [ "$(id -u)" = 0 ] && ! ldconfig -p | grep -q libfuse; then
  # For a file system that forgets what was not flushed; where it cannot be mounted, its tests are skipped.
  install fuse3 || true
fi

"$@"
