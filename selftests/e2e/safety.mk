# Programs that a careless probe breaks, and the test that probes them (as root).
SAFETY_DIR := $(OUT)/selftests/e2e
SAFETY := $(patsubst selftests/e2e/safety_%,$(SAFETY_DIR)/safety_%,$(basename $(wildcard selftests/e2e/safety_*.c selftests/e2e/safety_*.cc selftests/e2e/safety_*.go)))
TESTS += $(SAFETY_DIR)/test_safety

$(SAFETY_DIR)/safety_%: selftests/e2e/safety_%.c selftests/e2e/safety.h
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D); $(CC) -O2 -g -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE $< -lpthread -o $@

$(SAFETY_DIR)/safety_%: selftests/e2e/safety_%.cc selftests/e2e/safety.h
	$(call msg,CXX,$@)
	$(Q)mkdir -p $(@D); $(CXX) -O2 -g -std=gnu++17 -Wall -Wextra -Werror $< -lpthread -o $@

# Go needs a place for what it compiles of its own library; $(OUT) is one that `make clean` knows.
$(SAFETY_DIR)/safety_%: selftests/e2e/safety_%.go
	$(call msg,GO,$@)
	$(Q)mkdir -p $(@D); GOCACHE=$(abspath $(OUT))/go GO111MODULE=off GOTOOLCHAIN=local go build -o $@ $<

$(SAFETY_DIR)/test_safety: selftests/e2e/test_safety.c $(OUT)/kselftest/kselftest_harness.h $(OUT)/libpoolwatch.a $(SAFETY)
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D); $(CC) $(TEST_CFLAGS) -DSAFETY_DIR='"$(SAFETY_DIR)"' $< $(OUT)/libpoolwatch.a $(PW_LIBS) -o $@
