# What a newcomer types. Every target sets up what it needs first, and is quick the second time.
#   make rehearse   take the strategy live on the paper exchange and watch        ARGS="--scenario flash-crash"
#   make test       the whole suite, on all cores                                 ARGS="-k breaker"
#   make check      style, types, import contracts, documents
#   make bench      the figures the project promises, one line each
#   make soak       the hours-long proofs                                         KILLS=1000 SEEDS=10000

SHELL := /bin/sh
BIN := .venv/bin
PYTHONS := python3 python3.13 python3.12 python3.11 /usr/bin/python3
# The stamp names the lock file and the place: a new lock, or a checkout that was moved, installs again.
STAMP := .venv/.ready-$(shell (pwd; cat requirements.lock) | sha256sum | cut -c1-16)

.PHONY: rehearse test check bench soak setup mariadb iproute docs

rehearse: $(STAMP)
	@$(BIN)/canary run --rehearse $(ARGS)

test: $(STAMP) mariadb iproute
	@$(BIN)/pytest -n auto $(ARGS)

check: $(STAMP)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python docs/generate.py --check
	@$(BIN)/pytest tests/docs

docs: $(STAMP)
	@$(BIN)/python docs/generate.py

bench: $(STAMP) mariadb
	@for script in $(filter-out %/__init__.py,$(wildcard tests/bench/*.py)); do \
		PYTHONPATH=. $(BIN)/python $$script || failed=1; \
	done; exit $${failed:-0}

soak: $(STAMP) mariadb iproute
	@KILLS=$(KILLS) SEEDS=$(SEEDS) $(BIN)/pytest -m soak -s $(ARGS)

setup: $(STAMP)

$(STAMP):
	@python=; for one in $(PYTHONS); do \
		if $$one -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$one; break; fi; \
	done; \
	if [ -z "$$python" ]; then echo "canary needs Python 3.11 or newer, and finds none: apt-get install python3" >&2; exit 78; fi; \
	$$python -c 'import ensurepip' 2>/dev/null || $(call apt,python3-venv) || exit 78; \
	echo "setting up .venv (about a minute, once)" >&2; \
	rm -f .venv/.ready-*; \
	case "$$($(BIN)/pip --version 2>/dev/null)" in *"$$PWD/.venv/"*) ;; *) $$python -m venv --clear .venv ;; esac
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@touch $@

# MariaDB tests start a private server of their own; without the program they are skipped, and this line says so.
mariadb:
	@PATH="$$PATH:/usr/sbin:/usr/local/sbin"; \
	command -v mariadbd >/dev/null || $(call apt,mariadb-server) || echo "MariaDB tests will be skipped" >&2

# One story is told on two hosts, of which the second is a network namespace; without the program it is skipped.
iproute:
	@PATH="$$PATH:/usr/sbin:/sbin"; \
	command -v ip >/dev/null || $(call apt,iproute2) || echo "the story of two hosts will be skipped" >&2

# Installs a Debian package where it may; else says in one line what to type.
apt = { { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; } && \
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y $(1); } >/dev/null 2>&1 || \
	{ echo "$(1) is missing and cannot be installed from here: sudo apt-get install $(1)" >&2; false; }; }
