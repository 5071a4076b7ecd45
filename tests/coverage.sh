#!/usr/bin/env bash
# Lines and branches of each wing that the tests on SQLite run. What only workers and other child processes run
# does not count.
set -euo pipefail
export OMP_NUM_THREADS=1
unset DATABASE_URL CELERY_BROKER_URL

.venv/bin/python -m pytest -q -n 2 --dist worksteal --cov --cov-report= \
  -m "not stack and not browser and not services" tests
for wing in server ml; do
  echo "== $wing"
  .venv/bin/coverage report --include="$wing/*" | tail -n 1
done
cd frontend && npm run --silent coverage
