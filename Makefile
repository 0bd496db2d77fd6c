# `make` lists what can be done. On a fresh Debian or Ubuntu, `make run` needs nothing else.

PYTHON ?=
BIN := .venv/bin
RUNTIME := .venv/.runtime
DEV := .venv/.dev
NODE := web/node_modules/.package-lock.json

# What pytest makes of the tests' code is kept, whatever the environment says: to make it again
# takes as long as many of them.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/pytest --dist loadfile --no-loadscope-reorder

SHELL := /bin/sh
.DELETE_ON_ERROR:
.PHONY: help run setup test test-fast check check-web test-web bench soak fix vendor clean

help:             ## list what can be done
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(RUNTIME)   ## start the server with config.yaml, and print the URL to open
	@exec $(BIN)/ptybridge serve --config config.yaml

setup: $(DEV)     ## make .venv and web/node_modules with all that developing needs
	@PYTHON="$(PYTHON)" tools/system.sh check
	@$(MAKE) --no-print-directory $(NODE)

test: $(DEV)      ## every test: JavaScript, Python, a real browser
	@PYTHON="$(PYTHON)" tools/system.sh test
	@$(MAKE) --no-print-directory $(NODE)
	@$(MAKE) --no-print-directory test-web
	$(PYTEST) -n 3

test-fast: $(DEV) ## the tests that take milliseconds: no browser, no whole server
	HYPOTHESIS_PROFILE=fast $(PYTEST) -n 2 -m "not browser and not server and not slow"

check: $(DEV)     ## formatting, lint, types, known vulnerabilities; nothing is changed
	@PYTHON="$(PYTHON)" tools/system.sh check
	@$(MAKE) --no-print-directory $(NODE)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	@$(MAKE) --no-print-directory check-web
	$(BIN)/python tools/audit.py

check-web:
	cd web && npm run --silent check

test-web:
	cd web && npm test --silent

bench: $(DEV)     ## measure, beside a bare pseudo-terminal and another web terminal
	$(BIN)/python -m bench

soak: $(DEV)      ## ten minutes of many terminals and visitors, after which all must be as it was
	$(BIN)/python -m bench.soak $(SOAK)

fix: $(DEV)       ## let the tools repair what they can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

vendor: $(NODE)   ## copy the page's libraries from npm into web/vendor
	node web/vendor.mjs

clean:            ## remove everything that can be made again
	rm -rf .venv build dist web/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUNTIME): pyproject.toml constraints.txt
	@PYTHON="$(PYTHON)" tools/system.sh run
	@echo "Setting up .venv ..."
	@"$$(tools/python.sh $(PYTHON))" -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(DEV): $(RUNTIME)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(NODE): web/package.json web/package-lock.json
	@cd web && npm ci --silent --no-audit --no-fund
	@touch $@
