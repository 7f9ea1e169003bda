# `make help` lists the commands. They need Python 3.11 or newer; PYTHON=... selects one.
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

MINUTES ?= 10
PYTEST := $(BIN)/python -m pytest

.PHONY: help run test slow fuzz check bench chaos demo clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' Makefile

run: .venv/run.stamp ## install what is missing, start everything, print a sign-in link
	@exec $(BIN)/python manage.py up

demo: .venv/run.stamp ## fill a separate project with sample data
	@$(BIN)/python manage.py demo

# Four processes, also on two cores: tests wait for PostgreSQL, browsers and child processes.
test: .venv/dev.stamp ## run all quick tests, with their own PostgreSQL unless DATABASE_URL is set
	$(PYTEST) -n 4 --dist loadgroup -m "not slow" --durations=10

slow: .venv/dev.stamp tests/sdks/node_modules/.package-lock.json widget/node_modules/.package-lock.json ## run the rest: whole installations, S3, memory, short kills under load, SDKs, small benchmarks
	$(PYTEST) -m slow --durations=10

fuzz: .venv/dev.stamp ## run the property tests with new examples each time; MINUTES=10 sets for how long
	@until=$$(($$(date +%s) + 60 * $(MINUTES))); \
	while $(PYTEST) -n 2 --dist loadgroup -m hypothesis --hypothesis-profile=fuzz; do \
		[ $$(date +%s) -lt $$until ] || exit 0; done; exit 1

check: .venv/dev.stamp ## check lint rules, formatting, types, import rules and settings
	$(BIN)/ruff check $(PATHS)
	$(BIN)/ruff format --check $(PATHS)
	$(BIN)/mypy $(PATHS)
	$(BIN)/lint-imports
	$(BIN)/python manage.py check --fail-level WARNING

bench: .venv/bench.stamp ## run the benchmarks; writes benchmarks/results/ and docs/scaling.md
	$(BIN)/python -m benchmarks

chaos: .venv/dev.stamp ## run the long tests that kill processes under load
	FIRSTHAND_CHAOS=long $(PYTEST) tests/chaos

clean: ## delete the virtual environment (no data)
	rm -rf .venv

# Stamps are older than a changed requirements file, so changed versions are installed before anything runs.
.venv/dev.stamp: requirements/dev.txt .venv/run.stamp
	$(PIP) -r requirements/dev.txt
	@touch $@

# npm writes this file itself. Only the slow tests need Node.js. Not `npm ci`: it fails when a registry lacks a
# package for another operating system that the lock names as optional. The versions are those of the lock.
tests/sdks/node_modules/.package-lock.json widget/node_modules/.package-lock.json: %/node_modules/.package-lock.json: %/package-lock.json
	@command -v npm >/dev/null || { echo "The tests of the SDKs and of the widget need Node.js and npm. On Debian: apt-get install nodejs npm" >&2; exit 1; }
	cd $* && npm install --no-save --silent
	@touch $@

.venv/bench.stamp: requirements/bench.txt .venv/dev.stamp
	$(PIP) -r requirements/bench.txt
	@touch $@

.venv/run.stamp: requirements/run.txt .venv/bin/python
	@echo "installing packages"
	$(PIP) -r requirements/run.txt
	@touch $@

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Firsthand needs Python 3.11 or newer. Install it, or select it: make run PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "$(PYTHON) cannot create a virtual environment. On Debian: apt-get install python3-venv" >&2; exit 1; }
