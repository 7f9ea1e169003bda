# `make help` lists what there is. Python 3.11 or newer is all that is needed; PYTHON=... names another one.
.DEFAULT_GOAL := help
SHELL := /bin/sh
ifeq ($(PATH),)
export PATH := /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
endif
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install --root-user-action=ignore
PATHS := manage.py config projects api dashboard outbox analytics feedback tests benchmarks

.PHONY: help run test check bench chaos demo clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' Makefile

run: .venv/run.stamp ## install what is missing, start everything, print the address and a sign-in link
	@exec $(BIN)/python manage.py up

demo: .venv/run.stamp ## fill a project with a believable history
	@$(BIN)/python manage.py demo

test: .venv/dev.stamp ## all tests; brings its own PostgreSQL unless DATABASE_URL names one
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: .venv/dev.stamp ## lint, formatting, types, layers, settings
	$(BIN)/ruff check $(PATHS)
	$(BIN)/ruff format --check $(PATHS)
	$(BIN)/mypy $(PATHS)
	$(BIN)/lint-imports
	$(BIN)/python manage.py check --fail-level WARNING

bench: .venv/bench.stamp ## measure; results go to benchmarks/results/ and docs/scaling.md
	$(BIN)/python -m benchmarks

chaos: .venv/dev.stamp ## kill processes under load, the long form
	FIRSTHAND_CHAOS=long $(BIN)/python -m pytest -m chaos tests/chaos

clean: ## forget the installed packages (never the data)
	rm -rf .venv

# The stamps make the environment follow the requirements: a changed pin is installed before anything runs.
.venv/dev.stamp: requirements/dev.txt .venv/run.stamp
	$(PIP) -r requirements/dev.txt
	@touch $@

.venv/bench.stamp: requirements/bench.txt .venv/dev.stamp
	$(PIP) -r requirements/bench.txt
	@touch $@

.venv/run.stamp: requirements/run.txt .venv/bin/python
	@echo "installing (once)"
	$(PIP) -r requirements/run.txt
	@touch $@

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Firsthand needs Python 3.11 or newer; install it, or name it: make run PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "$(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
