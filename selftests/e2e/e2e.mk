# The tool on real processes, from the command line to the finding. As root, on the running kernel; in a machine of their own, too.
# Workloads are compiled once for each kind of pool, with the real libraries.

E2E := $(OUT)/selftests/e2e
E2E_TESTS := $(patsubst selftests/e2e/%.c,$(E2E)/%,$(wildcard selftests/e2e/test_*.c))
E2E_WORKLOADS := $(E2E)/workload_own $(E2E)/workload_sem $(E2E)/workload_apr $(E2E)/workload_mongoc
TESTS += $(E2E_TESTS)
# Not what single-steps by the million: hours without KVM.
VM_E2E_TESTS += $(filter-out $(E2E)/test_safety,$(E2E_TESTS))
VM_FILES += $(E2E_WORKLOADS)

E2E_PKG_apr := apr-util-1 apr-1
E2E_PKG_mongoc := libmongoc-1.0

$(E2E)/workload_%: selftests/e2e/workload.c selftests/e2e/pool.h
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D); $(CC) -O2 -g $(WARN) -D_GNU_SOURCE -DPOOL_$(shell echo $* | tr a-z A-Z) $< -o $@ \
		$(if $(E2E_PKG_$*),$$($(PKG_CONFIG) --cflags --libs $(E2E_PKG_$*))) -lpthread

$(E2E)/test_%: selftests/e2e/test_%.c selftests/e2e/e2e.c selftests/e2e/e2e_json.c selftests/e2e/e2e.h \
		$(OUT)/kselftest/kselftest_harness.h $(OUT)/poolwatch $(E2E_WORKLOADS)
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D); $(CC) $(TEST_CFLAGS) -Iselftests/e2e $< selftests/e2e/e2e.c selftests/e2e/e2e_json.c -o $@
