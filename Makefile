# `make run` starts Postern, `make test` checks it. Works with GNU make from 3.81 on (macOS), in any folder.

.DEFAULT_GOAL := help
SHELL := /bin/sh

# Ours must not depend on how somebody's shell is set up.
unexport PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME PIP_USER VIRTUAL_ENV CONDA_PREFIX

PY := .venv/bin/python
INPUTS := scripts/setup.py pyproject.toml requirements-uv.lock package-lock.json .npmrc
ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
FOUND = $(shell for name in python3.13 python3.12 python3.11 python3.14 python3 python; do \
	if $$name -c '$(ENOUGH)' >/dev/null 2>&1; then echo $$name; break; fi; done)
define SETUP
@python='$(FOUND)'; if [ -z "$$python" ]; then \
	echo 'Postern needs Python 3.11 or newer, and none is in the PATH.'; \
	echo 'Debian, Ubuntu: apt-get install python3 python3-venv. macOS: brew install python@3.13.'; exit 1; fi; \
"$$python" scripts/setup.py
endef
# The environment is made anew if the Python it was made from has gone away.
REVIVE = @$(PY) -c '' 2>/dev/null || $(MAKE) --no-print-directory --always-make $<
ARGS =

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

.PHONY: run
run: .venv/.ready-run ## Start everything on this machine; Ctrl-C stops it
	$(REVIVE)
	@exec $(PY) -m app.cli run

.PHONY: setup
setup: .venv/.ready-run ## Install what running needs, without starting anything

.PHONY: setup-dev
setup-dev: .venv/.ready-dev ## Install what testing needs, too

.PHONY: test
test: .venv/.ready-dev ## Check everything: format, lint, types, imports, tests
	$(REVIVE)
	@echo '== Format' && $(PY) -m ruff format --check .
	@echo '== Lint' && $(PY) -m ruff check .
	@echo '== Types' && $(PY) -m mypy
	@echo '== Imports' && $(PY) -c 'from importlinter.cli import lint_imports_command as lint; lint()'
	@echo '== Tests' && $(PY) -m pytest --numprocesses logical --dist loadgroup $(ARGS)

.PHONY: lint
lint: .venv/.ready-dev ## Check without running any test
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@$(PY) -c 'from importlinter.cli import lint_imports_command as lint; lint()'

.PHONY: format
format: .venv/.ready-dev ## Put the code in shape
	@$(PY) -m ruff check --fix --quiet .
	@$(PY) -m ruff format .

.PHONY: bench
bench: .venv/.ready-dev ## Measure the gateway and the pages
	@$(PY) -m bench $(ARGS)

.PHONY: conformance
conformance: .venv/.ready-dev ## Run the public MCP conformance suite directly and through the gateway
	@$(PY) -m tests.conformance

.PHONY: clients
clients: .venv/.ready-dev ## Call through the gateway with MCP clients as people have them
	@$(PY) -m tests.clients

.PHONY: soak
soak: .venv/.ready-dev ## Kill gateways, worker and database under load, again and again; ROUNDS=100 SEED=
	@ROUNDS='$(ROUNDS)' SEED='$(SEED)' $(PY) -m tests.soak && SOAK=long $(PY) -m pytest -q tests/soak tests/gateway/test_limits_processes.py -k 'not kills' $(ARGS)

.PHONY: reset
reset: ## Forget all data (var/)
	@python='$(FOUND)'; "$${python:-python3}" scripts/reset.py

.PHONY: lock
lock: .venv/.ready-dev ## Lock the newest versions that pyproject.toml allows
	@echo uv | $(LOCK) -o requirements-uv.lock -
	@$(LOCK) --extra build --extra sandbox --extra dev -o requirements.lock pyproject.toml
	@$(LOCK) --extra build --extra sandbox -c requirements.lock -o requirements-run.lock pyproject.toml
LOCK = .venv/bin/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --no-annotate \
	--no-emit-index-url

.venv/.ready-run: requirements-run.lock $(INPUTS)
	$(SETUP)
	@touch $@

.venv/.ready-dev: requirements.lock $(INPUTS)
	$(SETUP) --dev
	@touch $@
