# SPDX-License-Identifier: GPL-2.0
# poolwatch: `make help` lists what there is. Fragments beside the code (*/*.mk) add their own targets and tests.

VERSION := 1.0.0
OUT := .output
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
DESTDIR ?=

CC ?= gcc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config

ifeq ($(V),1)
Q :=
msg :=
else
Q := @
msg = @printf '  %-8s %s\n' "$(1)" "$(2)";
MAKEFLAGS += --no-print-directory
endif

.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

PKGS := libbpf libdw libelf capstone ncursesw inih libsystemd libmicrohttpd zlib
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-missing-field-initializers
CFLAGS ?= -O2 -g
PW_CFLAGS = -std=gnu11 $(WARN) -D_GNU_SOURCE -DPOOLWATCH_VERSION='"$(VERSION)"' -DPOOLWATCH_PREFIX='"$(PREFIX)"' \
	-DPOOLWATCH_SYSCONFDIR='"$(SYSCONFDIR)"' -I$(OUT) -iquote user -Ikmod/uapi $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
PW_LIBS = $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null) -liberty -lm -lpthread
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

# Everything under user/ but main.c and the commands is a library, so that tests link what the tool runs.
USER_SRC := $(wildcard user/*.c)
LIB_SRC := $(filter-out user/main.c $(wildcard user/cmd_*.c),$(USER_SRC))
TOOL_SRC := $(filter-out $(LIB_SRC),$(USER_SRC))
BPF_SRC := $(wildcard bpf/*.bpf.c)
PRESETS := $(wildcard user/presets/*.pool)

GENERATED := $(if $(BPF_SRC),$(OUT)/poolwatch.skel.h) $(OUT)/presets.inc
TESTS :=
CLEAN :=

all: $(OUT)/poolwatch

include $(wildcard bpf/*.mk user/*.mk kmod/*.mk selftests/*/*.mk)

help:
	@echo 'all       the tool, $(OUT)/poolwatch (and what fragments add, see below)'
	@echo 'deps      install what building and testing needs (Debian 12 and 13, as root)'
	@echo 'demo      the main job on a real program: under a minute'
	@echo 'test      all tests; ends in "N passed, N failed, N skipped"'
	@echo 'check     style and static checks: sparse, checkpatch, house rules'
	@echo 'install   to DESTDIR, PREFIX ($(PREFIX)), SYSCONFDIR ($(SYSCONFDIR))'
	@echo 'clean     remove $(OUT)'
	@sed -n 's/^#help //p' $(MAKEFILE_LIST)
	@echo 'V=1 shows the commands.'

deps:
	$(Q).ci/deps

$(OUT)/obj/user $(OUT)/san/user $(OUT)/obj/bpf:
	$(Q)mkdir -p $@

# What a compile depends on beside its sources: rebuilt when a flag changes.
# Everything is compiled after it, so what is missing is said here, once.
$(OUT)/flags: FORCE
	$(Q)for t in $(firstword $(CC)) $(firstword $(CLANG)) $(firstword $(BPFTOOL)) $(PKG_CONFIG) scdoc; do \
		command -v $$t >/dev/null || { echo "make: no $$t: 'make deps', as root, installs what is needed" >&2; exit 1; }; done; \
	$(PKG_CONFIG) --exists --print-errors 'libbpf >= 1.4' $(PKGS) || { echo "make: 'make deps', as root, installs what is needed" >&2; exit 1; }
	$(Q)mkdir -p $(OUT); printf '%s\n' '$(CC) $(CFLAGS) $(PW_CFLAGS)' | cmp -s - $@ || printf '%s\n' '$(CC) $(CFLAGS) $(PW_CFLAGS)' >$@
FORCE:

# --- bpf

$(OUT)/vmlinux.h:
	$(call msg,VMLINUX,$@)
	$(Q)mkdir -p $(OUT); h=$$(ls /usr/include/*/linux/bpf/vmlinux.h 2>/dev/null | head -1); \
	if [ -n "$$h" ]; then cp "$$h" $@; else $(BPFTOOL) btf dump file /sys/kernel/btf/vmlinux format c >$@; fi

BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter -D__TARGET_ARCH_x86 -I$(OUT) -Ikmod/uapi -I/usr/include
$(OUT)/obj/bpf/%.bpf.o: bpf/%.bpf.c $(OUT)/vmlinux.h $(wildcard bpf/*.h kmod/uapi/linux/*.h) | $(OUT)/obj/bpf
	$(call msg,BPF,$<)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(OUT)/poolwatch.bpf.o: $(patsubst bpf/%.bpf.c,$(OUT)/obj/bpf/%.bpf.o,$(BPF_SRC))
	$(call msg,GEN,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(OUT)/poolwatch.skel.h: $(OUT)/poolwatch.bpf.o
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name poolwatch_bpf >$@

# --- user

# The presets, as one array of {name, text}: the tool carries them, so that one file copied to a machine works there.
$(OUT)/presets.inc: $(PRESETS) Makefile
	$(call msg,GEN,$@)
	$(Q)mkdir -p $(OUT); for f in $(PRESETS); do n=$$(basename $$f .pool); printf '{ "%s", "' "$$n"; \
		sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/\t/\\t/g' -e 's/$$/\\n"/' -e 's/^/"/' $$f | sed '1s/^"//'; echo '},'; done >$@

$(OUT)/obj/user/%.o: user/%.c $(OUT)/flags $(GENERATED) | $(OUT)/obj/user
	$(call msg,CC,$<)
	$(Q)$(CC) $(CFLAGS) $(PW_CFLAGS) -MMD -MP -c $< -o $@

$(OUT)/san/user/%.o: user/%.c $(OUT)/flags $(GENERATED) | $(OUT)/san/user
	$(call msg,CC,$< (asan ubsan))
	$(Q)$(CC) -O1 -g $(SAN) $(PW_CFLAGS) -MMD -MP -c $< -o $@

$(OUT)/libpoolwatch.a: $(LIB_SRC:user/%.c=$(OUT)/obj/user/%.o)
	$(call msg,AR,$@)
	$(Q)rm -f $@; $(AR) rcs $@ $^

$(OUT)/libpoolwatch-san.a: $(LIB_SRC:user/%.c=$(OUT)/san/user/%.o)
	$(call msg,AR,$@)
	$(Q)rm -f $@; $(AR) rcs $@ $^

$(OUT)/poolwatch: $(TOOL_SRC:user/%.c=$(OUT)/obj/user/%.o) $(OUT)/libpoolwatch.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(PW_LIBS) -o $@

-include $(wildcard $(OUT)/obj/user/*.d $(OUT)/san/user/*.d)

# --- tests: each of $(TESTS) is a program that prints TAP

test: $(OUT)/tests-ready
	$(Q)selftests/run $(TESTS)

# Set-up first, in a make of its own: what is missing is installed before anything is built.
$(OUT)/tests-ready: FORCE
	$(Q).ci/deps
	$(Q)$(MAKE) all $(TESTS)
	$(Q)touch $@

clean:
	$(call msg,CLEAN,$(OUT))
	$(Q)rm -rf $(OUT) $(CLEAN)

.PHONY: all help deps demo test check install clean bench fuzz FORCE
