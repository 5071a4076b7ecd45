#!/usr/bin/env bash
# All tests: the front end's own, then the server and the methods on SQLite, then what depends on the database
# on PostgreSQL, then whole installations with real workers and a real browser.
set -euo pipefail

export OMP_NUM_THREADS=1
database=${DATABASE_URL:-postgres://postgres@127.0.0.1:5432/postgres}
redis=${REDIS_URL:-redis://127.0.0.1:6379}
unset DATABASE_URL CELERY_BROKER_URL
pytest=(.venv/bin/python -m pytest -q)

step() { echo; echo "== $*"; }

step "front end"
(cd frontend && npm run --silent test)

step "server and methods, SQLite"
"${pytest[@]}" -n 2 --dist worksteal -m "not stack and not browser and not services" tests

step "server, PostgreSQL"
DATABASE_URL=$database "${pytest[@]}" -n 2 --dist worksteal \
  -m "not stack and not browser and not services and not one_database" tests/server

step "whole installation: SQLite and the file-system broker, real workers and browser"
# One after the other: a browser that draws on the processor takes both cores by itself. As written and not
# in random order: these tests share an installation and its people.
"${pytest[@]}" -p no:randomly -m "(stack or browser) and not services" tests

step "whole installation: PostgreSQL and Redis"
DATABASE_URL=$database CELERY_BROKER_URL=$redis/1 "${pytest[@]}" -p no:randomly -m "stack or services" tests
