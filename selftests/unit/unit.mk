# Unit tests: no root, no kernel; the library is linked with the address and undefined-behaviour sanitizers.
# Each is a C program over the kernel's own kselftest_harness.h.

KSELFTEST := $(OUT)/kselftest
UNIT := $(patsubst selftests/unit/%.c,$(OUT)/selftests/unit/%,$(wildcard selftests/unit/test_*.c))
TESTS += $(UNIT)

# From Debian's kernel source package, the harness only.
$(KSELFTEST)/kselftest_harness.h:
	$(call msg,UNPACK,$@)
	$(Q)mkdir -p $(KSELFTEST); tar -xf $(firstword $(wildcard /usr/src/linux-source-6.*.tar.xz)) -C $(KSELFTEST) --strip-components=4 \
		--wildcards '*/tools/testing/selftests/kselftest.h' '*/tools/testing/selftests/kselftest_harness.h'
	$(Q)touch $@

TEST_CFLAGS = -O1 -g -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-field-initializers -Wno-sign-compare -Wno-clobbered -D_GNU_SOURCE -I$(KSELFTEST) -I$(OUT) -iquote user -Ikmod/uapi

$(OUT)/selftests/unit/%: selftests/unit/%.c $(KSELFTEST)/kselftest_harness.h $(OUT)/libpoolwatch-san.a $(wildcard selftests/unit/*.h)
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D); $(CC) $(TEST_CFLAGS) $(SAN) $< $(OUT)/libpoolwatch-san.a $(PW_LIBS) -o $@
