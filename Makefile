# Everything is done from here. It needs python3 (3.11 or newer) and make; all else is installed into .venv, pinned by hash.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help

.PHONY: help demo run test check lint types imports bench bench-short bench-scale accuracy accuracy-short live live-short faults faults-short kills kills-short soak soak-short fuzz fuzz-short rest-fuzz format collector lock clean

help: ## show this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

demo: $(VENV)/.runtime ## set up, send recorded real calls through the whole thing, show what they cost
	@$(BIN)/spanledger demo

run: $(VENV)/.runtime ## set up, and run receiver, sealer and billing here (OTLP 4317, HTTP 8321)
	@$(BIN)/spanledger up

test: $(VENV)/.dev ## pass the tests (those that need a part this machine lacks are skipped and say how to get it)
	@$(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal

check: lint types imports test ## what CI runs: lint, types, imports, tests

lint: $(VENV)/.dev ## ruff
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: $(VENV)/.dev ## mypy --strict
	@$(BIN)/mypy

imports: $(VENV)/.dev ## who may import whom
	@$(BIN)/lint-imports

faults: $(VENV)/.dev ## stop the machine, or fail the disk, at every file operation of a run (two hours)
	@$(BIN)/python -m tests.faults

faults-short: $(VENV)/.dev ## the same, at a few dozen of them (a minute)
	@$(BIN)/python -m tests.faults --share 0.008

kills: $(VENV)/.dev ## kill receiver, sealer and Collector 200 times at random moments under a million spans (ten minutes)
	@$(BIN)/python -m tests.load.kills

kills-short: $(VENV)/.dev ## the same, 20 times (a minute)
	@$(BIN)/python -m tests.load.kills --spans 60000 --kills 20

soak: $(VENV)/.dev ## the receiver at full load for an hour: memory bounded and flat, nothing lost
	@$(BIN)/python -m tests.load.soak

soak-short: $(VENV)/.dev ## the same, a minute and a half
	@$(BIN)/python -m tests.load.soak --seconds 75

fuzz: $(VENV)/.fuzz ## 10 million inputs, guided by coverage, for decoder, dialects, journal and manifest (an hour or two)
	@$(BIN)/python -m tests.fuzz

fuzz-short: $(VENV)/.fuzz ## the same, a minute or two
	@$(BIN)/python -m tests.fuzz --inputs 60000

rest-fuzz: $(VENV)/.dev ## ask the REST API all that its OpenAPI document permits and forbids (some minutes; briefly in the tests)
	@$(BIN)/python -m tests.billing.rest_fuzz

format: $(VENV)/.dev ## put the code into the house's form
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

collector: $(VENV)/.dev ## build the OpenTelemetry Collector the tests use (needs Go; cached by its build list)
	@$(BIN)/python -m tests.collector

bench: $(VENV)/.dev ## measure: every figure as a ratio against something run beside it
	@$(BIN)/python -m bench

bench-short: $(VENV)/.dev ## the same, a few seconds each
	@$(BIN)/python -m bench --short

bench-scale: $(VENV)/.dev ## measure a compacted ledger of two million calls: size, queries, index (some minutes)
	@$(BIN)/python -m bench.scale

accuracy: $(VENV)/.dev ## replay recorded calls through the real thing, compare with what the providers said
	@$(BIN)/python -m tests.accuracy

accuracy-short: $(VENV)/.dev ## the same, on a sample
	@$(BIN)/python -m tests.accuracy --short

live: $(VENV)/.dev ## run real instrumentations, newest releases, against a provider of ours; write the matrix (some minutes)
	@$(BIN)/python -m tests.live --write

live-short: $(VENV)/.dev ## the same, a handful of them, writing nothing
	@$(BIN)/python -m tests.live --short

lock: $(VENV)/.install ## resolve the dependencies anew into the lock files
	@$(BIN)/uv pip compile --quiet pyproject.toml --universal --upgrade --generate-hashes --no-header --no-annotate \
		--extra build -o requirements.lock
	@$(BIN)/uv pip compile --quiet pyproject.toml --universal --upgrade --generate-hashes --no-header --no-annotate \
		--extra build --extra dev --extra bench --prerelease if-necessary-or-explicit -o requirements-dev.lock
	@echo '$(ATHERIS)' | $(BIN)/uv pip compile --quiet - --universal --python-version 3.11 --upgrade --generate-hashes \
		--no-header --no-annotate -o requirements-fuzz.lock

clean: ## remove what make made
	@rm -rf $(VENV) .venv-live .fuzz .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.install: requirements-install.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "spanledger needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 demo"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || \
		{ echo "$(PYTHON) cannot make a virtual environment. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Setting up $(VENV) (about half a minute, once)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-install.lock
	@touch $@

$(VENV)/.runtime: requirements.lock $(VENV)/.install
	@test -e $(VENV)/.dev || $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# Coverage-guided fuzzing; 3.1 has no wheel for Python 3.11. Elsewhere inputs are mutated at random.
ATHERIS := atheris>=3.0,<3.1; python_version < "3.14" and sys_platform == "linux" and platform_machine == "x86_64"

$(VENV)/.fuzz: requirements-fuzz.lock $(VENV)/.dev
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-fuzz.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.install
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
