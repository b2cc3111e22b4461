# Every target is one line of help; `make` alone prints them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
JOBS ?= 3
SERVERS := mosquitto mosquitto-clients influxdb nginx-light postgresql chromium chromium-driver fonts-dejavu-core docker-compose

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev servers demo test check bench scorecard clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.run  ## make .venv with the `trezor` command in it (nothing but PyPI)

$(VENV)/.run: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "trezor needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Install it, or: make PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "No venv module: apt-get install python3-venv, then again."; exit 1; }
	@echo "Installing what trezor needs into $(VENV) (once, about a minute)..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable .
	@touch $@

setup-dev: $(VENV)/.dev  ## the same with the tools for tests and checks

$(VENV)/.dev: $(VENV)/.run
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[dev]'
	@touch $@

demo: setup  ## a station and 200 lamps: thirty nights in time-lapse, then live (ARGS=--once ends after the time-lapse)
	@$(BIN)/trezor demo $(ARGS)

servers:  ## the real servers the tests use, from Debian, where this user may install them
	@sh tests/servers.sh $(SERVERS)

test: setup-dev servers  ## every test, real servers included (ARGS goes to pytest; JOBS processes, for much of it is waiting)
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

check: setup-dev  ## format, lint, types, import rules, and that the docs name everything
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest tests/test_docs.py

bench: setup-dev  ## measure: simulator, gateway, stores, monitor, dashboards (prints ratios; nothing is asserted)
	@$(BIN)/python -m tests.bench $(ARGS)

scorecard: setup-dev  ## judge seeds that no threshold was tuned on; rewrites docs/scorecard.md
	@$(BIN)/trezor scorecard --report docs/scorecard.md $(ARGS)

clean:  ## remove the virtual environment and caches (var/, your data, stays)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
