# Unwinding and naming, of programs built in all the ways that make it hard.

STACK_DIR := $(OUT)/selftests/stack
TESTS += $(STACK_DIR)/test_stack $(STACK_DIR)/test_hostile
STACK_HARD := -O2 -g -fomit-frame-pointer
STACK_STRIP := --strip-all -R .comment

# The debug file apart, by build-id and by link; then nothing at all.
STACK_TARGETS := plain split linked stripped static static_stripped frames debug_frame cxx

$(STACK_DIR):
	$(Q)mkdir -p $@

$(STACK_DIR)/plain: selftests/stack/stack_target.c | $(STACK_DIR)
	$(call msg,TARGET,$@)
	$(Q)$(CC) $(STACK_HARD) -Wl,--build-id=sha1 $< -o $@ -lpthread

$(STACK_DIR)/split: $(STACK_DIR)/plain
	$(call msg,TARGET,$@)
	$(Q)id=$$(readelf -n $< | sed -n 's/ *Build ID: //p'); d=$(STACK_DIR)/debug/.build-id/$$(echo $$id | cut -c1-2); mkdir -p $$d; \
		objcopy --only-keep-debug --compress-debug-sections $< $$d/$$(echo $$id | cut -c3-).debug; \
		objcopy $(STACK_STRIP) $< $@

$(STACK_DIR)/linked: selftests/stack/stack_target.c | $(STACK_DIR)
	$(call msg,TARGET,$@)
	$(Q)$(CC) $(STACK_HARD) -Wl,--build-id=none $< -o $@.full -lpthread; mkdir -p $(STACK_DIR)/.debug; \
		objcopy --only-keep-debug $@.full $(STACK_DIR)/.debug/linked.debug; \
		objcopy $(STACK_STRIP) --add-gnu-debuglink=$(STACK_DIR)/.debug/linked.debug $@.full $@

$(STACK_DIR)/stripped: selftests/stack/stack_target.c | $(STACK_DIR)
	$(call msg,TARGET,$@)
	$(Q)$(CC) $(STACK_HARD) -Wl,--build-id=none $< -o $@.full -lpthread; objcopy $(STACK_STRIP) $@.full $@

$(STACK_DIR)/static: selftests/stack/stack_target.c | $(STACK_DIR)
	$(call msg,TARGET,$@)
	$(Q)$(CC) $(STACK_HARD) -static $< -o $@ -lpthread

$(STACK_DIR)/static_stripped: $(STACK_DIR)/static
	$(call msg,TARGET,$@)
	$(Q)objcopy $(STACK_STRIP) $< $@

# No call frame information for its own code at all: frame pointers.
$(STACK_DIR)/frames: selftests/stack/stack_target.c | $(STACK_DIR)
	$(call msg,TARGET,$@)
	$(Q)$(CC) -O2 -fno-omit-frame-pointer -fno-asynchronous-unwind-tables -fno-unwind-tables $< -o $@ -lpthread

# It stands in .debug_frame only.
$(STACK_DIR)/debug_frame: selftests/stack/stack_target.c | $(STACK_DIR)
	$(call msg,TARGET,$@)
	$(Q)$(CC) $(STACK_HARD) -fno-asynchronous-unwind-tables -fno-unwind-tables $< -o $@ -lpthread

$(STACK_DIR)/cxx: selftests/stack/stack_cxx.cc | $(STACK_DIR)
	$(call msg,TARGET,$@)
	$(Q)$(CXX) $(STACK_HARD) $< -o $@

$(STACK_DIR)/test_%: selftests/stack/test_%.c selftests/stack/hostile.h selftests/stack/run.h $(OUT)/kselftest/kselftest_harness.h \
		$(OUT)/libpoolwatch-san.a $(STACK_TARGETS:%=$(STACK_DIR)/%) | $(STACK_DIR)
	$(call msg,TEST,$@)
	$(Q)$(CC) $(TEST_CFLAGS) $(SAN) -DSTACK_DIR='"$(STACK_DIR)"' $< $(OUT)/libpoolwatch-san.a $(PW_LIBS) -o $@

# What the fuzzer of binaries begins with.
$(STACK_DIR)/corpus/plain: $(STACK_DIR)/plain
	$(Q)mkdir -p $(@D); cp $< $@
$(OUT)/selftests/fuzz/replay_binary $(OUT)/selftests/fuzz/fuzz_binary: | $(STACK_DIR)/corpus/plain
