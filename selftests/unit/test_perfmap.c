// SPDX-License-Identifier: GPL-2.0
/* Perf maps: what JIT compilers write, and what they should not. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "perfmap.h"
#include "kselftest_harness.h"

FIXTURE(perfmap)
{
	struct perfmap *map;
};

FIXTURE_SETUP(perfmap)
{
	self->map = NULL;
}

FIXTURE_TEARDOWN(perfmap)
{
	perfmap__free(self->map);
}

#define PARSE(text) ASSERT_EQ(0, perfmap__parse(text, sizeof(text) - 1, &self->map))

#define EXPECT_AT(addr, want, at)                                                                                      \
	do {                                                                                                           \
		const char *name;                                                                                      \
		uint64_t offset;                                                                                       \
		size_t len;                                                                                            \
		ASSERT_EQ(0, perfmap__find(self->map, addr, &name, &len, &offset));                                    \
		EXPECT_EQ(strlen(want), len);                                                                          \
		EXPECT_EQ(0, memcmp(want, name, strlen(want)));                                                        \
		EXPECT_EQ((uint64_t)(at), offset);                                                                     \
	} while (0)

#define EXPECT_NOTHING(addr)                                                                                           \
	do {                                                                                                           \
		const char *name;                                                                                      \
		uint64_t offset;                                                                                       \
		size_t len;                                                                                            \
		EXPECT_EQ(-ENOENT, perfmap__find(self->map, addr, &name, &len, &offset));                              \
	} while (0)

TEST_F(perfmap, finds)
{
	PARSE("7f0000001000 20 LazyCompile:*fetch /srv/app.js:12\n7f0000000000 100 Interpreter\n0x7f0000002000 0x8 x");
	EXPECT_AT(0x7f0000001000, "LazyCompile:*fetch /srv/app.js:12", 0);
	EXPECT_AT(0x7f000000101f, "LazyCompile:*fetch /srv/app.js:12", 0x1f);
	EXPECT_NOTHING(0x7f0000001020);
	EXPECT_AT(0x7f00000000ff, "Interpreter", 0xff);
	EXPECT_AT(0x7f0000002007, "x", 7);
	EXPECT_NOTHING(0);
	EXPECT_NOTHING(~0ull);
}

/* Memory is used again: what was written last is what is there. */
TEST_F(perfmap, younger_replaces_older)
{
	PARSE("1000 100 old\n1080 100 new\n2000 10 a\n2000 10 b\n3000 100 big\n3010 10 inside\n4010 10 small\n4000 100 over\n");
	EXPECT_AT(0x107f, "old", 0x7f);
	EXPECT_AT(0x1080, "new", 0);
	EXPECT_AT(0x117f, "new", 0xff);
	EXPECT_AT(0x2008, "b", 8);
	EXPECT_AT(0x300f, "big", 0xf);
	EXPECT_AT(0x3010, "inside", 0);
	EXPECT_NOTHING(0x3020);
	EXPECT_AT(0x4010, "over", 0x10);
	EXPECT_AT(0x40ff, "over", 0xff);
}

TEST_F(perfmap, passes_over_what_is_no_entry)
{
	PARSE("\n \n1000\n1000 \n1000 10\n1000 10 \n1000 0 empty\nxyz 10 a\n1000 zz b\n-1 10 c\n11112222333344445 10 d\n"
	      "ffffffffffffffff 10 wraps\n2000 10 good\n1000 10\tname\n");
	EXPECT_NOTHING(0x1000);
	EXPECT_NOTHING(0xffffffffffffffff);
	EXPECT_AT(0x2000, "good", 0);
}

TEST_F(perfmap, bounds)
{
	char line[PERFMAP_MAX_NAME + 100];
	const char *name;
	uint64_t offset;
	size_t len;

	memset(line, 'n', sizeof(line));
	memcpy(line, "1000 10 ", 8);
	ASSERT_EQ(0, perfmap__parse(line, sizeof(line), &self->map));
	ASSERT_EQ(0, perfmap__find(self->map, 0x1000, &name, &len, &offset));
	EXPECT_EQ(PERFMAP_MAX_NAME, len);
	EXPECT_LE(sizeof(line), perfmap__bytes(self->map));
}

TEST_F(perfmap, empty)
{
	PARSE("");
	EXPECT_NOTHING(0);
}

TEST_HARNESS_MAIN
