# Everything here sets itself up: a virtual environment in .venv, with the
# versions that constraints/pinned.txt names. `make help` lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
CONSTRAINTS ?= constraints/pinned.txt
BIN := $(VENV)/bin
WORKERS ?= 2
KERNELS := src/epochal/kernels/c
SOURCES := $(wildcard $(KERNELS)/*.[ch])
CC ?= cc
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

# The build of epochal itself reads the constraints from the environment.
export PIP_CONSTRAINT := $(CONSTRAINTS)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
INSTALL := $(BIN)/python -m pip install --quiet

.PHONY: help
help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---------------------------------------------------------------- for users

.PHONY: demo
demo: $(VENV)/core.stamp ## train on a real table (Adult), test on rows kept apart, save the model
	$(BIN)/epochal train examples/adult/adult-train.csv.gz --target income \
	  --test examples/adult/adult-test.csv.gz --out adult.epochal --random-state 0 \
	  --time-limit 25

.PHONY: test
test: $(VENV)/dev.stamp ## run the tests
	$(PYTEST)

# ---------------------------------------------------------------- for those who change it

.PHONY: check
check: style types imports house test ## run everything that a change must pass

.PHONY: style
style: $(VENV)/dev.stamp ## check the format and the style of every file
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

.PHONY: format
format: $(VENV)/dev.stamp ## format every file, and repair the style where that is safe
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: types
types: $(VENV)/dev.stamp ## check the types
	$(BIN)/mypy

.PHONY: imports
imports: $(VENV)/dev.stamp ## check that imports go downwards only
	$(BIN)/lint-imports --no-cache

.PHONY: house
house: $(VENV)/dev.stamp ## check the house rules
	$(BIN)/python tools/house_rules.py

.PHONY: test-long
test-long: $(VENV)/dev.stamp ## run the tests that take long
	$(PYTEST) -m long

# Of the driver only: the operations are called through their handlers, without Python and XLA.
DRIVER := -std=gnu11 -ffp-contract=off -Wall -Wextra -Dposix_memalign=fuzz_memalign -Dcalloc=fuzz_calloc -I$(KERNELS) \
  $(wildcard $(KERNELS)/*.c) tests/kernels/fuzz.c -pthread -lm
FUZZ := -O1 -g -DEPOCHAL_ROLLED $(DRIVER)
FAST := -O2 -fno-math-errno -fno-trapping-math $(DRIVER)
ROUNDS ?= 10
SEED ?= 1

.PHONY: sanitize
sanitize: ## run the C kernels under the sanitizers of addresses, undefined behaviour and threads
	mkdir -p build
	$(CC) -fsanitize=address,undefined -fno-sanitize-recover=all $(FUZZ) -o build/fuzz-address
	$(CC) -fsanitize=thread $(FUZZ) -o build/fuzz-thread
	for fuzz in build/fuzz-address build/fuzz-thread; do for kind in calls memory fork; do \
	  TSAN_OPTIONS=die_after_fork=0:halt_on_error=1 \
	    $$fuzz $$kind 3 3 $$( [ $$kind = fork ] && echo $(ROUNDS)0 || echo $(ROUNDS) ) $(SEED) || exit 1; \
	done; done

# A compiler for ARM, and how to run what it compiles; Debian: gcc-aarch64-linux-gnu and qemu-user-static.
ARM_CC ?= aarch64-linux-gnu-gcc
ARM_RUN ?= qemu-aarch64-static -L /usr/aarch64-linux-gnu

.PHONY: test-arm
test-arm: ## compile the C kernels for ARM, and compare their results with this machine's, bit by bit
	mkdir -p build
	CC=$(ARM_CC) $(PYTHON) tools/compile_kernels.py build/operations-arm.so
	$(ARM_CC) $(FAST) -o build/fuzz-arm
	$(CC) $(FAST) -o build/fuzz-here
	for kind in calls memory; do for run in build/fuzz-here "$(ARM_RUN) build/fuzz-arm"; do \
	  $$run $$kind 3 3 $(ROUNDS) $(SEED) || exit 1; done; done | tee build/bits.txt
	test $$(cut -d ' ' -f 3 build/bits.txt | sort -u | wc -l) = 1

# Of the fuzzing of loaders: formats (all, if none is named), inputs and minutes for each.
LOADER ?= model,checkpoint,csv,parquet,arrow,npy,npz,idx
RUNS ?= 1000000
MINUTES ?= 10

.PHONY: fuzz
fuzz: $(VENV)/dev.stamp ## fuzz the loaders, guided by coverage (LOADER=model,csv RUNS=100000 MINUTES=5)
	$(INSTALL) --editable '.[dev,fuzz]'
	$(BIN)/python tools/fuzz_loaders.py --loader $(LOADER) --runs $(RUNS) --minutes $(MINUTES)

.PHONY: test-lowest
test-lowest: ## run the tests with the lowest versions that pyproject.toml allows
	$(MAKE) test VENV=.venv-lowest CONSTRAINTS=constraints/lowest.txt

.PHONY: test-wheel
test-wheel: ## build the wheel, install it by itself, and run the tests on that
	rm -rf dist .venv-wheel
	$(PYTHON) -m venv .venv-wheel
	.venv-wheel/bin/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	.venv-wheel/bin/python -m pip install --quiet "$$(echo dist/epochal-*.whl)[dev]"
	.venv-wheel/bin/python -m pytest -n $(WORKERS) --dist worksteal tests

.PHONY: bench
bench: $(VENV)/dev.stamp ## time training against scikit-learn, at five shapes (OPTIONS=--write)
	$(BIN)/python benchmarks/training_speed.py $(OPTIONS)

.PHONY: bench-whole-fit
bench-whole-fit: $(VENV)/dev.stamp ## say where the time of a default fit goes (DATA=folder with manifest.json)
	@test -n "$(DATA)" || { echo "say which tables: make bench-whole-fit DATA=folder" >&2; exit 2; }
	$(BIN)/python benchmarks/whole_fit.py "$(DATA)" $(OPTIONS)

.PHONY: bench-predict
bench-predict: $(VENV)/dev.stamp ## time predictions beside boosted trees, if they are installed (OPTIONS=--write)
	$(BIN)/python benchmarks/prediction_speed.py $(OPTIONS)

.PHONY: bench-everyday
bench-everyday: $(VENV)/dev.stamp ## time small data, searches, start, prediction, how cost grows (OPTIONS=--write)
	$(BIN)/python benchmarks/everyday_speed.py $(OPTIONS)

.PHONY: bench-accuracy
bench-accuracy: $(VENV)/dev.stamp ## compare log-loss on real tables (DATA=folder with manifest.json)
	@test -n "$(DATA)" || { echo "say which tables: make bench-accuracy DATA=folder" >&2; exit 2; }
	$(BIN)/python benchmarks/accuracy.py "$(DATA)" $(OPTIONS)

.PHONY: bench-ablation
bench-ablation: $(VENV)/dev.stamp ## say what each step of the default recipe gives (DATA=folder)
	@test -n "$(DATA)" || { echo "say which tables: make bench-ablation DATA=folder" >&2; exit 2; }
	$(BIN)/python benchmarks/ablation.py "$(DATA)" $(OPTIONS)

.PHONY: bench-images
bench-images: $(VENV)/dev.stamp ## measure accuracy and time on images as arrays (DATA=folder with IDX files)
	@test -n "$(DATA)" || { echo "say where the files are: make bench-images DATA=folder" >&2; exit 2; }
	$(BIN)/python benchmarks/images.py "$(DATA)" $(OPTIONS)

.PHONY: bench-leave-tables-out
bench-leave-tables-out: $(VENV)/dev.stamp ## choose settings on half of the tables, judge on the other (DATA=folder)
	@test -n "$(DATA)" || { echo "say which tables: make bench-leave-tables-out DATA=folder" >&2; exit 2; }
	$(BIN)/python benchmarks/leave_tables_out.py "$(DATA)" $(OPTIONS)

.PHONY: bench-larger-than-memory
bench-larger-than-memory: $(VENV)/dev.stamp ## measure memory and speed on a table larger than a limit (FOLDER=folder for it)
	@test -n "$(FOLDER)" || { echo "say where the table may be: make bench-larger-than-memory FOLDER=folder" >&2; exit 2; }
	$(BIN)/python benchmarks/larger_than_memory.py "$(FOLDER)" $(OPTIONS)

.PHONY: bench-csv-pollution
bench-csv-pollution: $(VENV)/dev.stamp ## say how damaged CSV files are read (FOLDER=a copy of Pollock)
	@test -n "$(FOLDER)" || { echo "say where the files are: make bench-csv-pollution FOLDER=folder" >&2; exit 2; }
	$(BIN)/python benchmarks/csv_pollution.py "$(FOLDER)" $(OPTIONS)

.PHONY: pin
pin: ## renew constraints/pinned.txt with the newest versions
	rm -rf .venv-pin
	$(PYTHON) -m venv .venv-pin
	PIP_CONSTRAINT= .venv-pin/bin/python -m pip install --quiet hatchling editables '.[dev]'
	{ sed '/^[^#]/,$$d' constraints/pinned.txt; \
	  .venv-pin/bin/python -m pip freeze --exclude epochal; } > constraints/pinned.new
	mv constraints/pinned.new constraints/pinned.txt
	rm -rf .venv-pin

.PHONY: clean
clean: ## remove what make and the tools have built
	rm -rf .venv .venv-lowest .venv-wheel .venv-pin .cache .pytest_cache .mypy_cache .ruff_cache
	rm -rf .hypothesis .import_linter_cache build dist
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

# ---------------------------------------------------------------- set-up

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "epochal needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

INPUTS := pyproject.toml hatch_build.py tools/compile_kernels.py $(SOURCES) $(CONSTRAINTS)

$(VENV)/core.stamp: $(INPUTS) | $(VENV)/bin/python
	@echo "setting up $(VENV) (once; a minute or two)"
	$(INSTALL) --editable .
	@touch $@

# Installs epochal as well: both stamps at once, since each installation compiles the C files.
$(VENV)/dev.stamp: $(INPUTS) | $(VENV)/bin/python
	@echo "setting up $(VENV) (once; a minute or two)"
	$(INSTALL) --editable '.[dev]'
	@touch $(VENV)/core.stamp $@
