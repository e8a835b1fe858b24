# Confide. `make help` lists what there is; every target makes the environment that it needs, from hash-locked files.

PYTHON ?= python3
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Two environments: the demo needs few packages and starts sooner without the rest.
DEV := .venv
DEMO := .venv-demo
PY := $(DEV)/bin/python
CONFIDE := $(DEMO)/bin/confide
WORKERS ?= auto
TESTS ?= tests

.PHONY: help
help: ## List the targets, a line each
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

# ------------------------------------------------------------------------------------------------------------ first steps

.PHONY: demo
demo: demo-environment ## Set up an instance under demo/, fill it with synthetic patients, serve it over HTTPS, give the tour
	@$(CONFIDE) demo
	@$(CONFIDE) tour

.PHONY: clean
clean: ## Forget the demo, what was built and what was cached; environments stay (see clean-all)
	@if [ -x $(CONFIDE) ] && [ -d demo ]; then $(CONFIDE) demo --stop || true; fi
	@rm -rf demo build dist .cache/canary .hypothesis .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .benchmarks
	@find src tests tools benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

.PHONY: clean-all
clean-all: clean ## Forget the environments as well
	@rm -rf $(DEV) $(DEMO) .cache

# ------------------------------------------------------------------------------------------------------------ verification

.PHONY: test
test: environment ## Run the whole test suite, on SQLite and on a real PostgreSQL (TESTS=tests/crypto narrows it)
	@$(PY) -m pytest -n $(WORKERS) $(TESTS)

.PHONY: check
check: lint types contracts licences secrets datamap docs ## Everything that needs no running: lint to docs

.PHONY: lint
lint: environment ## ruff, every rule, and its formatter
	@$(DEV)/bin/ruff check --quiet
	@$(DEV)/bin/ruff format --quiet --diff

.PHONY: types
types: environment ## mypy, strict
	@$(DEV)/bin/mypy

.PHONY: contracts
contracts: environment ## The floors of the house (import-linter)
	@$(DEV)/bin/lint-imports --no-logo

.PHONY: licences
licences: environment ## Refuse a runtime dependency under a licence that would bind who uses Confide
	@$(PY) tools/check_licences.py requirements.lock

.PHONY: secrets
secrets: environment ## Refuse anything that looks like a secret and is not in .secrets.baseline
	@$(PY) tools/check_secrets.py

.PHONY: datamap
datamap: environment ## Refuse an element or a column that the data map does not declare
	@$(DEV)/bin/confide check --datamap

.PHONY: docs
docs: environment ## Build the documentation (warnings are errors) and run its examples
	@$(PY) -m sphinx -n -W --keep-going -q -b html docs build/docs
	@$(PY) -m sphinx -n -W --keep-going -q -b doctest docs build/doctest

.PHONY: reference
reference: environment ## Write the pages of docs/reference that come out of the code: settings, command line, errors
	@$(PY) -m tools.write_reference

# ------------------------------------------------------------------------------------------------------------ supply chain

.PHONY: audit
audit: environment ## Look every locked package up among known vulnerabilities; fails when no source answers
	@$(PY) tools/audit_dependencies.py

.PHONY: sbom
sbom: environment ## Write build/sbom.json (CycloneDX) from requirements.lock
	@$(PY) tools/write_sbom.py

.PHONY: lock
lock: environment ## Look for newer versions and write the locks anew
	@bash tools/lock.sh --upgrade

.PHONY: relock
relock: environment ## Write the locks anew after a change of requirements, keeping every version that still fits
	@bash tools/lock.sh

# ------------------------------------------------------------------------------------------------------------ evidence

.PHONY: show-canary
show-canary: environment ## Plant canary values on every path and look for them in every byte on disk
	@$(PY) -m tests.show.canary

.PHONY: show-crash
show-crash: environment ## Kill the server 50 times under write load, and drop unsynced writes
	@$(PY) -m tests.show.crash

.PHONY: show-fuzz
show-fuzz: environment ## Throw bad input at every interaction
	@$(PY) -m tests.show.fuzz

.PHONY: show-files
show-files: environment ## Send a file of 1 GiB through a server and back, and watch what memory it takes
	@$(PY) -m tests.show.files

.PHONY: show-vault
show-vault: environment ## Providers that go away, killed rotations, erasure against restored backups
	@$(PY) -m tests.show.vault

.PHONY: show-leakage
show-leakage: environment ## Steal a database of 20,000 patients and guess their names from its search index
	@$(PY) -m tests.show.leakage

.PHONY: show-adopt
show-adopt: environment ## Existing backends adopt Confide in a few lines; their tables are sealed while they go on
	@$(PY) -m tests.show.adopt

.PHONY: bench-first
bench-first: environment ## The first figures: crypto, then HTTP with and without TLS
	@$(PY) -m benchmarks.first

.PHONY: bench-vault
bench-vault: environment ## Sealing beside other libraries: columns, documents, rewrapped keys, files
	@$(PY) -m benchmarks.vault

# ------------------------------------------------------------------------------------------------------------ environments

.PHONY: environment
environment: ## Make .venv (development and tests) from requirements-dev.lock
	@PYTHON=$(PYTHON) bash tools/system_packages.sh tests
	@$(PYTHON) tools/make_environment.py $(DEV) requirements-dev.lock

.PHONY: demo-environment
demo-environment: ## Make .venv-demo from requirements-demo.lock
	@PYTHON=$(PYTHON) bash tools/system_packages.sh demo
	@$(PYTHON) tools/make_environment.py $(DEMO) requirements-demo.lock

.PHONY: system-packages
system-packages: ## Install what no Python package brings (venv, a C compiler, SoftHSM, age); as root, on Debian
	@PYTHON=$(PYTHON) bash tools/system_packages.sh tests
