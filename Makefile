# `make` alone says what there is. Every target is idempotent and sets up what it needs.
PYTHON_RUN = .venv/bin/python -m
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Every worker of a playbook would compile the collection's plugins anew; kept out of the source tree.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/build/pycache

.PHONY: help setup demo test test-full lint lab-up lab-down audit bench

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: ## make .venv with the pinned tools
	@tools/setup.sh

demo: setup ## bring a small fleet up, configure it, watch it serve
	@$(PYTHON_RUN) tools.demo

test: setup ## run every test; PART=unit,molecule-nginx runs only these parts
	@$(PYTHON_RUN) tools.test --part "$(PART)"

test-full: setup ## run every test, those that take long, and the demo
	@$(PYTHON_RUN) tools.test --full --part "$(PART)"

lint: setup ## run the linters
	@$(PYTHON_RUN) tools.test --part lint

lab-up: setup ## start the container engine if need be, build the images, bring the lab up
	@$(PYTHON_RUN) tools.lab engine start
	@$(PYTHON_RUN) tools.lab up --inventory inventories/lab

lab-down: setup ## remove all that the lab made; stop the engine if this project started it
	@$(PYTHON_RUN) tools.lab down
	@$(PYTHON_RUN) tools.lab engine stop

audit: setup ## look at this machine, change nothing; REPORT=build/audit compares it with the hardening catalogue, too
	@ansible-playbook evenkeel.ops.audit --inventory localhost, --connection local $(if $(REPORT),-e evenkeel_audit_report=$(REPORT))

bench: lab-up ## measure what second runs cost, write docs/benchmarks.md
	@$(PYTHON_RUN) tools.bench
