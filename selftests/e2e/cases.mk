# The program of the hard cases, with GLib for its thread pool.

CASES_SRC := $(addprefix selftests/e2e/,cases.c innocents.c permits.c slots.c stage.c)
CASES_TESTS := $(patsubst %,$(OUT)/selftests/e2e/test_%,cases cases_waits pid_reuse)

$(OUT)/selftests/e2e/cases: $(CASES_SRC) $(wildcard selftests/e2e/*.h)
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D); $(CC) -O2 -g $(WARN) -D_GNU_SOURCE $(CASES_SRC) -o $@ $$($(PKG_CONFIG) --cflags --libs glib-2.0) -lpthread

$(CASES_TESTS): $(OUT)/selftests/e2e/cases selftests/e2e/cases_watch.h
VM_FILES += $(OUT)/selftests/e2e/cases
