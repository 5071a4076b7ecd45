#!/usr/bin/env bash
# The committed OpenAPI schema is what the server says, without a warning.
set -euo pipefail
fresh=$(mktemp)
trap 'rm -f "$fresh"' EXIT
DJANGO_SETTINGS_MODULE=server.config.settings.testing .venv/bin/python manage.py spectacular \
  --fail-on-warn --format openapi-json --file "$fresh"
diff -u frontend/src/sync/openapi.json "$fresh" || {
  echo "frontend/src/sync/openapi.json is out of date: run make schema" >&2
  exit 1
}
