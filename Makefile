# `make` or `make help` lists the targets. Each does the set-up that it needs; on a fresh Debian or Ubuntu machine with
# Swift, `make demo` and `make test` are enough.
SHELL := /bin/bash
SWIFT ?= swift
ROUNDS ?= 3
SEEDS ?= 10000
# Tests at once. Unlimited, hundreds of them start together, and servers and clients in one process starve each other.
WIDTH ?= 4
TEST = SWIFT="$(SWIFT)" scripts/test.sh
# With Swift's own libraries inside: a third of the time that the command needs to start, and nothing to install beside it.
# Without the forty thousand names of its own functions, which the loader would look through and nobody calls from outside.
RELEASE = $(SWIFT) build -c release --static-swift-stdlib --pkg-config-path .build/archives \
	-Xlinker --no-export-dynamic
# Tests that run many processes of the command at once. They come after the others, which they would starve.
HEAVY = "RaceTests|CrashLoopTests|ModelScenarioTests"

WORKFLOWS = .github/workflows/*.yml examples/*.yml

.DEFAULT_GOAL := help
.PHONY: help setup setup-localstack build build-release demo test test-action test-localstack simulate model lint format bench clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

setup: ## install system packages and the test servers (nothing to do the second time)
	@scripts/setup.sh

setup-localstack: setup ## install LocalStack (needs Python 3.13)
	@scripts/setup-localstack.sh

build: setup ## debug build
	$(SWIFT) build

build-release: setup ## release build: .build/release/holdfast, which needs neither Swift nor libraries but the system's
	@scripts/archives.sh .build/archives
	$(RELEASE) --product holdfast

demo: build ## the whole loop on a generated agent state: embedded store, then a real S3 server
	@scripts/demo.sh

test: test-action ## all tests, against four S3 servers that the run starts and stops itself
	$(SWIFT) build --build-tests
	$(TEST) $(WIDTH) --skip $(HEAVY)
	$(TEST) 2 --filter $(HEAVY)
	@echo "make test: passed"

test-action: setup ## the tests of the GitHub Action's own scripts
	node --test action/test/*.test.js

test-localstack: setup-localstack ## the same tests against LocalStack
	$(SWIFT) build --build-tests
	HOLDFAST_TEST_SERVERS=localstack $(TEST) $(WIDTH) --skip $(HEAVY)
	HOLDFAST_TEST_SERVERS=localstack $(TEST) 2 --filter $(HEAVY)
	@echo "make test-localstack: passed"

# A build of its own: what the tests share needs Swift's libraries beside it, and the release has them inside.
simulate: setup ## many seeds of the simulated store (SEEDS=10000, first seed SEED=1)
	$(SWIFT) build -c release --scratch-path .build/simulate --product simulate
	HOLDFAST_SIMULATION_SEEDS=$(SEEDS) HOLDFAST_SIMULATION_SEED=$(SEED) .build/simulate/release/simulate

model: SEEDS = 25
model: build ## random scenarios on several machines (SEEDS=25 or 1..200, SEED=7, STORES=file, REPLAY=FILE, FAULT=name, OLD=command)
	MODEL_SEEDS=$(SEEDS) MODEL_SEED=$(SEED) MODEL_STORES=$(STORES) MODEL_REPLAY=$(REPLAY) MODEL_FAULT=$(FAULT) MODEL_OLD_BINARY=$(OLD) .build/debug/model

lint: setup ## check format and house rules; changes nothing
	$(SWIFT) format lint --strict --parallel --recursive Package.swift Sources Tests
	@for script in .ci/run scripts/*.sh scripts/*/*.sh; do bash -n "$$script" || exit 1; done
	@.venv/bin/python -c 'import ast, sys; [ast.parse(open(name).read(), name) for name in sys.argv[1:]]' \
		scripts/*.py scripts/*/*.py bench/*.py reader/*.py
	@for script in action/*.js action/test/*.js; do node --check "$$script" || exit 1; done
	.venv/bin/actionlint $(WORKFLOWS)
	.venv/bin/zizmor --offline --no-progress --quiet action.yaml $(WORKFLOWS)
	@scripts/check-hygiene.sh
	@.venv/bin/python scripts/check-arrows-test.py --quiet
	@.venv/bin/python scripts/check-arrows.py

format: ## format the Swift sources in place
	$(SWIFT) format --in-place --parallel --recursive Package.swift Sources Tests

bench: build-release ## 10,000 files, and a database: seconds, CPU, memory, requests, bytes, beside others (ROUNDS=3)
	@scripts/setup.sh bench
	@.venv/bin/python bench/run.py --rounds $(ROUNDS); files=$$?; \
	.venv/bin/python bench/database.py --rounds $(ROUNDS); databases=$$?; \
	.venv/bin/python bench/merge.py --rounds $(ROUNDS); merges=$$?; \
	.venv/bin/python bench/cache.py --rounds $(ROUNDS) && exit $$((files | databases | merges))

clean: ## remove everything that was built or installed here
	rm -rf .build .venv .venv-localstack
