// SPDX-License-Identifier: GPL-2.0
/* The device's ABI check. What needs the device itself is in selftests/kmod/test_source.c. */
#include <errno.h>
#include <string.h>
#include "kselftest_harness.h"
#include "dev.h"

static int check(uint32_t theirs_major, uint32_t theirs_minor, struct dev_why *why)
{
	struct poolwatch_info info = { .abi_major = theirs_major, .abi_minor = theirs_minor };

	strcpy(why->line, "untouched");
	return dev__check_abi(&info, 3, 5, why);
}

TEST(same_or_later_minor_of_the_same_major)
{
	struct dev_why why;

	EXPECT_EQ(check(3, 5, &why), 0);
	EXPECT_STREQ(why.line, "untouched");
	EXPECT_EQ(check(3, 6, &why), 0);
	EXPECT_EQ(check(3, ~0u, &why), 0);
}

TEST(any_other_is_refused_and_both_are_named)
{
	static const uint32_t other[][2] = { { 2, 5 }, { 4, 5 }, { 3, 4 }, { 0, 0 }, { ~0u, ~0u } };
	struct dev_why why;
	char both[64];

	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		EXPECT_EQ(check(other[i][0], other[i][1], &why), -EPROTO);
		snprintf(both, sizeof(both), "ABI %u.%u, this program ABI 3.5:", other[i][0], other[i][1]);
		EXPECT_NE(strstr(why.line, both), NULL);
	}
}

TEST_HARNESS_MAIN
