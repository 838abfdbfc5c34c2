# stigmer-apis: turns apis/ into the Python package, and proves that it did so faithfully.
# `make help` lists what there is to do. Everything is set up on the way, inside this folder,
# but for the Temporal server.

PYTHON ?= python3
# The git revision that `make breaking` compares with; the last release if empty.
AGAINST ?=
# How `make lint` prints what the schema rules find: text, json or github-actions.
ERROR_FORMAT ?= text
# How long `make fuzz` runs, the seed of its inputs, and a saved input to read again instead.
SECONDS ?= 240
SEED ?= 0
REPLAY ?=
# More arguments for pytest, such as `make test PYTEST_ARGS='-k token'`.
PYTEST_ARGS ?=

# Caches and downloads of the tools stay here too.
export BUF_CACHE_DIR ?= $(CURDIR)/build/cache/buf
export PIP_CACHE_DIR ?= $(CURDIR)/build/cache/pip
export PYRIGHT_PYTHON_CACHE_DIR ?= $(CURDIR)/build/cache/pyright
export UV_CACHE_DIR ?= $(CURDIR)/build/cache/uv
export UV_PYTHON_INSTALL_DIR ?= $(CURDIR)/build/cache/python
# pip trusts what the machine trusts, and so shall uv.
export UV_SYSTEM_CERTS ?= 1
export PYTHONDONTWRITEBYTECODE = 1

UV := build/bootstrap/bin/uv --quiet
CODEGEN := .venv-codegen/bin
VENV := .venv/bin
BUF := $(CODEGEN)/buf
PIN := $(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-header

# The Temporal server of `make handshake`: the CLI, built from the Go module proxy once and kept for
# every clone.
TEMPORAL_VERSION := 1.5.1
TEMPORAL_HOME := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/stigmer-apis/temporal-$(TEMPORAL_VERSION)
export TEMPORAL_CLI ?= $(TEMPORAL_HOME)/temporal

MATRIX := $(patsubst requirements/matrix/%.txt,%,$(wildcard requirements/matrix/*.txt))
# Rooms of tests that need more than the wheel and its dependencies.
BESIDES_THE_WHEEL := apis codegen mutation properties schema_rules
NEIGHBOURS := $(patsubst requirements/neighbours/%.txt,%,$(wildcard requirements/neighbours/*.txt))
PINNED := $(patsubst requirements/%.in,%,$(wildcard requirements/matrix/*.in requirements/neighbours/*.in requirements/runtimes/*.in))

.DEFAULT_GOAL := protos
.DELETE_ON_ERROR:
.PRECIOUS: build/matrix/%/.installed build/neighbours/%/.installed
# The steps of a target are in order.
.NOTPARALLEL:
.PHONY: help protos deps compile format-check format lint breaking generate test matrix check mutation bench dist release pins clean fixtures interop fuzz runtimes neighbours temporal handshake example-handshake

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name what; \
	  do printf '  make %-14s %s\n' "$$name" "$$what"; done

protos: lint breaking generate ## Check the contract and generate the package (the default)

deps: .venv/.installed .venv-codegen/.installed ## Set up the tools in this folder

compile: deps ## Check that the contract compiles
	@$(BUF) build || { echo 'compile: mend what is named above' >&2; exit 1; }

# After compiling: buf would "format" a broken declaration into another one.
format-check: compile ## Check how the .proto files are formatted
	@$(BUF) format --diff --exit-code || \
	  { echo 'format: the files above differ from how buf formats them; run `make format`' >&2; exit 1; }

format: compile ## Format the .proto files and our own Python
	$(BUF) format --write
	$(VENV)/ruff format
	$(VENV)/ruff check --fix

lint: format-check ## Check the contract against the rules in buf.yaml and schema_rules/
	@$(BUF) lint || \
	  { echo 'lint: mend the findings above; a new name gets no exception in buf.yaml' >&2; exit 1; }
	@$(CODEGEN)/python -m schema_rules --error-format $(ERROR_FORMAT)
	@echo 'lint: no findings'

breaking: deps ## Compare the contract with the last release, or with AGAINST=<git revision>
	@$(CODEGEN)/python -m schema_rules.breaking $(if $(AGAINST),--against='$(AGAINST)')

generate: deps ## Generate the package from the contract, if it is not up to date
	@$(CODEGEN)/python -m codegen

fixtures: generate ## Write the fixtures of the contract as it is, releases/HEAD
	@$(VENV)/python -m tests.wire.release_fixtures

test: deps ## Run the tests on the newest release of every dependency
	$(VENV)/python -m pytest -n auto --dist worksteal $(PYTEST_ARGS)

# As many environments at once as there are processors; each prints when it is done.
matrix: $(MATRIX:%=build/matrix/%/.installed) ## Run the tests of the built wheel on every range of dependencies
	@printf '%s\n' $(MATRIX) | xargs -P "$$(getconf _NPROCESSORS_ONLN)" -I '{}' sh -c \
	  '$(MAKE) --no-print-directory -o dist matrix-{} > build/matrix/{}.log 2>&1; code=$$?; cat build/matrix/{}.log; exit $$code'

matrix-%: build/matrix/%/.installed
	@echo 'matrix: $*'
	build/matrix/$*/bin/python -m pytest $(BESIDES_THE_WHEEL:%=--ignore tests/%) -m 'not toolchain' $(PYTEST_ARGS)

interop: deps ## Exchange messages with libraries of other languages, whose toolchains it needs
	$(VENV)/python -m pytest tests/interop $(PYTEST_ARGS)

runtimes: deps dist ## Run the wheel on every protobuf runtime and write docs/runtimes.md
	$(VENV)/python -m tests.runtimes build/dist/*.whl

# Of no other target: `make test` has no packages of others, and `make interop` is for toolchains.
neighbours: $(NEIGHBOURS:%=neighbours-%) ## Run the wheel beside packages that ship protobuf code

neighbours-%: build/neighbours/%/.installed
	@echo 'neighbours: $*'
	build/neighbours/$*/bin/python -m pytest -n 2 tests/neighbours $(PYTEST_ARGS)

temporal: $(TEMPORAL_CLI) ## Build the Temporal server once, outside this folder; needs Go

handshake: deps temporal ## Run the callback-token handshake on a real Temporal server
	$(VENV)/python -m pytest -p no:xdist tests/handshake $(PYTEST_ARGS)

example-handshake: deps temporal ## Show the callback-token handshake, step by step
	$(VENV)/python examples/handshake/run.py

check: deps ## Check our own Python: format, lint, types
	$(VENV)/ruff format --check
	$(VENV)/ruff check
	$(VENV)/mypy
	$(VENV)/pyright

mutation: deps ## Score the gates: change the contract in every way that they must stop (long)
	$(CODEGEN)/python -m tests.mutation --report $(MUTATION_ARGS)

bench: deps ## Measure import times beside bare google.protobuf and grpc, redaction beside str()
	$(VENV)/python benchmarks/imports.py
	$(VENV)/python benchmarks/redaction.py

# On both implementations of the newest protobuf, and of the oldest with the built wheel.
fuzz: deps build/matrix/lowest/.installed ## Fuzz the readers for SECONDS with SEED, or read REPLAY=<file> again
	$(VENV)/python -m tests.fuzz.fuzz_run \
	  --python $(VENV)/python --python build/matrix/lowest/bin/python \
	  $(if $(REPLAY),--replay '$(REPLAY)',--seconds $(SECONDS) --seed $(SEED))
	$(if $(REPLAY),,HYPOTHESIS_PROFILE=long $(VENV)/python -m pytest -q -n auto --hypothesis-seed=$(SEED) tests/properties)

dist: deps generate ## Build the sdist and the wheel into build/dist
	rm -rf build/dist
	$(CODEGEN)/python -m hatchling build -d build/dist

release: protos fixtures ## Keep the image and the fixtures of the version in __init__.py as a release, once and for all
	@$(CODEGEN)/python -m schema_rules.releases

pins: build/bootstrap/.installed ## Pin what requirements/*.in name, with hashes
	$(PIN) --no-deps -o requirements/codegen.txt requirements/codegen.in
	set -e; for file in bootstrap $(PINNED) dev; do $(PIN) --upgrade -o requirements/$$file.txt requirements/$$file.in; done

clean: ## Remove everything that make has set up or built
	rm -rf build .venv .venv-codegen

build/bootstrap/.installed: requirements/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
	  'make: Python 3.11 or newer is needed, and $(PYTHON) is missing or older; name one with make PYTHON=python3.12' >&2; exit 1; }
	$(PYTHON) -m venv --clear build/bootstrap
	build/bootstrap/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/.installed: requirements/dev.txt pyproject.toml build/bootstrap/.installed
	$(UV) venv --clear --python $(PYTHON) .venv
	$(UV) pip sync --python .venv --require-hashes $<
	$(UV) pip install --python .venv --no-deps --no-build-isolation --editable .
	@touch $@

# The generator is as old as its gencode, and has wheels for these two versions of Python only.
.venv-codegen/.installed: requirements/codegen.txt build/bootstrap/.installed
	$(UV) venv --clear --python '>=3.11,<3.13' .venv-codegen
	$(UV) pip install --python .venv-codegen --no-deps --require-hashes -r $<
	@touch $@

$(TEMPORAL_HOME)/temporal:
	@command -v go >/dev/null || { echo \
	  'make: Go builds the Temporal server and is missing; install it, or name a CLI with TEMPORAL_CLI=' >&2; exit 1; }
	@echo 'temporal: building $(TEMPORAL_VERSION), which takes minutes'
	GOBIN='$(TEMPORAL_HOME)/.building' CGO_ENABLED=0 go install github.com/temporalio/cli/cmd/temporal@v$(TEMPORAL_VERSION)
	@mv '$(TEMPORAL_HOME)/.building/temporal' '$@' && rmdir '$(TEMPORAL_HOME)/.building'

build/matrix/%/.installed: requirements/matrix/%.txt dist
	$(install-wheel)

build/neighbours/%/.installed: requirements/neighbours/%.txt dist
	$(install-wheel)

# An environment with what the first prerequisite pins, and the wheel.
define install-wheel
$(UV) venv --clear --python $(PYTHON) $(@D)
$(UV) pip sync --python $(@D) --require-hashes $<
$(UV) pip install --python $(@D) --no-deps build/dist/*.whl
@touch $@
endef
