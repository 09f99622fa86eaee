# The program of the hard cases, with GLib for its thread pool.

CASES_SRC := $(addprefix selftests/e2e/,cases.c innocents.c slots.c)

$(OUT)/selftests/e2e/cases: $(CASES_SRC) selftests/e2e/innocents.h selftests/e2e/slots.h
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D); $(CC) -O2 -g $(WARN) -D_GNU_SOURCE $(CASES_SRC) -o $@ $$($(PKG_CONFIG) --cflags --libs glib-2.0) -lpthread

$(OUT)/selftests/e2e/test_cases: $(OUT)/selftests/e2e/cases
VM_FILES += $(OUT)/selftests/e2e/cases
