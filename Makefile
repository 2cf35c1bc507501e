# Needs GNU make and python3, 3.11 or newer. Everything else goes into .venv, again only when a requirements file changes.

PYTHON = python3
PY = .venv/bin/python
PIP = $(PY) -m pip install --quiet --disable-pip-version-check

.PHONY: help run test stack lint check bench up screenshots messages

help: ## List what can be made
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile

run: .venv/run ## Serve the site with its demo (PORT=8000 HOST=127.0.0.1 DATABASE_URL= REDIS_URL= PUBLIC_URL= DEMO_PASSWORD= DEMO=1)
	@$(PY) manage.py serve

test: .venv/dev ## Run the tests on SQLite, or on PostgreSQL with DB=postgres; ARGS="-k poll" goes to pytest
	$(PY) -m pytest $(ARGS)

stack: .venv/dev ## Test hooks against real services: the commands of docker-compose.yml as processes, killed and restarted
	DB=postgres $(PY) -m pytest tests/test_stack.py $(ARGS)
	DB=sqlite $(PY) -m pytest tests/test_stack.py $(ARGS)

lint: .venv/dev ## Check form, imports and types
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	.venv/bin/lint-imports --no-logo
	$(PY) -m mypy

check: lint ## All that must hold before a change is shared, the fastest first
	$(PY) manage.py check --fail-level WARNING
	$(PY) manage.py makemigrations --check
	DB=sqlite $(PY) -m pytest
	DB=postgres $(PY) -m pytest

bench: .venv/dev ## Measure the poll against a bare endpoint, as ratios
	$(PY) -m bench

up: .env ## Run web, worker, beat, PostgreSQL and Redis with Docker; passwords are made once, in .env
	docker compose up --build --detach --wait

screenshots: .venv/dev ## Take the pictures in docs/ of the demo, with Chromium
	$(PY) docs/screenshots.py

messages: .venv/dev ## Collect what can be translated into locale/, and compile it; says how much is missing
	$(PY) locale/messages.py

.env:
	@$(PYTHON) -c 'import os, secrets; os.umask(0o077); names = "POSTGRES_PASSWORD", "REDIS_PASSWORD", "SECRET_KEY", "DEMO_PASSWORD"; \
		open(".env", "x").write("".join(f"{name}={secrets.token_hex(20)}\n" for name in names))'
	@echo "Passwords are in .env: keep it, and back it up with the database."

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv --clear .venv || { rm -rf .venv; exit 1; }

.venv/run: requirements.txt | .venv/bin/python
	@echo "Installing what requirements.txt names into .venv ..."
	@$(PIP) -r requirements.txt
	@touch $@

.venv/dev: requirements-dev.txt .venv/run
	@echo "Installing what requirements-dev.txt names into .venv ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@
