# What watching costs; see bench. Needs root, and bpftrace and bpfcc-tools for the comparison.
#help bench     what a pair of acquire and release costs: bare, floor, poolwatch, bpftrace, bcc; BENCH='--kinds plain --rounds 3'
BENCH_DIR := $(OUT)/selftests/bench

$(BENCH_DIR)/load: selftests/bench/load.c
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D); $(CC) -O2 -g -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare -D_GNU_SOURCE \
		$$($(PKG_CONFIG) --cflags apr-1 apr-util-1) $< $$($(PKG_CONFIG) --libs apr-util-1 apr-1) -lpthread -o $@

$(BENCH_DIR)/floor.bpf.o: selftests/bench/floor.bpf.c
	$(call msg,BPF,$@)
	$(Q)mkdir -p $(@D); $(CLANG) -target bpf -O2 -g -Wall -Werror -I/usr/include/$(shell $(CC) -dumpmachine) -c $< -o $@

$(BENCH_DIR)/floor: selftests/bench/floor.c
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D); $(CC) -O2 -g -std=gnu11 -Wall -Wextra -Werror $< $$($(PKG_CONFIG) --libs libbpf) -o $@

bench: all $(BENCH_DIR)/load $(BENCH_DIR)/floor $(BENCH_DIR)/floor.bpf.o
	$(Q).ci/deps bench
	$(Q)selftests/bench/bench --out $(OUT) $(BENCH)
