# Everything a person does with Turnstile: `make` lists it. Needs Python 3.11 or newer, make and git.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
PEERS := var/peers/venv
# `make test PYTEST=-x` and the like.
PYTEST ?=
# Each has a Postgres of its own. They wait more than they compute.
PROCESSES ?= 3
# `make test EVERYTHING=yes`: the slow tests too, with branch coverage and its floor.
EVERYTHING ?=
TESTS = -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

# The settings must be importable where no deployment is described. Nothing connects, nothing is guarded.
CHECK_ENVIRONMENT := \
	DATABASE_URL=postgres://nobody@127.0.0.1:9/nothing \
	SECRET_KEY=only-for-checking-the-code-0123456789 \
	QR_SIGNING_KEY=only-for-checking-the-code-0123456789 \
	SERVICE_API_KEY=only-for-checking-the-code-0123456789

.DEFAULT_GOAL := help
.PHONY: help run test check lint fix clean python

help: ## List what you can do here
	@awk -F ':.*## ' '/^[a-z_-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(READY) ## Serve on an embedded Postgres with a demo event, or on DATABASE_URL; Ctrl-C stops all of it
	@exec $(BIN)/python manage.py serve --demo

# Compiled once, wherever this runs, and not again in each of the hundred processes that the tests start.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(READY) ## Run all but the slow tests, on a Postgres of their own
ifeq ($(EVERYTHING),)
	@$(BIN)/python $(TESTS) -m "not slow" $(PYTEST)
else
	# Not `pytest --cov`: it begins after pytest.ini's plugin has imported half of the service.
	@$(BIN)/coverage erase
	@$(BIN)/coverage run $(TESTS) $(PYTEST)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report
endif

check: lint ## All that CI checks: format, lint, types, import direction, every test with coverage; changes nothing
	@$(MAKE) --no-print-directory test EVERYTHING=yes

lint: $(READY) ## The quick part of check: everything but the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(CHECK_ENVIRONMENT) $(BIN)/mypy
	$(BIN)/lint-imports

fix: $(READY) ## Format, and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Stop the embedded Postgres; delete .venv and var, demo data included
	@if [ -x $(BIN)/python ] && [ -d var/postgres ]; then $(BIN)/python -m config.demo stop; fi
	rm -rf $(VENV) var .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Turnstile needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
		"Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }

# Made once, and again whenever the requirements change.
$(READY): requirements.txt requirements-dev.txt | python
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	@touch $@

bench: $(BIN)/bench-ready ## Measure scans, pool, ETL and reports; write docs/spike.md and docs/benchmarks.md (45 minutes)
	$(BIN)/python -m benchmarks.spike
	$(BIN)/python -m benchmarks

million: $(BIN)/bench-ready ## A million validations, while Postgres and workers are killed (10 minutes)
	$(BIN)/python -m benchmarks.spike.million

spike: $(BIN)/bench-ready ## Beside `make run`: its spike live, then the alternatives; draws var/spike.png (2 minutes)
	$(BIN)/python manage.py demo_spike --system all --png var/spike.png

faults: $(BIN)/bench-ready ## Break everything, beside the alternatives; write docs/faults.md (15 to 30 minutes)
	$(BIN)/python -m benchmarks.faults

siege: $(BIN)/bench-ready ## Besiege the running service, beside the stock way; write docs/siege.md (25 minutes)
	$(BIN)/python -m benchmarks.siege

peers: $(PEERS)/ready ## Run other projects' own tests on stock and on ours; write docs/peers.md (30 minutes)
	$(PEERS)/bin/python -m benchmarks.peers

screenshots: $(READY) ## Take the pictures in docs/screenshots; needs chromium
	$(BIN)/python -m pytest reports/tests/browser/screenshots.py

.PHONY: bench million spike faults siege peers screenshots

$(BIN)/bench-ready: requirements-bench.txt $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-bench.txt
	@touch $@

# An environment of its own: what a foreign application needs must not change what the service runs on.
$(PEERS)/ready: requirements-peers.txt requirements.txt | python
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements-peers.txt
	@touch $@
