# Every target that builds runs tools/setup first, which takes no time when nothing is missing.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export PATH := $(CURDIR)/build/tools/bin:$(PATH)

python := build/tests-venv/bin/python
# The tests' processes wait more than they compute.
test_processes ?= 2
portal_sources := $(shell find portal -path portal/node_modules -prune -o -path portal/dist -prune -o -type f -print 2>/dev/null)

.PHONY: help
help: ## Show this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | \
		while IFS=$$'\t' read -r name text; do printf '  make %-16s %s\n' "$$name" "$$text"; done

.PHONY: setup
setup: ## Install what is missing: Debian packages, uv, Node.js, ONNX Runtime, npm and Python packages
	@tools/setup

.PHONY: build
build: setup ## Build the binary, build/release/maru, with the portal in it
	@[[ -f portal/dist/index.html ]] || rm -f build/portal.stamp
	@$(MAKE) build/portal.stamp
	@[[ -f build/release/build.ninja ]] || cmake --preset release
	@cmake --build --preset release

build/portal.stamp: $(portal_sources)
	@echo "building the portal"
	@cd portal && npm run --silent build
	@touch $@

.PHONY: test
test: build ## Run all tests: unit, structure, portal, end to end
	@echo "== unit tests"
	@ctest --test-dir build/release -j2 --output-on-failure
	@echo "== portal tests"
	@cd portal && npm run --silent test && npm run --silent sizes
	@echo "== structure and end-to-end tests"
	@$(python) -m pytest -n $(test_processes) --dist worksteal tests

.PHONY: test-slow
test-slow: build ## Run the tests that download gigabytes or take minutes
	@$(python) -m pytest -m slow tests

.PHONY: test-java
test-java: build ## Run the tests with MLflow's Java client, which need a JDK and Maven
	@tools/setup java
	@$(python) -m pytest -m java tests/java

.PHONY: screenshots
screenshots: build ## Photograph every page of the portal into build/screenshots
	@MARU_SCREENSHOTS=$(CURDIR)/build/screenshots $(python) -m pytest -n $(test_processes) tests/portal/test_pages.py

.PHONY: test-sanitizers
test-sanitizers: setup ## Run the unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@[[ -f portal/dist/index.html ]] || rm -f build/portal.stamp
	@$(MAKE) build/portal.stamp
	@[[ -f build/dev/build.ninja ]] || cmake --preset dev
	@cmake --build --preset dev
	@ctest --test-dir build/dev -j2 --output-on-failure

.PHONY: demo
demo: build ## Start a server on http://127.0.0.1:7070, train a model on it, deploy it, and ask it for predictions
	@tools/demo

.PHONY: lint
lint: setup ## Check format and lint of C++, Python and the portal; tidy='FILES' limits the slow part
	@tools/cpp-files | xargs -0 clang-format-19 --dry-run --Werror
	@$(python) -m ruff format --check --quiet $(python_files)
	@$(python) -m ruff check --quiet $(python_files)
	@$(python) -m mypy --no-error-summary
	@cd portal && npm run --silent lint
	@[[ -f build/release/compile_commands.json ]] || cmake --preset release
	@{ [[ -n "$(tidy)" ]] && printf '%s\0' $(tidy) || tools/cpp-files '*.cpp'; } | \
		xargs -0 -n 4 -P $$(nproc) clang-tidy-19 -p build/release --quiet --warnings-as-errors='*'

.PHONY: format
format: setup ## Format C++, Python and the portal
	@tools/cpp-files | xargs -0 clang-format-19 -i
	@$(python) -m ruff format --quiet $(python_files)
	@$(python) -m ruff check --quiet --fix $(python_files)
	@cd portal && npm run --silent format

python_files := tests examples $(wildcard bench sdk/python)

.PHONY: openapi
openapi: build ## Renew openapi.json from the server that was built
	@tools/openapi

.PHONY: lock
lock: setup ## Resolve the tests' requirements.txt into requirements.lock
	@uv pip compile -q --upgrade --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
		--no-annotate --no-header tests/requirements.txt -o tests/requirements.lock
	@uv pip compile -q --upgrade --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
		--no-annotate --no-header tests/protocols/mlflow2/requirements.txt -o tests/protocols/mlflow2/requirements.lock

.PHONY: bench
bench: build ## Measure maru beside what it replaces; prints one table a benchmark
	@tools/setup bench
	@$(python) bench/main_job.py
	@$(python) bench/tracking.py

.PHONY: clean
clean: ## Remove everything that was built; tools and test environment stay
	@rm -rf build/release build/dev build/tsan build/tidy build/coverage build/portal.stamp portal/dist
