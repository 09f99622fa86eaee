# The program of the hard cases, with GLib for its thread pool.

CASES_SRC := $(addprefix selftests/e2e/,cases.c innocents.c permits.c slots.c stage.c)
CASES_TESTS := $(patsubst %,$(OUT)/selftests/e2e/test_%,cases cases_waits pid_reuse)

$(OUT)/selftests/e2e/cases: $(CASES_SRC) $(wildcard selftests/e2e/*.h)
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D); $(CC) -O2 -g $(WARN) -D_GNU_SOURCE $(CASES_SRC) -o $@ $$($(PKG_CONFIG) --cflags --libs glib-2.0) -lpthread

$(OUT)/selftests/e2e/cases_reuse: $(OUT)/selftests/e2e/cases
	$(call msg,COPY,$@)
	$(Q)cp --remove-destination $< $@

$(OUT)/selftests/e2e/test_pid_reuse: $(OUT)/selftests/e2e/cases_reuse
$(CASES_TESTS): $(OUT)/selftests/e2e/cases selftests/e2e/cases_watch.h
VM_FILES += $(OUT)/selftests/e2e/cases

#help cases-load  the hard cases, CASES_RUNS (20) times, with all processors busy
CASES_RUNS ?= 20

cases-load: $(OUT)/poolwatch $(CASES_TESTS)
	$(Q)selftests/e2e/under_load $(CASES_RUNS) $(CASES_TESTS)

# `make test` does the same for a few seconds.
#help soak      a busy program that does nothing wrong, watched for SOAK_SECONDS (600): no finding
SOAK_SECONDS ?= 600

soak: $(OUT)/poolwatch $(OUT)/selftests/e2e/test_cases
	$(Q)CASES_SECONDS=$(SOAK_SECONDS) $(OUT)/selftests/e2e/test_cases -t nothing_wrong & pid=$$!; \
	CASES_SECONDS=$(SOAK_SECONDS) $(OUT)/selftests/e2e/test_cases -t nothing_wrong_with_semaphores; err=$$?; \
	wait $$pid && [ $$err = 0 ]

.PHONY: cases-load soak
