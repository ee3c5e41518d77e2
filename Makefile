# Everything starts here: each target sets up what it needs. Python 3.11 or newer and make are enough.

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --constraint constraints.txt

SCENARIO ?= small_team
MINUTES ?= 3
SEED ?= 1
EPISODES ?= 64
OUT ?= runs/$(SCENARIO)
BUNDLE := $(OUT)/bundle
PACKAGE := __init__.py agents envs fastsim trained
EVOLVE := $(BIN)/tidegate evolve
VARIANTS := --variants 7 --sets 10 --episodes 4
FAMILIES := small_team mid_lab three_providers pretrain_blocker colossus1_gcp colossus1_gcp_planning colossus1_gcp_faithful_planning
# Who teaches the generalist where.
PUPILS := small_team=small_team mid_lab=mid_lab three_providers=mid_lab pretrain_blocker=mid_lab colossus1_gcp=colossus1_gcp \
	colossus1_gcp_planning=runs/teachers/colossus1_gcp_planning colossus1_gcp_faithful=runs/teachers/colossus1_gcp_faithful \
	colossus1_gcp_faithful_planning=runs/teachers/colossus1_gcp_faithful_planning
DISTIL := $(BIN)/tidegate distil $(PUPILS) --start mid_lab --variants 80
# Scenarios, and on how many episodes their policies are chosen.
CHOICES := small_team:512 spot_only_burst:256 mid_lab:128 launch_week:64 undercommitted:128 overcommitted:128 \
	pretrain_blocker:128 rapid_prototyping:128 three_providers:128 strategic_reserve:64 recall_notice:8 \
	colossus1_gcp:128 colossus1_gcp_five_years:32 colossus1_gcp_planning:128 colossus1_gcp_faithful:64 \
	colossus1_gcp_faithful_planning:128 ramp_slip:128 power_cut:64
RULES = $(if $(wildcard envs/scenarios/$(SCENARIO).tuned.json),best-tuned) cost-greedy first-fit committed-only burst-only

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help venv run fresh train export evaluate policies seeds choices decide test soak lint format types imports check bench mutants clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

venv: $(STAMP)  ## make .venv and install Tidegate in it, with all that its tests need

# PyTorch goes first, so that nothing else decides its build. The build comes from pip's own index settings:
# on Linux the default may be the CUDA one, of several GB (CONTRIBUTING.md says how to get the CPU one).
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "make: PYTHON, $(PYTHON), is absent or older than 3.11, name a newer one: make PYTHON=python3.12" >&2; exit 2; }
	@echo "Setting up $(VENV), once; this takes a few minutes"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) setuptools torch
	@$(PIP) --no-build-isolation --editable '.[dev]'
	@touch $@

run: fresh train export evaluate decide  ## train for three minutes, export, compare with the rules, decide one job

# Only a folder that holds a training run of this name goes; one that OUT names stays, and training then refuses it.
fresh:
	@test ! -f runs/$(notdir $(SCENARIO))/settings.json || rm -rf runs/$(notdir $(SCENARIO))

train: $(STAMP)  ## learn a policy for SCENARIO, in MINUTES
	$(BIN)/tidegate train $(SCENARIO) --minutes $(MINUTES) --seed $(SEED) --out $(OUT)

export: $(STAMP)  ## make a bundle of the trained policy
	$(BIN)/tidegate export $(OUT) --out $(BUNDLE)

evaluate: $(STAMP)  ## compare the bundle with the rules on EPISODES held-out episodes
	$(BIN)/tidegate evaluate $(SCENARIO) $(RULES:%=--policy %) --policy $(BUNDLE) --episodes $(EPISODES) --seed $(SEED)

# One after the other: each begins with what an earlier one came to, and one that has ended is not made again.
policies: $(STAMP)  ## learn the policies that ship anew, into runs/: hours
	$(EVOLVE) mid_lab small_team --episodes 16 --generations 50 --out runs/first
	$(EVOLVE) $(FAMILIES) --start runs/first --step 0.2 $(VARIANTS) --generations 40 --out runs/wide
	$(EVOLVE) $(FAMILIES) --start runs/first+runs/wide --step 0.12 --seed 2 --waits 0.5 $(VARIANTS) --generations 30 --out runs/variants
	$(EVOLVE) mid_lab --start runs/variants --step 0.15 --generations 20 --out runs/teachers/mid_lab
	$(EVOLVE) small_team --start runs/variants --step 0.2 --generations 20 --episodes 64 --out runs/teachers/small_team
	$(EVOLVE) colossus1_gcp --start runs/variants --step 0.15 --episodes 16 --out runs/teachers/colossus1_gcp
	$(EVOLVE) colossus1_gcp_planning --episodes 64 --generations 30 --out runs/teachers/colossus1_gcp_planning
	$(EVOLVE) colossus1_gcp_faithful_planning --episodes 64 --generations 24 --out runs/teachers/colossus1_gcp_faithful_planning
	$(EVOLVE) colossus1_gcp_faithful --start colossus1_gcp --step 0.15 --generations 16 --episodes 8 --out runs/teachers/colossus1_gcp_faithful
	test -e runs/generalist || $(DISTIL) --seed 2 --out runs/generalist

# Of mid_lab seed 1 ships, of the generalist seed 2.
seeds: $(STAMP)  ## learn mid_lab's policy and the generalist with five seeds, into runs/seeds/: two hours
	@for seed in 1 2 3 4 5; do \
	  $(EVOLVE) mid_lab --start runs/variants --step 0.15 --generations 20 --seed $$seed --out runs/seeds/mid_lab/$$seed && \
	  { test -e runs/seeds/generalist/$$seed || $(DISTIL) --seed $$seed --out runs/seeds/generalist/$$seed; } || exit; \
	  for run in runs/seeds/mid_lab/$$seed runs/seeds/generalist/$$seed; do \
	    test -e $$run/bundle || $(BIN)/tidegate export $$run --out $$run/bundle || exit; \
	  done; \
	done

choices: $(STAMP)  ## choose anew which policy each scenario gets: an hour
	@for one in $(CHOICES); do $(BIN)/tidegate choose $${one%:*} --episodes $${one#*:} --seed 1 || exit; done

decide: $(STAMP)  ## let the bundle place one job
	$(BIN)/tidegate decide $(BUNDLE) --scenario $(SCENARIO)

# Which tests stay together in one worker: tests/conftest.py.
test: $(STAMP)  ## run the tests
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup --max-worker-restart 0

soak: $(STAMP)  ## run the tests with the figures of a soak: hours
	TIDEGATE_DIFFERENTIAL_EVENTS=20000000 TIDEGATE_SWARM_EVENTS=400000000 TIDEGATE_PHYSICS_JOBS=9 \
		$(BIN)/pytest -n $(WORKERS) --dist loadgroup --max-worker-restart 0 -m "soak or not soak"
	NUMBA_BOUNDSCHECK=1 $(BIN)/pytest -n $(WORKERS) --dist loadgroup --max-worker-restart 0

lint: $(STAMP)  ## check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMP)  ## put the sources in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(STAMP) build/package/tidegate  ## check types
	$(BIN)/pyright --pythonpath $(BIN)/python

# Pyright does not follow an editable installation; it follows these links.
build/package/tidegate:
	@mkdir -p $@
	@ln -sf $(PACKAGE:%=../../../%) $@

imports: $(STAMP)  ## check that imports run downhill
	$(BIN)/lint-imports

check: lint types imports test  ## all of the above

bench: $(STAMP)  ## run the benchmarks, one after the other
	@for file in benchmarks/*.py; do echo "$$file"; $(BIN)/python "$$file" || exit; done

mutants: $(STAMP)  ## plant mistakes in a copy of the kernel, one at a time, and see whether the tests see them
	$(BIN)/python -m tests.mutation

clean:  ## remove what was made here, runs/ excepted
	rm -rf $(VENV) build dist tidegate.egg-info .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
