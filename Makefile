# Everything one does with this project, in a few verbs. Each makes what it needs: a virtual
# environment in .venv with the packages for that verb, from nothing but Python 3.11 or newer.
#
#   make run       the demo: a server and a synthetic camera        ARGS="--port 9554"
#   make test      the tests                                        ARGS="-k config -x"
#   make coverage  the tests under coverage, and the floors for branches
#   make check     ruff, mypy (tests too), import contracts, file sizes, a test for each file
#   make interop   the tests with real clients (ffmpeg, GStreamer, VLC, OpenCV, PyAV)
#   make docs      generated pages written again, links and snippets checked
#   make bench     the benchmark                                    ARGS="--help"
#   make fuzz      the fuzz targets                                 SECONDS=60
#   make attacks   floods and lies beside a real stream             SIZE=full
#   make faults    loss, dead links and dead peers (as root)
#   make vendor    files of other projects again, as they publish them, hashes compared
#   make soak      churn for a while, then a verdict                MINUTES=30
#                  (cameras that die and come back: ARGS="--cameras 40")

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell tools/find-python)
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
# Tests that run at once: more than two cores, since half of their time they wait for peers, programs
# and clocks. Each of them has ports of its own (tests/peers/own_ports.py).
WORKERS ?= 4
# What pytest ends with where ARGS choose none of the tests: of two runs, one may have none.
NONE_CHOSEN := 5
COVERAGE ?= .coverage-report.json
SECONDS ?= 60
MINUTES ?= 30
SIZE ?= full

# One stamp for each set of packages; a stamp older than pyproject.toml installs again.
STAMPS := $(VENV)/.stamps

.PHONY: help run test coverage check interop docs bench fuzz attacks faults vendor soak clean

help:
	@sed -n 's/^#   \(make .*\)/\1/p' Makefile

run: $(STAMPS)/media
	$(BIN)/headwater demo $(ARGS)

test: $(STAMPS)/test
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not interop and not netns and not attack" $(ARGS)

coverage:
	$(MAKE) test ARGS="--cov --cov-report=json:$(COVERAGE) $(ARGS)"
	$(BIN)/python tools/check_coverage.py $(COVERAGE)

check: $(STAMPS)/check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tools/check_test_types.py
	$(BIN)/lint-imports
	$(BIN)/python tools/check_import_cycles.py
	$(BIN)/python tools/check_file_sizes.py
	$(BIN)/python tools/check_test_mirror.py

# Real clients play at the pace of their films: two tests at once leave two cores half idle.
interop: $(STAMPS)/interop
	together=0 alone=0; \
	$(BIN)/pytest tests/interop tests/examples -n 2 --dist loadfile -m "interop and not alone" \
		$(ARGS) || together=$$?; \
	if (( together != 0 && together != $(NONE_CHOSEN) )); then exit $$together; fi; \
	$(BIN)/pytest tests/interop -m "interop and alone" $(ARGS) || alone=$$?; \
	if (( alone != $(NONE_CHOSEN) )); then exit $$alone; fi; \
	if (( together == $(NONE_CHOSEN) )); then echo "ARGS choose no test" >&2; exit $$together; fi

docs: $(STAMPS)/test
	$(BIN)/python tools/build_docs.py $(ARGS)

bench: $(STAMPS)/bench
	$(BIN)/python -m bench $(ARGS)

fuzz: $(STAMPS)/fuzz
	$(BIN)/python -m fuzz --seconds $(SECONDS) $(ARGS)

# One attack at a time (tests/peers/turns.py), while the streams of the next two start.
attacks: $(STAMPS)/test
	ATTACK_SIZE=$(SIZE) $(BIN)/pytest tests/attacks -n 3 --dist worksteal -m attack -raP $(ARGS)

# Links that are down or slow are waited for, each in network namespaces of its own.
faults: $(STAMPS)/test
	$(BIN)/pytest tests/faults tests/net -n 4 --dist worksteal -m netns $(ARGS)

vendor:
	$(PYTHON) tools/vendor.py

soak: $(STAMPS)/bench
	PYTHONPATH=tests/peers $(BIN)/python -m soak --minutes $(MINUTES) $(ARGS)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist .coverage*

$(STAMPS)/venv:
	tools/make-venv "$(PYTHON)" "$(VENV)"
	mkdir -p $(STAMPS)
	touch $@

$(STAMPS)/media: pyproject.toml $(STAMPS)/venv
	$(BIN)/pip install --quiet --editable '.[media,web]'
	touch $@

$(STAMPS)/test: pyproject.toml $(STAMPS)/venv
	$(BIN)/pip install --quiet --editable '.[media,fast,onvif]' --group test
	touch $@ $(STAMPS)/media

$(STAMPS)/check: pyproject.toml $(STAMPS)/test
	$(BIN)/pip install --quiet --editable '.[media,fast,onvif]' --group test --group check
	touch $@

$(STAMPS)/interop: pyproject.toml $(STAMPS)/test
	$(BIN)/pip install --quiet --editable '.[media,fast,onvif]' --group test --group interop
	touch $@

# Not every system and Python has a wheel of atheris; without it inputs are mutated blindly.
$(STAMPS)/fuzz: pyproject.toml $(STAMPS)/test
	$(BIN)/pip install --quiet --only-binary atheris --group fuzz || \
		echo "atheris has no wheel here: fuzzing goes on without coverage"
	touch $@

$(STAMPS)/bench: pyproject.toml $(STAMPS)/test
	$(BIN)/pip install --quiet --editable '.[media,fast,onvif]' --group test --group bench
	touch $@
