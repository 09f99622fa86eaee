# kselftests of the module. They load and unload it, so they run in the machine of selftests/vm, never here.

KMOD_TEST := $(OUT)/selftests/kmod
KMOD_TESTS := $(patsubst selftests/kmod/%.c,$(KMOD_TEST)/%,$(wildcard selftests/kmod/test_*.c))
VM_KMOD_TESTS += $(KMOD_TESTS)

$(KMOD_TEST)/driver.skel.h: selftests/kmod/driver.bpf.c selftests/kmod/driver.h kmod/uapi/linux/poolwatch.h $(OUT)/vmlinux.h
	$(call msg,BPF,$<)
	$(Q)mkdir -p $(@D); $(CLANG) $(BPF_CFLAGS) -c $< -o $(KMOD_TEST)/driver.bpf.o
	$(Q)$(BPFTOOL) gen object $(KMOD_TEST)/driver.o $(KMOD_TEST)/driver.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $(KMOD_TEST)/driver.o name driver_bpf >$@

$(KMOD_TEST)/%: selftests/kmod/%.c selftests/kmod/device.c selftests/kmod/device.h $(KMOD_TEST)/driver.skel.h \
		$(OUT)/kselftest/kselftest_harness.h $(OUT)/libpoolwatch.a
	$(call msg,TEST,$@)
	$(Q)$(CC) $(TEST_CFLAGS) -I$(KMOD_TEST) $< selftests/kmod/device.c $(OUT)/libpoolwatch.a $(PW_LIBS) -o $@
