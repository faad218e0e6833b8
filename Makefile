# Touchstone. `make quickstart` and `make test` do all the set-up they need.

SWIFT ?= swift
RELEASE := $(SWIFT) build -c release --product touchstone
TOUCHSTONE := .build/release/touchstone

.PHONY: help quickstart build test lint format docs tiny-model dependencies clean

help:
	@echo "make quickstart   build, and train the bundled tiny model with GRPO for a few minutes"
	@echo "make build        build the command line tool: $(TOUCHSTONE)"
	@echo "make test         lint, build and run all tests"
	@echo "make format       lay out the sources"
	@echo "make docs         write the recipe reference and, where DocC is there, the API documentation"
	@echo "make tiny-model   train Checkpoints/tiny-qwen3 again from nothing (about a quarter of an hour)"

dependencies:
	@.ci/install-dependencies

build: dependencies
	$(RELEASE)

quickstart: build
	@scripts/quickstart $(TOUCHSTONE)

test: dependencies lint
	@.ci/run-tests

lint:
	$(SWIFT) format lint --recursive --strict Sources Tests Package.swift

format:
	$(SWIFT) format --in-place --recursive Sources Tests Package.swift

docs: build
	$(TOUCHSTONE) recipe-reference > docs/recipe.md

tiny-model: build
	$(TOUCHSTONE) train Recipes/tiny-qwen3.yaml --run-dir Checkpoints/tiny-qwen3-run

clean:
	rm -rf .build
