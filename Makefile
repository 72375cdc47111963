# Two commands matter: `make serve` and `make test`. Both build what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOST ?= 127.0.0.1
PORT ?= 8000
export HOST PORT
JOBS ?= auto

.PHONY: serve test planted check bench bench-readme bench-large bench-live abuse soak fuzz browser-tools test-browser service-tools test-services client-tools test-clients test-schemathesis schema lock lock-clients lock-schemathesis clean

# The stamp makes every other target rebuild the environment when the lock file changes.
$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# A key for development, kept so that whoever is logged in stays so. In production it is a setting.
.secret: | $(VENV)/.installed
	@(umask 077 && $(BIN)/gazette secret > $@)

serve: $(VENV)/.installed .secret
	@$(BIN)/gazette migrate
	@$(BIN)/gazette seed --if-empty
	@GAZETTE_SECRET_KEYS="$${GAZETTE_SECRET_KEYS:-$$(cat .secret)}" exec $(BIN)/gazette serve

test: $(VENV)/.installed
	$(BIN)/python -m pytest -n $(JOBS)

planted: $(VENV)/.installed
	$(BIN)/python -m tests.planted

check: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile

browser-tools:
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null || \
	  { echo "make test-browser needs chromium and chromedriver (Debian: apt-get install chromium chromium-driver)"; exit 1; }

READER := examples/reader

$(READER)/node_modules/.package-lock.json: $(READER)/package-lock.json
	npm ci --prefix $(READER) --no-audit --no-fund --loglevel=error
	@touch $@

$(READER)/dist/index.html: $(READER)/node_modules/.package-lock.json $(wildcard $(READER)/*.* $(READER)/src/*.* $(READER)/public/*) schema.graphql
	npm run build --prefix $(READER) --silent
	@touch $@

test-browser: browser-tools client-tools $(VENV)/.installed $(READER)/dist/index.html
	$(BIN)/python -m pytest tests/browser

service-tools:
	@command -v redis-server >/dev/null && PATH="$$PATH:/usr/sbin" command -v pgbouncer >/dev/null || \
	  { echo "make test-services needs redis-server and pgbouncer (Debian: apt-get install redis-server pgbouncer)"; exit 1; }

test-services: service-tools $(VENV)/.installed
	$(BIN)/python -m pytest tests/services

SCHEMATHESIS := clients/schemathesis/.venv

$(SCHEMATHESIS)/.installed: clients/schemathesis/requirements.lock
	$(PYTHON) -m venv $(SCHEMATHESIS)
	$(SCHEMATHESIS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

test-schemathesis: $(VENV)/.installed $(SCHEMATHESIS)/.installed
	GAZETTE_SCHEMATHESIS_SECONDS=300 $(BIN)/python -m pytest tests/clients/test_schemathesis.py

client-tools:
	@command -v node >/dev/null && command -v npm >/dev/null || \
	  { echo "Front ends need node and npm (Debian 13: apt-get install nodejs npm)"; exit 1; }
	@node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' || \
	  { echo "Front ends need Node 20.19 or newer: npm install --global node@22 brings one"; exit 1; }

clients/node_modules/.package-lock.json: clients/package-lock.json
	npm ci --prefix clients --no-audit --no-fund --loglevel=error
	@touch $@

test-clients: client-tools $(VENV)/.installed clients/node_modules/.package-lock.json $(SCHEMATHESIS)/.installed
	$(BIN)/python -m pytest tests/clients

# BENCH="--rounds 5 --publish", for instance; bench/README.md has the others.
bench: $(VENV)/.installed
	$(BIN)/python -m bench $(BENCH)

bench-readme: $(VENV)/.installed
	$(BIN)/python -m bench --readme

bench-large: $(VENV)/.installed
	$(BIN)/python -m bench.large $(BENCH)

# BENCH="--only strangers", for instance.
bench-live: $(VENV)/.installed
	$(BIN)/python -m bench.live $(BENCH)

abuse: $(VENV)/.installed
	$(BIN)/python -m abuse $(ABUSE)

# SOAK="--minutes 3", for instance.
soak: $(VENV)/.installed
	$(BIN)/python -m abuse.soak $(SOAK)

# So many requests for each database; GAZETTE_FUZZ_SEED makes the same ones again.
fuzz: $(VENV)/.installed
	GAZETTE_FUZZ=$${GAZETTE_FUZZ:-10000} GAZETTE_TEST_ONE_EXECUTOR=1 \
	  $(BIN)/python -m pytest -n 2 -o faulthandler_timeout=7200 tests/test_fuzz.py

schema: $(VENV)/.installed
	$(BIN)/gazette schema > schema.graphql

# Names, versions and hashes only: an address would tie the lock files to one package index. The second one is
# what the image has: the same versions, without what only development needs.
LOCK = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate \
  --python-version 3.11 pyproject.toml
lock:
	$(BIN)/python -m pip install --quiet uv
	$(LOCK) --group dev -o requirements.lock
	$(LOCK) --constraint requirements.lock -o requirements-runtime.lock

lock-clients: client-tools
	npm install --prefix clients --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund
	npm install --prefix $(READER) --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund

lock-schemathesis: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  --python-version 3.11 clients/schemathesis/requirements.in -o clients/schemathesis/requirements.lock

clean:
	rm -rf $(VENV) $(SCHEMATHESIS) clients/node_modules $(READER)/node_modules $(READER)/dist $(READER)/src/gql .mypy_cache .ruff_cache .pytest_cache .hypothesis
