# The module's tests on kernels with checkers: not part of `make test`, for the time it takes (hours).
#help test-debug  the module under KASAN, UBSAN, lockdep, kmemleak and KCSAN; builds two kernels the first time

DEBUG_CYCLES ?= 1000
DEBUG_EVENTS ?= 2000
DEBUG_CALLS ?= 5000000
DEBUG_KERNELS ?= debug kcsan
# In this order: lockdep, and with it rcu's check, sleeps after its own first report and after any of KASAN's.
DEBUG_CHECKERS_debug := ubsan,sleep,leak,rcu,lockdep,kasan
DEBUG_CHECKERS_kcsan := race,sleep,rcu,lockdep
DEBUG_PROGRAMS = $(VM_KMOD_TESTS) $(KMOD_TEST)/debug_reports

$(KMOD_TEST)/debug_reports: selftests/kmod/debug_reports.c $(OUT)/kselftest/kselftest_harness.h
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D); $(CC) $(TEST_CFLAGS) $< -o $@

# The reports are looked at when all else has run.
$(VM)/debug-tests: FORCE
	$(Q)mkdir -p $(VM); printf 'kmod %s\n' $(DEBUG_PROGRAMS) >$@

$(VM)/debug-initramfs: selftests/vm/initramfs $(VM)/init $(VM)/debug-tests $(DEBUG_PROGRAMS)
	$(call msg,CPIO,$@)
	$(Q)selftests/vm/initramfs $@ $(VM)/init $(VM)/debug-tests $(DEBUG_PROGRAMS)

$(DEBUG_KERNELS:%=$(VM)/%/vmlinuz): $(VM)/%/vmlinuz: selftests/vm/poolwatch-%.config selftests/vm/debug.config selftests/vm/debug-kernel
	$(call msg,KERNEL,$* (this takes its time))
	$(Q).ci/deps build kmod test debug
	$(Q)selftests/vm/debug-kernel $< $(@D)

# The modules and the canary; anew for a kernel that was built anew, whose structures may be others. Their debug information stays here, in kmod/ and canary/, to read reports with: the machine would only
# copy it, a megabyte at each load.
$(DEBUG_KERNELS:%=$(VM)/%/modules): $(VM)/%/modules: $(VM)/%/vmlinuz $(KMOD_FILES) $(wildcard selftests/kmod/canary/*)
	$(Q)[ $(VM)/$*/kmod/poolwatch.ko -nt $< ] || rm -rf $(VM)/$*/kmod
	$(Q)$(MAKE) -s VM_RELEASE=none KDIR=$(abspath $(VM)/$*/build) KMOD_DIR=$(VM)/$*/kmod $(addprefix $(VM)/$*/kmod/,$(VM_MODULES))
	$(Q)rm -rf $(VM)/$*/canary; cp -r selftests/kmod/canary $(VM)/$*/canary
	$(Q)$(MAKE) -s -C $(VM)/$*/build M=$(abspath $(VM)/$*/canary) modules
	$(Q)rm -rf $(VM)/$*/tree; mkdir -p $(VM)/$*/tree/repo/$(KMOD_DIR) $(VM)/$*/tree/repo/$(KMOD_TEST)/canary; chmod 755 $(VM)/$*/tree; \
		for m in $(VM_MODULES); do objcopy --strip-debug $(VM)/$*/kmod/$$m $(VM)/$*/tree/repo/$(KMOD_DIR)/$$m || exit 1; done; \
		objcopy --strip-debug $(VM)/$*/canary/canary.ko $(VM)/$*/tree/repo/$(KMOD_TEST)/canary/canary.ko && \
		(cd $(VM)/$*/tree && find . | cpio -o -H newc --quiet -R 0:0) | gzip -1 >$@

# No panic at the first report: all of them are wanted, and the canaries are meant. Grace periods are as short as they can be: what is
# freed is gone sooner, and a cycle of loading and removing, which mostly waits for them, takes less.
DEBUG_SHORT := rcupdate.rcu_expedited=1 rcupdate.rcu_tasks_trace_lazy_ms=0
$(DEBUG_KERNELS:%=$(OUT)/selftests/vm/vm-%): $(OUT)/selftests/vm/vm-%: $(VM)/%/vmlinuz $(VM)/debug-initramfs $(VM)/%/modules selftests/vm/run
	$(Q)mkdir -p $(@D); printf '%s\n' '#!/bin/sh' \
		'export VM_PANIC=" " VM_LIMIT=28800 VM_TEST_LIMIT=14400 VM_MEMORY=2G' \
		'export VM_APPEND="kasan_multi_shot log_buf_len=4M $(DEBUG_SHORT) POOLWATCH_CYCLES=$(DEBUG_CYCLES) POOLWATCH_EVENTS=$(DEBUG_EVENTS) POOLWATCH_FUZZ_CALLS=$(DEBUG_CALLS) POOLWATCH_CHECKERS=$(DEBUG_CHECKERS_$*)"' \
		'exec selftests/vm/run vm-$* $(VM)/$*/vmlinuz kmod $(VM)/debug-initramfs $(VM)/$*/modules' >$@; chmod +x $@

test-debug: $(DEBUG_KERNELS:%=$(OUT)/selftests/vm/vm-%)
	$(Q)TEST_TIMEOUT=30000 selftests/run $^

.PHONY: test-debug
