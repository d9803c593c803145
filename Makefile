# The two commands: `make demo` and `make test`. Both need only Python 3.10 to 3.13 and make.
#
#   PYTHON=python3.12    the Python that .venv is made of (default: the first that is found)
#   TENSORFLOW=gpu       the extra that brings TensorFlow: cpu, gpu or tf (to change it, remove .venv)
#   WORKERS=4            processes of the tests

# tensorflow-cpu has wheels for x86 machines only.
TENSORFLOW ?= $(shell [ "`uname -s -m`" = "Linux x86_64" ] && echo cpu || echo tf)
WORKERS ?= 2
BIN := .venv/bin
INSTALLED := .venv/installed-$(TENSORFLOW)

.PHONY: help venv test demo

help:
	@echo "make demo   search, train and serve a recommender on a year of real purchases"
	@echo "make test   the whole gate: style, types, fast tests, slow tests"
	@echo "make venv   only make .venv and install everything into it"

venv: $(INSTALLED)

# Python's own pip may be years old: its resolver needs minutes where a new one needs seconds.
$(INSTALLED): setup.py Makefile
	@if ! $(BIN)/python -c 'import pip' 2>/dev/null; then \
	    for python in $(PYTHON) python3.11 python3.12 python3.13 python3.10 python3 python; do \
	        if $$python -c 'import sys, venv, ensurepip; \
	            sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; \
	        then found=$$python; break; fi; \
	    done; \
	    if [ -z "$$found" ]; then \
	        echo "No Python 3.10 to 3.13 with its venv module was found (on Debian and Ubuntu:" \
	            "apt install python3-venv). Name one with: make PYTHON=/path/to/python3" >&2; \
	        exit 1; \
	    fi; \
	    echo "Making .venv with `$$found --version`"; \
	    $$found -m venv --clear .venv; \
	fi
	@echo "Installing into .venv: a few minutes, about 3 GB"
	@$(BIN)/python -m pip install --quiet --quiet --no-input --disable-pip-version-check \
	    --upgrade 'pip>=24'
	@$(BIN)/python -m pip install --quiet --quiet --no-input --disable-pip-version-check \
	    --progress-bar off --editable '.[$(TENSORFLOW),demo,report,test]'
	@touch $@

test: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -m "not slow" -n $(WORKERS)
	$(BIN)/python -m pytest -m slow -n $(WORKERS)

demo: venv
	$(BIN)/python examples/complete_journey.py
