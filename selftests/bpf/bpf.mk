# The BPF object itself. Needs root; runs in the machines of their own, too, for their kernels' verifiers.

BPF_TEST := $(OUT)/selftests/bpf/test_verifier
TESTS += $(BPF_TEST)
VM_E2E_TESTS += $(BPF_TEST)
VM_FILES += $(OUT)/poolwatch.bpf.o

$(BPF_TEST): selftests/bpf/test_verifier.c $(OUT)/kselftest/kselftest_harness.h $(OUT)/poolwatch.bpf.o
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D); $(CC) $(TEST_CFLAGS) $< $$($(PKG_CONFIG) --libs libbpf) -o $@
