# fpctl: `make help` lists what can be made. Needs Python 3.11 or newer and make; the rest is installed
# into .venv, once, at the versions of constraints.txt.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
DOCS := $(VENV)/.docs-installed
NODE := node_modules/.installed
PYTEST_ARGS ?=
# One more than there are cores: many tests wait, for a server, a lock, or a process that they interrupt.
WORKERS ?= $(shell echo $$(( 1 + $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1) )))

# The first interpreter on the path that is new enough, or `make PYTHON=/path/to/python3.12`.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { command -v $$p; break; }; done)
UV := $(shell command -v uv 2>/dev/null)

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS=$$'\t' read -r name text; do \
		printf '  make %-10s %s\n' "$$name" "$$text"; done

.PHONY: demo
demo: $(RUNTIME) ## The whole job on generated data: rewrite, run, count, show
	$(BIN)/fpctl demo

.PHONY: test
test: $(DEV) ## Run the tests
	@# Each worker rewrites the asserts of every test file unless what the last run made of them is kept.
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

.PHONY: check
check: $(DEV) ## Lint, formatting, types, layers, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python scripts/check_docs.py

.PHONY: docs
docs: $(DEV) ## Write the generated pages of docs/ anew
	$(BIN)/python scripts/command_docs.py
	$(BIN)/python scripts/generate_findings.py
	$(BIN)/python scripts/generate_field_reference.py
	$(BIN)/python scripts/generate_reasons.py
	$(BIN)/python scripts/generate_scenarios.py
	$(BIN)/python scripts/generate_engine_table.py

.PHONY: site
site: $(DOCS) ## Build the documentation as a site, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "open site/index.html"

.PHONY: format
format: $(DEV) ## Sort imports and format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: bench
bench: $(DEV) ## Print the benchmarks' figures
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python "$$script"; done

.PHONY: venv
venv: $(DEV) ## Make .venv with everything for development

.PHONY: node
node: $(NODE) ## Install Microsoft's KQL parser for the tests marked "node" (needs node and npm)

.PHONY: clean
clean: ## Remove .venv, node_modules and every cache
	rm -rf $(VENV) node_modules build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Without uv: the standard library's venv, and pip. Debian's python3 has no venv module of its own.
$(VENV)/pyvenv.cfg:
	@if [ -z "$(PYTHON)" ] && [ -z "$(UV)" ]; then \
		echo "fpctl needs Python 3.11 or newer, and none is on the path (python3 is $$(python3 -V 2>&1 || true))." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 2; fi
	@if [ -n "$(UV)" ]; then \
		uv venv --quiet --allow-existing --python "$(or $(PYTHON),3.11)" $(VENV); \
	else \
		"$(PYTHON)" -m venv --clear $(VENV) || { \
			echo "$(PYTHON) could not make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; \
			rm -rf $(VENV); exit 2; }; \
	fi

define install
	@echo "Installing fpctl into $(VENV) (once) ..." >&2
	@if [ -n "$(UV)" ]; then \
		uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '$(1)'; \
	else \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '$(1)'; \
	fi
	@# An editable install compiles nothing, and where PYTHONDONTWRITEBYTECODE is set every start would.
	@$(BIN)/python -m compileall -q src
endef

$(RUNTIME): pyproject.toml constraints.txt | $(VENV)/pyvenv.cfg
	$(call install,.)
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(VENV)/pyvenv.cfg
	$(call install,.[dev])
	@touch $@ $(RUNTIME)

$(DOCS): pyproject.toml constraints.txt | $(VENV)/pyvenv.cfg
	$(call install,.[docs])
	@touch $@ $(RUNTIME)

$(NODE): package.json
	npm install --no-package-lock --no-fund --no-audit --silent
	@touch $@
