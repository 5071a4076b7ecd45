#!/usr/bin/env bash
# Lines and branches of each wing that the tests on SQLite run, beside the least that is accepted. What only
# workers and other child processes run does not count.
set -euo pipefail
export OMP_NUM_THREADS=1
unset DATABASE_URL CELERY_BROKER_URL
declare -A least=([server]=79 [ml]=73)

.venv/bin/python -m pytest -q -n 2 --dist worksteal --cov --cov-report= \
  -m "not stack and not browser and not services" tests
result=0
for wing in server ml; do
  echo "== $wing, at least ${least[$wing]} %"
  .venv/bin/coverage report --include="$wing/*" --fail-under="${least[$wing]}" | tail -n 1 || result=1
done
(cd frontend && npm run --silent coverage)
exit $result
