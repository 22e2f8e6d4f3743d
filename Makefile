# SPDX-License-Identifier: Apache-2.0
# Short rules; what takes more than a line or two is a script under scripts/.
BPF_DIR := src/bascule/dataplane/xdp/bpf
BPF_OBJECTS := $(patsubst %.bpf.c,%.bpf.o,$(wildcard $(BPF_DIR)/*.bpf.c))
BPF_HEADERS := $(wildcard $(BPF_DIR)/*.h)
CLANG ?= clang-19
BPF_CFLAGS := -O2 -g -Wall -Wextra -Werror -target bpf -mcpu=v3 -I/usr/include/$(shell uname -m)-linux-gnu

.PHONY: bpf
bpf: $(BPF_OBJECTS)

# The object carries the hash of its sources in .rodata; a test compares.
%.bpf.o: %.bpf.c $(BPF_HEADERS)
	$(CLANG) $(BPF_CFLAGS) -DSOURCE_HASH=0x$$(cat $(sort $< $(BPF_HEADERS)) | sha256sum | cut -c1-16)ULL -c $< -o $@
