# Every task of the project. They need a Python 3.12 or newer somewhere and make the rest themselves, in .venv.
#   make PYTHON=/path/to/python3.13 TARGET    decides which Python
#   make TARGET ARGS="..."                    hands arguments on: make test ARGS="-k queue"

BIN := .venv/bin
ARGS ?=
# More than twice the two cores that the suite is made for: half of it waits for processes and for the simulator.
WORKERS ?= 5

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-fast test-faults soak check lint format bench lock clean runtime dev

help: ## list these tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

demo: runtime ## run a job against the built-in simulator, without keys, with its files in .demo; then the program
	@$(BIN)/gimf demo --home .demo $(ARGS)

test: dev ## run every test, without keys and without a terminal
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS) </dev/null

.PHONY: test-unit test-acceptance
test-unit: dev ## run the tests of single modules only: no other process, no terminal
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not (acceptance or process or terminal)" $(ARGS) </dev/null

test-acceptance: dev ## run the whole stories only: real HTTP, killed processes, terminals
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m acceptance $(ARGS) </dev/null

test-fast: dev ## run all tests but the whole stories
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not acceptance" $(ARGS) </dev/null

test-faults: dev ## kill the program at every named point and at random moments, 20 times each, for 10 minutes at most
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --repeat-faults 20 --repeat-minutes 10 $(ARGS) </dev/null

soak: dev ## 10,000 images with faults and kill -9 at random, then every promise is proved: ARGS="--images 600 --minutes 5"
	$(BIN)/python -m tests.soak $(ARGS) </dev/null

check: lint test ## all that continuous integration asks: lint, then test

lint: dev ## check format, style, types and the directions of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: dev ## format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: dev ## run the benchmarks
	@set -e; for bench in tests/bench/bench_*.py; do echo "== $$bench"; $(BIN)/python "$$bench" $(ARGS); done

LOCK = uv pip compile --quiet --universal --python-version 3.12 --python "$$(.ci/find-python)" --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(ARGS) pyproject.toml

lock: ## write both lock files anew from pyproject.toml; ARGS=--upgrade takes newer releases
	@command -v uv >/dev/null || { echo "make lock needs uv on PATH: pipx install uv, or your system's package"; exit 1; }
	$(LOCK) --group build --output-file requirements.lock
	$(LOCK) --group dev --constraints requirements.lock --output-file requirements-dev.lock

clean: ## remove the environment, the demo's files, builds and caches
	rm -rf .venv .demo build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name .git -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +

runtime:
	@.ci/venv requirements.lock

dev:
	@.ci/venv requirements-dev.lock
