# The tool on real processes, from the command line to the finding. As root, on the running kernel; in a machine of their own, too.
# Workloads are compiled once for each kind of pool, with the real libraries.

E2E := $(OUT)/selftests/e2e
E2E_TESTS := $(patsubst selftests/e2e/%.c,$(E2E)/%,$(wildcard selftests/e2e/test_*.c))
E2E_WORKLOADS := $(E2E)/workload_own $(E2E)/workload_sem $(E2E)/workload_apr $(E2E)/workload_mongoc
TESTS += $(E2E_TESTS)

# In the machine: some in both modes, and what else asks for the device of all that direct mode is asked for on the machine itself.
VM_E2E_TESTS += $(addprefix $(E2E)/test_,holds libraries)
VM_DEVICE_TESTS += $(addprefix $(E2E)/test_,stacks attach life errors views top)
VM_FILES += $(E2E_WORKLOADS)

E2E_PKG_apr := apr-util-1 apr-1
E2E_PKG_mongoc := libmongoc-1.0

$(E2E)/workload_%: selftests/e2e/workload.c selftests/e2e/pool.h
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D); $(CC) -O2 -g $(WARN) -D_GNU_SOURCE -DPOOL_$(shell echo $* | tr a-z A-Z) $< -o $@ \
		$(if $(E2E_PKG_$*),$$($(PKG_CONFIG) --cflags --libs $(E2E_PKG_$*))) -lpthread

# Code that is hard to tell of: optimised, with its debug file apart; stripped; C++. An id of its own tells where the debug file goes.
E2E_NEST := $(E2E)/nest $(E2E)/nest_split $(E2E)/nest_split.debug $(E2E)/nest_stripped $(E2E)/nest_cxx $(E2E)/nest_library.so $(E2E)/hide
E2E_NEST_ID := 6e657374706f6f6c77617463682d6f66662d6b31
E2E_HARD := -O2 -g -fomit-frame-pointer -Wall -Wextra -Werror
VM_FILES += $(E2E_NEST)

$(E2E)/nest: selftests/e2e/nest.c
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D); $(CC) $(E2E_HARD) -D_GNU_SOURCE -Wl,--build-id=0x$(E2E_NEST_ID) \
		-Wl,--export-dynamic-symbol=take_slot,--export-dynamic-symbol=put_slot $< -o $@ -lpthread

$(E2E)/nest_split.debug: $(E2E)/nest
	$(call msg,TARGET,$@)
	$(Q)objcopy --only-keep-debug $< $@

# Of its symbols, only the two that are exported are left; open_session is in the debug file.
$(E2E)/nest_split: $(E2E)/nest
	$(call msg,TARGET,$@)
	$(Q)objcopy --strip-all $< $@

$(E2E)/nest_stripped: $(E2E)/nest_split
	$(call msg,TARGET,$@)
	$(Q)objcopy --remove-section=.note.gnu.build-id $< $@

$(E2E)/nest_library.so: selftests/e2e/nest_library.c
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D); $(CC) $(E2E_HARD) -shared -fPIC $< -o $@

$(E2E)/nest_cxx: selftests/e2e/nest_cxx.cc
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D); $(CXX) $(E2E_HARD) $< -o $@

$(E2E)/loop $(E2E)/handles: $(E2E)/%: selftests/e2e/%.c
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D); $(CC) -O2 -g -Wall -Wextra -Werror $< -o $@

$(E2E)/test_loop: $(E2E)/loop
$(E2E)/test_handles: $(E2E)/handles

# Ways to one acquire that only the stack tells apart.
$(E2E)/paths: selftests/e2e/paths.c
	$(call msg,TARGET,$@)
	$(Q)mkdir -p $(@D); $(CC) $(E2E_HARD) -D_GNU_SOURCE $< -o $@ -lpthread

$(E2E)/test_paths: $(E2E)/paths

$(E2E)/hide: selftests/e2e/hide.c
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D); $(CC) -O2 -g -D_GNU_SOURCE -Wall -Wextra -Werror $< -o $@

$(E2E)/test_stacks: TEST_CFLAGS += -DNEST_ID='"$(E2E_NEST_ID)"'
$(E2E)/test_stacks: $(E2E_NEST)

$(E2E)/test_%: selftests/e2e/test_%.c selftests/e2e/e2e.c selftests/e2e/e2e_json.c selftests/e2e/e2e.h \
		$(OUT)/kselftest/kselftest_harness.h $(OUT)/poolwatch $(E2E_WORKLOADS)
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D); $(CC) $(TEST_CFLAGS) -Iselftests/e2e $< selftests/e2e/e2e.c selftests/e2e/e2e_json.c -o $@

# One that steps a watch itself.
$(E2E)/test_pace: selftests/e2e/test_pace.c selftests/e2e/e2e.c selftests/e2e/e2e_json.c selftests/e2e/e2e.h $(OUT)/libpoolwatch.a \
		$(OUT)/kselftest/kselftest_harness.h $(E2E_WORKLOADS)
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D); $(CC) $(TEST_CFLAGS) -Iselftests/e2e $(filter %.c,$^) $(OUT)/libpoolwatch.a $(PW_LIBS) -o $@
