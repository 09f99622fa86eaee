# Tests that drive a full-screen program through a pseudo-terminal and compare the cells.
TERM_TESTS := $(patsubst selftests/term/%.c,$(OUT)/selftests/term/%,$(wildcard selftests/term/test_*.c))
TESTS += $(TERM_TESTS)

$(OUT)/selftests/term/%: selftests/term/%.c $(OUT)/kselftest/kselftest_harness.h $(OUT)/libpoolwatch-san.a $(wildcard selftests/term/*.h selftests/unit/*.h)
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D); $(CC) $(TEST_CFLAGS) -iquote selftests/unit $(SAN) $< $(OUT)/libpoolwatch-san.a $(PW_LIBS) -o $@
