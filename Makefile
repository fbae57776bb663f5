# `make help` lists everything. Python 3.11 or newer, make and git are all that a machine needs.

PYTHON ?= python3
PYTEST ?= .venv/bin/pytest -n 2 --dist loadgroup
PACKAGES = libs/contracts libs/servicekit $(sort $(wildcard services/*)) tools
MANIFESTS = requirements.lock pyproject.toml $(addsuffix /pyproject.toml,$(PACKAGES))
READY = .venv/.ready
INSTALL = .venv/bin/uv pip install --python .venv/bin/python
COMPILE = .venv/bin/uv pip compile --quiet --universal --no-header --generate-hashes --python-version 3.11 $(LEFT_OUT)
# django-htmx is here for the script that it carries, and nothing imports it; brotlicffi is for another Python.
LEFT_OUT = $(addprefix --no-emit-package=,django sqlparse asgiref brotlicffi)
# What a service's image has in it; its packages are those that these need, at the versions of requirements.lock.
SHIPPED = $(filter-out tools,$(PACKAGES))
TYPED = $(addsuffix /src,$(PACKAGES))

.DEFAULT_GOAL := help
.PHONY: help up demo reset test faults test-containers bench check mutants lock screenshots

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(READY) ## Run the whole platform here until Ctrl-C: Kafka, PostgreSQL, all services, sandboxes; SEED=examples/seed-estonia for another country's catalogue
	@.venv/bin/dawr up $(if $(SEED),--seed $(SEED))

demo: $(READY) ## Let a few hundred people compete for seats, then check the books (starts a platform if none runs); ARGS="--people 50 --seed 7"
	@.venv/bin/dawr demo $(ARGS)

reset: $(READY) ## Wipe the data of `make up`
	@.venv/bin/dawr reset

test: $(READY) ## Run every test, on an embedded Kafka and PostgreSQL; kills and outages last, with the machine to themselves
	@failed=0; $(PYTEST) --ignore=tests/faults || failed=1; .venv/bin/pytest tests/faults || failed=1; exit $$failed

faults: $(READY) ## Of the tests, only those that kill every process and take the broker, a database and services away
	.venv/bin/pytest tests/faults

test-containers: $(READY) ## Run every test on Kafka and PostgreSQL in containers (needs Docker); kills and outages last, on embedded ones, which they kill
	@failed=0; $(PYTEST) --containers --ignore=tests/faults || failed=1; .venv/bin/pytest tests/faults || failed=1; exit $$failed

bench: $(READY) ## Measure, print one table, write it to bench.json; ARGS="--scale 0.3"
	@.venv/bin/dawr bench --json bench.json $(ARGS)

check: $(READY) ## Lint, check formats, types, imports, contracts and who may ask what
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy $(TYPED)
	.venv/bin/lint-imports
	.venv/bin/python -m dawr.tools.contracts check
	.venv/bin/python -m dawr.tools.access check

mutants: $(READY) ## Break the code on purpose, and see the tests catch it
	.venv/bin/python -m dawr.tools.mutants

screenshots: $(READY) ## Take pictures of all pages in both languages, for docs/screenshots (starts a platform; needs Chromium)
	@.venv/bin/python -m tests.browser.screenshots

lock: $(READY) ## Bring requirements.lock up to date with requirements.in, and the images' locks with it
	$(COMPILE) requirements.in -o requirements.lock
	printf './%s\n' $(SHIPPED) | $(COMPILE) -c requirements.lock $(addprefix --no-emit-package=dawr-,$(notdir $(SHIPPED))) - -o deploy/service.lock
	$(COMPILE) -c requirements.lock --group tools/pyproject.toml:sandbox -o deploy/sandbox.lock

# Made again when the lock or a package's pyproject.toml changes. uv comes first, at the version and with the
# hashes of the lock, and installs the rest from it; then this repository's packages, as they lie here.
$(READY): $(MANIFESTS)
	@.venv/bin/python -m pip --version >/dev/null 2>&1 || $(MAKE) --no-print-directory .venv-anew
	@echo "Installing Python packages into .venv …"
	@awk '/^uv==/ {found = 1} found {print; if ($$0 !~ /\\$$/) exit}' requirements.lock > .venv/uv.lock
	@.venv/bin/python -m pip install --quiet --retries 2 --require-hashes -r .venv/uv.lock > .venv/install.log 2>&1 || { \
	  echo "Python packages can't be fetched: connect this machine to its package index and run make again (details: .venv/install.log)." >&2; exit 1; }
	@$(INSTALL) --no-deps --require-hashes --compile-bytecode -r requirements.lock || { \
	  echo "Python packages can't be installed: see the lines above, then run make again." >&2; exit 1; }
	@$(INSTALL) --quiet --no-deps --no-build-isolation $(addprefix -e ./,$(PACKAGES))
	@.venv/bin/python -m compileall -q -j 0 $(TYPED)
	@touch $@

.PHONY: .venv-anew
.venv-anew:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Dawr needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo not there): name another one with make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv > /dev/null 2>&1 || { \
	  echo "$(PYTHON) can't make a virtual environment: install its venv module (on Debian: apt install python3-venv) or free some disk." >&2; exit 1; }
