# hubfleet's workshop. `make` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv || echo $(VENV)/uv/bin/uv)

.PHONY: help setup try test unit lint fix docs lock bench bench-fleet bench-hubs bench-pools

help:  ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready  ## Make .venv with hubfleet and everything to work on it.

$(VENV)/.ready: requirements/dev.txt pyproject.toml
	@command -v uv >/dev/null || { python3 -m venv $(VENV)/uv && $(VENV)/uv/bin/pip install --quiet uv; }
	$(UV) venv --quiet --allow-existing --python ">=3.11" $(VENV)
	$(UV) pip install --quiet --native-tls --require-hashes --python $(BIN)/python --compile-bytecode -r requirements/dev.txt
	$(UV) pip install --quiet --native-tls --no-deps --no-build-isolation --python $(BIN)/python -e .
	$(BIN)/python -m compileall -q src # with PYTHONDONTWRITEBYTECODE set, `hubfleet plan` would take twice its time
	@touch $@

try: setup  ## A sandbox cloud, a cluster and a first hub on this machine (Linux, root; ten minutes the first time).
	$(BIN)/hubfleet sandbox start --install
	eval "$$($(BIN)/hubfleet sandbox env)" && $(BIN)/hubfleet apply examples/first-hub --yes
	@eval "$$($(BIN)/hubfleet sandbox env)" && $(BIN)/hubfleet status examples/first-hub
	@echo; echo "Open this address in a browser, and log in:"
	@eval "$$($(BIN)/hubfleet sandbox env)" && $(BIN)/hubfleet credentials examples/first-hub --hub main

# Two sandboxes side by side, each with the files of tests that the other has not begun: most of their time is waiting.
# Each of their nodes takes 7 inotify instances, of which there are 128 as a rule.
INOTIFY := /proc/sys/fs/inotify/max_user_instances
test: setup lint  ## Everything: what CI runs (Linux, root).
	for program in chromium:chromium gpg:gnupg; do command -v $${program%:*} >/dev/null || \
	  { apt-get update -q && apt-get install -yq --no-install-recommends $${program#*:}; } || exit; done
	$(BIN)/pytest tests --ignore tests/sandbox --durations 10 --durations-min 1
	was=$$(cat $(INOTIFY)); trap "echo $$was > $(INOTIFY)" EXIT; [ $$was -ge 512 ] || echo 512 > $(INOTIFY); \
	  $(BIN)/pytest tests/sandbox -vv --numprocesses 2 --dist loadfile --durations 40 --durations-min 10

unit: setup  ## The tests that need nothing, in seconds.
	$(BIN)/pytest tests/unit tests/golden tests/docs

lint: setup  ## Ruff, mypy, pyright, the floors of the architecture.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports

fix: setup  ## Format, and mend what can be mended.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup  ## Write the generated pages of docs/reference anew.
	$(BIN)/python scripts/docs.py
	$(BIN)/python scripts/cluster_file.py

bench: setup  ## Print the figures of the first hub (Linux, root; about a minute).
	$(BIN)/python -m compileall -q src
	$(BIN)/python -m benchmarks first-hub

bench-fleet: setup  ## Print the figures of a fleet's files (helm on the PATH; five minutes).
	$(BIN)/python -m compileall -q src benchmarks
	$(BIN)/python -m benchmarks fleet --large

bench-hubs: setup  ## Print the figures of many hubs on one cluster (Linux, root; five minutes).
	$(BIN)/python -m compileall -q src
	$(BIN)/python -m benchmarks hubs

bench-pools: setup  ## Print the figures of clusters with many pools (Linux, root; 25 minutes).
	$(BIN)/python -m compileall -q src
	$(BIN)/python -m benchmarks jetstream2

lock:  ## Pin every dependency with hashes, without addresses.
	$(UV) pip compile --quiet --native-tls --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --group dev pyproject.toml -o requirements/dev.txt
