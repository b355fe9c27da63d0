# make app      sets up what is missing and opens the page
# make test     sets up what is missing and runs the tests          make test ARGS="tests/media -x"
# make proofs   the tests that take half a minute each
# make check    formatting, lint, types                             make fix     mends the first two
# make bench    side by side with the peers
# make setup    only the set-up                                     make clean   takes everything away again
# make lock     writes the pins anew from pyproject.toml            make lock UPGRADE=--upgrade

.PHONY: app test proofs check fix bench setup dev system lock clean
.NOTPARALLEL:

VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.8
ARGS ?=
UPGRADE ?=
# Compiled once and kept, also where the surroundings say otherwise: every start of the page or the command line waits
# for it, and there are hundreds in the tests.
export PYTHONDONTWRITEBYTECODE :=
export PYTHONPYCACHEPREFIX := $(abspath $(VENV))/bytecode
IS_FIT := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for python in python3 python3.12 python3.13 python3.11; do \
	$$python -c '$(IS_FIT)' 2>/dev/null && echo $$python && break; done)

# uv does not read pip's configuration. This hands over what decides whether a package can be had at all.
pip-says = $$($(BIN)/python -m pip config list | sed -nE "s/^(:env:|global|install)[.]$(1)='(.*)'$$/\2/p" | head -n 1)
UV = index="$${UV_DEFAULT_INDEX:-$(call pip-says,index-url)}"; cert="$${SSL_CERT_FILE:-$(call pip-says,cert)}"; \
	[ -z "$$index" ] || export UV_DEFAULT_INDEX="$$index"; \
	[ -z "$$cert" ] || export SSL_CERT_FILE="$$cert"; \
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv

app: setup
	$(BIN)/python app.py

# Tests of one file share what is dear to make, so they stay in one process; some wait for a browser, so there is one more.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
test: system dev
	$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

# What takes half a minute a test: before a release, and after a change of what it is about.
proofs: system dev
	$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist loadfile -m proof $(ARGS)

check: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy avfusion

fix: dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python .ci/layout.py

bench: system dev
	@for script in $$(grep -l __main__ benchmarks/*.py); do \
		echo "== $$script"; $(BIN)/python $$script || exit 1; done

setup: $(VENV)/.run-set
dev: $(VENV)/.dev-set

# The stamps lie inside the environment, so that whoever deletes it starts anew.
$(BIN)/uv:
	@[ -n "$(PYTHON)" ] || { echo "AVFusion needs Python 3.11, 3.12 or 3.13; name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@command -v c++ >/dev/null || echo "No C++ compiler found; pyworld is compiled while it is installed." \
		"On Debian and Ubuntu: apt-get install build-essential python3-dev" >&2
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv==$(UV_VERSION)

$(VENV)/.run-set: requirements.txt pyproject.toml | $(BIN)/uv
	@echo "Installing the pinned packages: about 3 GB to download, 7 GB on disk."
	@$(UV) pip install -r requirements.txt
	@$(UV) pip install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev-set: requirements-dev.txt $(VENV)/.run-set
	@$(UV) pip install -r requirements-dev.txt
	@touch $@

# The page is tested in Chromium. torchcodec loads FFmpeg's shared libraries, and the benchmarks compare with its program.
system:
	@missing=""; \
	command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null || missing="$$missing chromium fonts-liberation"; \
	command -v ffmpeg >/dev/null || missing="$$missing ffmpeg"; \
	command -v c++ >/dev/null || missing="$$missing build-essential"; \
	[ -n "$$missing" ] || exit 0; \
	if ! command -v apt-get >/dev/null; then \
		echo "No apt-get here; some tests need what Debian calls:$$missing" >&2; exit 0; fi; \
	as_root=""; [ "$$(id -u)" = 0 ] || as_root=sudo; \
	$$as_root apt-get update -q && \
	$$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing

EXTRAS := --extra ui --extra neural --extra inpaint --extra voice --extra jobs
COMPILE = $(UV) pip compile pyproject.toml $(EXTRAS) --universal --python-version 3.11 --no-annotate --quiet $(UPGRADE)
lock: export UV_CUSTOM_COMPILE_COMMAND = make lock
lock: | $(BIN)/uv
	@$(COMPILE) --output-file requirements.txt >/dev/null
	@$(COMPILE) --output-file requirements-dev.txt --constraints requirements.txt --extra dev >/dev/null
	@(sed '/^[^#]/,$$d' requirements-dev.txt; echo "-r requirements.txt"; grep -vxFf requirements.txt requirements-dev.txt) \
		> $(VENV)/dev-lock
	@mv $(VENV)/dev-lock requirements-dev.txt

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
