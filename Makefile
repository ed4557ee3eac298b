# riverrun. `make` alone lists what there is. Needs Python 3.11+ and make; everything else goes into .venv.

VENV  := .venv
BIN   := $(VENV)/bin
READY := $(VENV)/.pyproject.toml# the pyproject.toml that .venv was set up from
STORES := $(VENV)/.stores.toml# the pyproject.toml that the extra "stores" was installed from
AUDIT := $(VENV)/.audit.toml# the pyproject.toml that the extra "audit" was installed from
ARGS  ?=

# Each process would parse all modules anew: a worker starts a quarter faster without that.
unexport PYTHONDONTWRITEBYTECODE

# Three at a time on two cores: those with a broker mostly wait.
PYTEST := $(BIN)/python -m pytest -q --numprocesses 3 --dist loadfile --no-loadscope-reorder

# PyPI tells of the vulnerabilities of an old release; a mirror may not.
TELLS := import json, urllib.request as web; from pip._internal.models.index import PyPI; \
	old = web.urlopen(PyPI.pypi_url + "/jinja2/2.4.1/json", timeout=3); \
	assert json.load(old)["vulnerabilities"]

.DEFAULT_GOAL := help
.PHONY: help setup demo test kernels long check audit sbom bench chaos mutations stores clean

help: ## this list
	@echo 'usage: make GOAL [ARGS="..."] [PYTHON=/path/to/python3]'
	@echo
	@grep -E '^[a-z]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z]+):.*## (.*)/  make \1|\2/' | \
		while IFS='|' read -r goal text; do printf '%-14s %s\n' "$$goal" "$$text"; done

setup: $(READY) ## only the setting up: .venv/bin/riverrun is there afterwards
	@echo 'riverrun: ready: $(BIN)/riverrun'

demo: $(READY) ## card fraud through Kafka, live, with a page; ARGS="--seconds 30" for how long
	$(BIN)/riverrun demo $(ARGS)

test: $(READY) ## check, then the tests, but for the long ones; ARGS="-k snapshot" for some of them
	@$(MAKE) --no-print-directory -j2 check kernels
	$(PYTEST) -m "not long" $(ARGS)

kernels: $(READY)
	@$(BIN)/python -m tests.compiled # once, beside the check: else each process of the tests would do it

long: $(READY) ## the tests that take long: before a release
	$(PYTEST) -m long $(ARGS)

check: $(READY) ## lint, format, types, imports, dangerous calls, known vulnerabilities
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive agents app learners topics
	@$(MAKE) --no-print-directory audit

audit: $(READY) ## known vulnerabilities of the packages, where PyPI can be asked
	@if $(BIN)/python -c '$(TELLS)' 2>/dev/null; then \
		$(MAKE) --no-print-directory $(AUDIT) && \
		$(BIN)/pip-audit --skip-editable --progress-spinner off; \
	else \
		echo 'riverrun: audit skipped: PyPI tells of no vulnerabilities here within 3 s'; \
	fi

sbom: $(AUDIT) ## sbom.json: what .venv holds, as CycloneDX
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-file sbom.json $(VENV)

bench: $(READY) ## the benchmarks, as ratios, one JSON line each
	$(BIN)/riverrun bench $(ARGS)

chaos: $(READY) ## everything around a pipeline breaks, nothing is lost or doubled; ARGS="--list"
	$(BIN)/python -m tests.chaos $(ARGS)

stores: $(STORES) kernels ## sinks against real servers: databases, lakes, Kafka Connect, stand-ins of warehouses
	$(BIN)/python -m pytest -q -rs --numprocesses 2 --dist loadfile tests/stores $(ARGS)

mutations: $(READY) ## each safeguard taken out by itself turns the chaos suite red
	$(BIN)/python -m tests.chaos.mutations $(ARGS)

clean: ## removes .venv and every cache; the next goal sets up again
	rm -rf $(VENV) build sbom.json .mypy_cache .pytest_cache .ruff_cache .import_linter_cache *.egg-info
	find agents app benchmarks learners tests topics -name __pycache__ -type d -prune -exec rm -rf {} +

# A checkout may touch pyproject.toml without changing it: then nothing is installed again.
# Bytecode is made at the first import: of all 6,700 files it takes half a minute, and most are never used.
$(READY): pyproject.toml $(BIN)/python
	@if cmp -s pyproject.toml $@; then touch $@; exit 0; fi; \
	echo 'riverrun: installing the packages into $(VENV), a minute or two the first time ...' && \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
		-e '.[avro,compiled,delta,dev,iceberg,parquet]' && \
	cp pyproject.toml $@

$(AUDIT): $(READY)
	@if cmp -s pyproject.toml $@; then touch $@; exit 0; fi; \
	echo 'riverrun: installing what audits ...' && \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[audit]' && \
	cp pyproject.toml $@

$(STORES): $(READY)
	@if cmp -s pyproject.toml $@; then touch $@; exit 0; fi; \
	echo 'riverrun: installing the stores and their clients ...' && \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[stores]' && \
	cp pyproject.toml $@

$(BIN)/python:
	@python=; \
	for name in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python); do \
		"$$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null || continue; \
		python=$$name; break; \
	done; \
	if [ -z "$$python" ]; then \
		echo 'riverrun needs Python 3.11 to 3.14; $(or $(PYTHON),what is installed here) is not.' >&2; \
		echo 'Install one, or say where it is: make PYTHON=/path/to/python3' >&2; \
		exit 1; \
	fi; \
	echo "riverrun: making $(VENV) with $$("$$python" --version)"; \
	"$$python" -m venv --clear $(VENV) || { \
		rm -rf $(VENV); \
		echo "riverrun: $$python could not make $(VENV). On Debian and Ubuntu: apt install python3-venv" >&2; \
		exit 1; \
	}
