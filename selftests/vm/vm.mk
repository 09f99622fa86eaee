# Tests in a machine of their own (QEMU, without KVM), with Debian's kernels. Other fragments say what runs in it:
#
#   VM_KMOD_TESTS   programs that load and unload the module themselves
#   VM_E2E_TESTS    programs that run twice: in direct mode, and with the module loaded
#   VM_DEVICE_TESTS programs that run with the module loaded
#   VM_FILES        what these need beside themselves
#
# All are paths below the top directory; programs run from there, as selftests/run runs them, through `sh -c`, as root, and
# print TAP. POOLWATCH_MODE is kmod, direct or device. In the machine are busybox, the users root, alice and bob (in the
# group poolwatch) and carol (not), and the shared libraries of all programs.
#help test-vm   the tests that need a kernel, in QEMU; KERNEL=linux-image-... takes any other Debian kernel package

VM := $(OUT)/vm
VM_RELEASE := $(notdir $(patsubst %/build,%,$(KDIR)))

VM_OWN := $(OUT)/selftests/vm
VM_DEVICE_TESTS += $(VM_OWN)/test_users
# Loads the module, as those of the module do, but is about the tool: not for the debug kernels.
VM_SWITCH_TESTS := $(VM_OWN)/test_same
VM_FILES += $(VM_OWN)/pair
VM_PROGRAMS = $(sort $(OUT)/poolwatch $(VM_KMOD_TESTS) $(VM_SWITCH_TESTS) $(VM_E2E_TESTS) $(VM_DEVICE_TESTS) $(VM_FILES))
VM_MODULES := poolwatch.ko poolwatch-nobtf.ko

$(VM)/init: selftests/vm/init.c
	$(call msg,CC,$<)
	$(Q)mkdir -p $(VM); $(CC) -std=gnu11 -O1 -Wall -Wextra -Werror -D_GNU_SOURCE -static $< -o $@

VM_LIST = $(foreach t,$(VM_KMOD_TESTS) $(VM_SWITCH_TESTS),"kmod $t") $(foreach t,$(VM_E2E_TESTS),"direct $t") \
	$(foreach t,$(VM_DEVICE_TESTS) $(VM_E2E_TESTS),"device $t")

$(VM_OWN)/pair: selftests/vm/pair.c
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D); $(CC) -std=gnu11 -O1 -g -Wall -Wextra -Werror -D_GNU_SOURCE $< -o $@ -lpthread

$(VM_OWN)/test_%: selftests/vm/test_%.c $(OUT)/kselftest/kselftest_harness.h $(OUT)/libpoolwatch.a
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D); $(CC) $(TEST_CFLAGS) $< $(OUT)/libpoolwatch.a $(PW_LIBS) -o $@

$(VM_OWN)/test_same: selftests/vm/test_same.c selftests/kmod/device.c selftests/kmod/device.h selftests/e2e/e2e.c selftests/e2e/e2e_json.c \
		selftests/e2e/e2e.h $(KMOD_TEST)/driver.skel.h $(OUT)/kselftest/kselftest_harness.h $(OUT)/libpoolwatch.a $(OUT)/selftests/e2e/workload_own
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D); $(CC) $(TEST_CFLAGS) -I$(KMOD_TEST) -iquote selftests/kmod -iquote selftests/e2e $(filter %.c,$^) $(OUT)/libpoolwatch.a \
		$(PW_LIBS) -o $@

$(VM)/tests: FORCE
	$(Q)mkdir -p $(VM); printf '%s\n' $(VM_LIST) | cmp -s - $@ || printf '%s\n' $(VM_LIST) >$@

$(VM)/initramfs: selftests/vm/initramfs $(VM)/init $(VM)/tests $(VM_PROGRAMS)
	$(call msg,CPIO,$@)
	$(Q)selftests/vm/initramfs $@ $(VM)/init $(VM)/tests $(VM_PROGRAMS)

# $(1): directory with the modules; laid over the root file system, so that one of these serves all kernels.
define vm_modules
d=$$(mktemp -d) && chmod 755 $$d && mkdir -p $$d/repo/$(KMOD_DIR) && for m in $(VM_MODULES); do objcopy --strip-debug $(1)/$$m $$d/repo/$(KMOD_DIR)/$$m; done && \
(cd $$d && find . | cpio -o -H newc --quiet -R 0:0) | gzip -1 >$(2) && rm -rf $$d
endef

$(VM)/modules: $(addprefix $(KMOD_DIR)/,$(VM_MODULES))
	$(call msg,CPIO,$@)
	$(Q)$(call vm_modules,$(KMOD_DIR),$@)

$(VM)/$(VM_RELEASE)/vmlinuz:
	$(call msg,KERNEL,linux-image-$(VM_RELEASE))
	$(Q)selftests/vm/kernel linux-image-$(VM_RELEASE) $(@D)

# Debian 12's, which has no functions for uprobe programs: direct mode only.
$(VM)/6.1/vmlinuz:
	$(call msg,KERNEL,6.1)
	$(Q)p=$$(selftests/vm/kernel newest 6.1.0) && selftests/vm/kernel "$$p" $(@D)

# A test program is a file without arguments: this one knows its own.
define vm_program
$(Q)mkdir -p $(@D); printf '%s\n' '#!/bin/sh' 'exec selftests/vm/run $(1)' >$@; chmod +x $@
endef

# A machine for each mode: selftests/run has a time limit for one program.
VM_MODES := kmod direct device

$(VM_MODES:%=$(VM_OWN)/vm-6.12-%): $(VM_OWN)/vm-6.12-%: $(VM)/$(VM_RELEASE)/vmlinuz $(VM)/initramfs $(VM)/modules selftests/vm/run
	$(call vm_program,$(@F) $(VM)/$(VM_RELEASE)/vmlinuz $* $(VM)/initramfs $(VM)/modules)

$(VM_OWN)/vm-6.1: $(VM)/6.1/vmlinuz $(VM)/initramfs selftests/vm/run
	$(call vm_program,$(@F) $(VM)/6.1/vmlinuz direct $(VM)/initramfs)

VM_TESTS := $(VM_MODES:%=$(VM_OWN)/vm-6.12-%) $(VM_OWN)/vm-6.1
TESTS += $(VM_TESTS)

# --- another kernel: its module is built in a directory of its own, by this same make

ifneq ($(KERNEL),)
VM_OTHER := $(VM)/$(subst :,_,$(KERNEL))

$(VM_OTHER)/vmlinuz:
	$(call msg,KERNEL,$(KERNEL))
	$(Q)selftests/vm/kernel $(KERNEL) $(VM_OTHER) headers

$(VM_OTHER)/modules: $(VM_OTHER)/vmlinuz $(KMOD_FILES)
	$(Q)$(MAKE) KERNEL= KDIR=$(abspath $(VM_OTHER)/build) KMOD_DIR=$(VM_OTHER)/kmod $(addprefix $(VM_OTHER)/kmod/,$(VM_MODULES))
	$(Q)$(call vm_modules,$(VM_OTHER)/kmod,$@)

$(VM_MODES:%=$(VM_OWN)/vm-other-%): $(VM_OWN)/vm-other-%: FORCE $(VM_OTHER)/vmlinuz $(VM)/initramfs $(VM_OTHER)/modules
	$(call vm_program,$(@F) $(VM_OTHER)/vmlinuz $* $(VM)/initramfs $(VM_OTHER)/modules)

VM_TESTS := $(VM_MODES:%=$(VM_OWN)/vm-other-%)
endif

test-vm: $(VM_TESTS)
	$(Q)selftests/run $(VM_TESTS)

.PHONY: test-vm
