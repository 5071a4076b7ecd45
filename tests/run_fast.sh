#!/usr/bin/env bash
# Unit tests for the minutes between two edits: the front end's own, and on SQLite those of the server and of
# ml that start no worker, no browser and no training. `make test` runs everything.
set -euo pipefail
export OMP_NUM_THREADS=1
unset DATABASE_URL CELERY_BROKER_URL
(cd frontend && npm run --silent test)
exec .venv/bin/python -m pytest -q -n 2 --dist worksteal -m "not stack and not browser" \
  tests/ml/data tests/ml/test_catalogue.py tests/ml/test_metrics.py tests/ml/test_reasons.py \
  tests/server/test_architecture.py tests/server/annotations tests/server/audit tests/server/projects
