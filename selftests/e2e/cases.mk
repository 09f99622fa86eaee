# The program of the hard cases, with GLib for its thread pool.

$(OUT)/selftests/e2e/cases: selftests/e2e/cases.c
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D); $(CC) -O2 -g $(WARN) -D_GNU_SOURCE $< -o $@ $$($(PKG_CONFIG) --cflags --libs glib-2.0) -lpthread

$(OUT)/selftests/e2e/test_cases: $(OUT)/selftests/e2e/cases
VM_FILES += $(OUT)/selftests/e2e/cases
