# Every target works from a fresh clone with only Python 3.11 or newer on the machine, on PATH or under pyenv.

PYENV_ROOT ?= $(HOME)/.pyenv
ifndef PYTHON
PYTHON := $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 $(PYENV_ROOT)/versions/*/bin/python3; do \
	"$$python" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)
endif
RUN_TESTS = $(PYTHON) scripts/run_tests.py

.PHONY: help demo test test-all test-changed quick test-unit test-integration test-systems test-runner test-sanity lint types docs package lock bench bench-netbox clean require-python

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\): .*## /\1\t/p' Makefile | expand -t 20

demo: require-python ## Play the demo: drift, repair, in sync
	@$(PYTHON) scripts/environments.py demo >/dev/null
	@.venvs/demo/bin/python scripts/demo.py

test: require-python ## Run what proves a change: unit, integration and systems tests, lint, types
	@$(RUN_TESTS)

test-all: require-python ## Run every test on every environment
	@$(RUN_TESTS) --all

test-changed: require-python ## Run make test and, in 25 minutes, what else the latest changes can break
	@$(RUN_TESTS) --changed --within 1500 --base "$(BASE)"

quick: require-python ## Run the unit tests on one environment
	@$(RUN_TESTS) quick

test-unit: require-python ## Run the unit tests
	@$(RUN_TESTS) unit

test-integration: require-python ## Run the integration tests, which play real playbooks
	@$(RUN_TESTS) integration

test-systems: require-python ## Run the adapters against real servers, which are started and stopped
	@$(RUN_TESTS) systems

test-runner: require-python ## Run the roles as AWX does, molecule, and what builds execution environments
	@$(RUN_TESTS) runner

test-sanity: require-python ## Run ansible-test sanity
	@$(RUN_TESTS) sanity

lint: require-python ## Run ruff and ansible-lint
	@$(RUN_TESTS) lint

types: require-python ## Run mypy
	@$(RUN_TESTS) types

docs: require-python ## Build the docs site, into .build/docs/html
	@$(RUN_TESTS) docs

package: require-python ## Build and install the collection and the wheel, use what was installed, and have Galaxy's checks
	@$(RUN_TESTS) collection galaxy wheel

lock: require-python ## Renew the lock files in requirements/locks
	@$(PYTHON) scripts/lock.py

bench: require-python ## Measure beside diffsync and through Ansible, into docs/benchmarks.md; ARGS="--sizes 10000" for a short run
	@$(PYTHON) scripts/environments.py bench >/dev/null
	@.venvs/bench/bin/python bench/run.py $(ARGS)

bench-netbox: require-python ## Measure beside a loop of the netbox.netbox modules, against a real NetBox; takes an hour; ARGS="--sites 20 --devices 12" for a short run
	@$(PYTHON) scripts/environments.py netbox >/dev/null
	@$(PYTHON) scripts/environments.py bench-netbox >/dev/null
	@.venvs/bench-netbox/bin/python bench/netbox.py $(ARGS)

clean: ## Remove all that was generated
	rm -rf .build .venvs .ansible .mypy_cache .ruff_cache .pytest_cache

require-python:
	@$(if $(PYTHON),,$(error No Python 3.11 or newer with venv and pip found; set PYTHON=/path/to/python3))true
