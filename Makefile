# SPDX-License-Identifier: Apache-2.0
# Short rules; what takes more than a line or two is a script under scripts/.
BPF_DIR := src/bascule/dataplane/xdp/bpf
BPF_OBJECTS := $(patsubst %.bpf.c,%.bpf.o,$(wildcard $(BPF_DIR)/*.bpf.c))
BPF_HEADERS := $(wildcard $(BPF_DIR)/*.h)
CLANG ?= clang-19
BPF_CFLAGS := -O2 -g -Wall -Wextra -Werror -target bpf -mcpu=v3 -I/usr/include/$(shell uname -m)-linux-gnu

.PHONY: help setup demo test check bench fuzz soak fresh-check docs lock wheel bpf clean

help: ## This list.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: ## Everything that the rest needs: Debian packages, .venv, BPF objects. As root.
	@scripts/setup

demo: setup ## The example system, whole, in network namespaces: two minutes (DEMO=--fast: short timers).
	@.venv/bin/bascule lab demo $(DEMO)

test: setup ## Every test (TESTS=tests/vrrp: those of one room).
	@scripts/test $(TESTS)

check: setup ## Linters, types, the gates on the project's shape, the twins' coverage.
	@scripts/check

bench: setup ## The data plane's cost a packet, beside the yardstick.
	@scripts/bench $(BENCH)

soak: setup ## A million simulated schedules of VRRP (SCHEDULES=N, START=the first seed).
	@SCHEDULES="$(SCHEDULES)" START="$(START)" .venv/bin/python -m tests.simulation.soak

fuzz: setup ## Texts, and VRRP packets, datagrams of planned switches and BFD that nobody would write: a minute each (FUZZ="--seconds 600").
	@.venv/bin/python -m tests.fuzz.fuzz $(FUZZ)
	@.venv/bin/python -m tests.fuzz.packets $(FUZZ)

fresh-check: ## `make test` and `make demo` in a new Debian 12 in a folder. As root.
	@scripts/fresh-check

docs: ## docs/reference/, anew from the code.
	@.venv/bin/python -m scripts.docs

lock: ## requirements.lock, anew from pyproject.toml.
	@scripts/lock

wheel: ## dist/, from the sources.
	@.cache/uv/bin/uv build --no-build-isolation --python .venv/bin/python

bpf: $(BPF_OBJECTS) ## The BPF objects, where a source has changed.

# The object carries the hash of its sources in .rodata; a test compares.
%.bpf.o: %.bpf.c $(BPF_HEADERS)
	$(CLANG) $(BPF_CFLAGS) -DSOURCE_HASH=0x$$(cat $(sort $< $(BPF_HEADERS)) | sha256sum | cut -c1-16)ULL -c $< -o $@.new && mv $@.new $@

clean: ## What the rules above have made, but for .cache.
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis $(BPF_OBJECTS)
