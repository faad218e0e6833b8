# Touchstone. `make quickstart` and `make test` do all the set-up they need.

SWIFT ?= swift
RELEASE := $(SWIFT) build -c release --product touchstone && $(SWIFT) build -c release --product touchstone-confine
TOUCHSTONE := .build/release/touchstone

.PHONY: help quickstart build runs server test kill-test lint format docs tiny-model dependencies clean

help:
	@echo "make quickstart   build, and train the bundled tiny model with GRPO for a few minutes"
	@echo "make build        build the command line tool: $(TOUCHSTONE)"
	@echo "make runs         build what 'touchstone runs' needs to list and compare runs"
	@echo "make server       build the web server that 'touchstone serve' starts (some minutes more)"
	@echo "make test         lint, build and run all tests"
	@echo "make kill-test    kill and resume a small run 100 times, and at each of its file operations"
	@echo "make format       lay out the sources"
	@echo "make docs         write docs/recipe-keys.md from the recipe's own definitions"
	@echo "make tiny-model   train the tiny model again from nothing, into a run folder (about 20 minutes)"

dependencies:
	@.ci/install-dependencies

build: dependencies
	$(RELEASE)

runs: build
	$(SWIFT) build -c release --product touchstone-runs

server: build
	$(SWIFT) build -c release --product touchstone-server

QUESTION := {"messages":[{"role":"user","content":"What is 57 + 38 - 46?"}]}

quickstart: build
	@set -e; \
	run=$$($(TOUCHSTONE) train Recipes/quickstart.yaml --run-dir Checkpoints/quickstart-$$(date +%Y%m%d-%H%M%S)); \
	echo; echo "The same question to the base and to the trained adapter, three samples each:"; \
	echo "--- base";    echo '$(QUESTION)' | $(TOUCHSTONE) generate Checkpoints/tiny-qwen3 --precision fp32 \
	    --samples 3 --seed 1 --max-new-tokens 64 --quiet | sed 's/.*"text":\("[^"]*"\).*/\1/'; \
	echo "--- adapter"; echo '$(QUESTION)' | $(TOUCHSTONE) generate Checkpoints/tiny-qwen3 --precision fp32 \
	    --adapter $$run/adapter --samples 3 --seed 1 --max-new-tokens 64 --quiet | sed 's/.*"text":\("[^"]*"\).*/\1/'; \
	echo; echo "What to do next:"; \
	echo "  look at the run        open $$run/report.html in a browser; metrics.jsonl, completions.jsonl"; \
	echo "  talk to the adapter    $(TOUCHSTONE) chat Checkpoints/tiny-qwen3 --adapter $$run/adapter"; \
	echo "  change the recipe      $(TOUCHSTONE) train Recipes/quickstart.yaml --set rollout.temperature=0.8"; \
	echo "  train a real model     see Recipes/qwen2.5-coder-0.5b-arithmetic.yaml"

test: dependencies lint
	@.ci/run-tests

kill-test: dependencies
	TOUCHSTONE_KILLS=100 $(SWIFT) test --disable-xctest --filter KillTests

lint:
	$(SWIFT) format lint --recursive --strict Sources Tests Package.swift

format:
	$(SWIFT) format --in-place --recursive Sources Tests Package.swift

docs: build
	$(TOUCHSTONE) recipe-keys > docs/recipe-keys.md

tiny-model: build
	$(TOUCHSTONE) train Recipes/tiny-qwen3.yaml --run-dir Checkpoints/tiny-qwen3-$$(date +%Y%m%d-%H%M%S)

clean:
	rm -rf .build
