// SPDX-License-Identifier: GPL-2.0
/* What is read of Python's objects: from memory that a test lays out, sound or not. */
#include <kselftest_harness.h>
#include <errno.h>
#include "python.h"

static int read_own(void *ctx, uint64_t addr, void *buf, size_t len)
{
	const uint64_t *memory = ctx;

	/* Addresses are offsets into the test's memory of 4096 bytes. */
	if (addr > 4096 || len > 4096 - addr)
		return -EFAULT;
	memcpy(buf, (const uint8_t *)memory + addr, len);
	return 0;
}

FIXTURE(python) {
	uint64_t memory[512];
	struct python_mem mem;
	struct python py;
	char err[PYTHON_ERROR];
};
FIXTURE_SETUP(python)
{
	self->mem = (struct python_mem){ read_own, self->memory };
}
FIXTURE_TEARDOWN(python) {}

TEST_F(python, lines_of_a_location_table)
{
	/* CPython 3.11's own for: def f(x):\n    y = x + 1\n    return y\n, first line 10. */
	static const uint8_t table[] = { 0x80, 0x00, 0xd8, 0x08, 0x09, 0x88, 0x41, 0x89, 0x05, 0x80, 0x41, 0xd8, 0x0b, 0x0c, 0x80, 0x48 };

	EXPECT_EQ(10, python__table_line(table, sizeof(table), 10, 0));
	EXPECT_EQ(11, python__table_line(table, sizeof(table), 10, 1));
	EXPECT_EQ(11, python__table_line(table, sizeof(table), 10, 4));
	EXPECT_EQ(12, python__table_line(table, sizeof(table), 10, 6));
	EXPECT_EQ(0, python__table_line(table, sizeof(table), 10, 1000));
	/* Cut anywhere, it says a line or none, and reads nothing behind its end. */
	for (size_t n = 0; n < sizeof(table); n++)
		EXPECT_LE(python__table_line(table, n, 10, 1000), 12);
}

TEST_F(python, integers)
{
	int64_t v = 77;

	/* 3.11: a count of digits; later: the count times 8 and the sign. */
	self->memory[2] = 1, self->memory[3] = 42;
	EXPECT_EQ(0, python__int(&self->mem, 0, &v));
	EXPECT_EQ(42, v);
	self->memory[2] = (uint64_t)-1;
	EXPECT_EQ(0, python__int(&self->mem, 0, &v));
	EXPECT_EQ(-42, v);
	self->memory[2] = 8;
	EXPECT_EQ(0, python__int(&self->mem, 0, &v));
	EXPECT_EQ(42, v);
	self->memory[2] = 10;
	EXPECT_EQ(0, python__int(&self->mem, 0, &v));
	EXPECT_EQ(-42, v);
	self->memory[2] = 0;
	EXPECT_EQ(0, python__int(&self->mem, 0, &v));
	EXPECT_EQ(0, v);
	self->memory[2] = 16;
	EXPECT_EQ(-EINVAL, python__int(&self->mem, 0, &v));
	EXPECT_EQ(-EFAULT, python__int(&self->mem, 4090, &v));
	EXPECT_EQ(0, v);
}

TEST_F(python, strings)
{
	char buf[8] = "before";

	ASSERT_EQ(0, python__layout(&self->mem, 0, 0x030b02f0, &self->py, self->err));
	self->memory[2] = 5;		   /* characters */
	self->memory[4] = 1 << 2 | 1 << 5 | 1 << 6; /* a byte each, compact, ASCII */
	memcpy(&self->memory[6], "hello world", 11);
	EXPECT_EQ(0, python__str(&self->py, &self->mem, 0, buf, sizeof(buf)));
	EXPECT_STREQ("hello", buf);
	self->memory[2] = 11; /* longer than there is room for */
	EXPECT_EQ(0, python__str(&self->py, &self->mem, 0, buf, sizeof(buf)));
	EXPECT_STREQ("hello w", buf);
	self->memory[4] = 0; /* no string that is understood */
	EXPECT_EQ(-EINVAL, python__str(&self->py, &self->mem, 0, buf, sizeof(buf)));
	self->memory[2] = 1ull << 40;
	EXPECT_EQ(-EINVAL, python__str(&self->py, &self->mem, 0, buf, sizeof(buf)));
}

TEST_F(python, versions)
{
	EXPECT_EQ(0, python__layout(&self->mem, 0, 0x030c01f0, &self->py, self->err));
	EXPECT_EQ(-EOPNOTSUPP, python__layout(&self->mem, 0, 0x030a0df0, &self->py, self->err));
	EXPECT_STREQ("Python 3.10 is not supported: 3.11, 3.12 and 3.13 are", self->err);
	EXPECT_EQ(-EOPNOTSUPP, python__layout(&self->mem, 0, 0x030e00f0, &self->py, self->err));
	/* A release candidate may differ. */
	EXPECT_EQ(-EOPNOTSUPP, python__layout(&self->mem, 0, 0x030b00c1, &self->py, self->err));
}

TEST_F(python, a_runtime_that_describes_itself)
{
	/* Nothing there; then without the lock; then a layout of frames that the programs do not know. */
	EXPECT_EQ(-EOPNOTSUPP, python__layout(&self->mem, 0, 0x030d00f0, &self->py, self->err));
	memcpy(self->memory, "xdebugpy", 8);
	self->memory[1] = 0x030d00f0;
	self->memory[2] = 1;
	EXPECT_EQ(-EOPNOTSUPP, python__layout(&self->mem, 0, 0x030d00f0, &self->py, self->err));
	EXPECT_STREQ("this Python is built without the global interpreter lock, which is not supported", self->err);
	self->memory[2] = 0;
	EXPECT_EQ(-EOPNOTSUPP, python__layout(&self->mem, 0, 0x030d00f0, &self->py, self->err));
	EXPECT_STREQ("the frames of this Python have an unknown layout", self->err);
	self->memory[5] = 1 << 20;
	EXPECT_EQ(-EINVAL, python__layout(&self->mem, 0, 0x030d00f0, &self->py, self->err));
}

/* A table of methods at word @at, of a lock as 3.13 has it. Names lie at the end of the memory. */
#define NAMES 480
#define EXIT 0x1000
static size_t add_method(uint64_t *memory, size_t at, size_t name, uint64_t function, uint32_t flags)
{
	memory[at] = name * 8;
	memory[at + 1] = function;
	memory[at + 2] = flags | 0xdead00000000ull; /* the other half is not its own */
	return at + 4;
}

static void lay_out_lock(uint64_t *memory, size_t at)
{
	strcpy((char *)&memory[NAMES], "release_lock");
	strcpy((char *)&memory[NAMES + 2], "release");
	strcpy((char *)&memory[NAMES + 4], "__exit__");
	strcpy((char *)&memory[NAMES + 6], "locked");
	at = add_method(memory, at, NAMES, 0x2000, 4);
	at = add_method(memory, at, NAMES + 2, 0x2000, 4);
	at = add_method(memory, at, NAMES + 6, 0x3000, 4);
	add_method(memory, at, NAMES + 4, EXIT, 1);
}

TEST_F(python, where_a_lock_is_given_up)
{
	uint64_t f = 0;

	/* Wherever it lies: also at the end, and with nothing before it. */
	for (size_t at = 0; at < NAMES - 17; at++) {
		memset(self->memory, 0, sizeof(self->memory));
		lay_out_lock(self->memory, at);
		f = 0;
		ASSERT_EQ(0, python__lock_exit(&self->mem, 0, NAMES * 8, &f));
		ASSERT_EQ(EXIT, f);
	}
	/* Not within the range; and cut off by its end. */
	f = 0;
	EXPECT_EQ(-ENOENT, python__lock_exit(&self->mem, 0, (NAMES - 17) * 8, &f));
	EXPECT_EQ(-ENOENT, python__lock_exit(&self->mem, 0, 0, &f));
	EXPECT_EQ(-ENOENT, python__lock_exit(&self->mem, 8, 0, &f));
	EXPECT_EQ(-EFAULT, python__lock_exit(&self->mem, 4096, 8192, &f));
	EXPECT_EQ(0, f);
}

TEST_F(python, what_is_no_lock)
{
	uint64_t f = 0;

	lay_out_lock(self->memory, 10);
	self->memory[15] = 0x2008; /* two functions */
	EXPECT_EQ(-ENOENT, python__lock_exit(&self->mem, 0, NAMES * 8, &f));
	lay_out_lock(self->memory, 10);
	self->memory[16] = 8; /* other arguments */
	EXPECT_EQ(-ENOENT, python__lock_exit(&self->mem, 0, NAMES * 8, &f));
	lay_out_lock(self->memory, 10);
	strcpy((char *)&self->memory[NAMES], "release_lock_");
	EXPECT_EQ(-ENOENT, python__lock_exit(&self->mem, 0, NAMES * 8, &f));
	lay_out_lock(self->memory, 10);
	self->memory[10] = ~0ull; /* a name that cannot be read */
	EXPECT_EQ(-ENOENT, python__lock_exit(&self->mem, 0, NAMES * 8, &f));
	lay_out_lock(self->memory, 10);
	self->memory[18] = 0; /* the table ends before __exit__ */
	EXPECT_EQ(-ENOENT, python__lock_exit(&self->mem, 0, NAMES * 8, &f));
	/* A table without an end, of rows that are no __exit__. */
	lay_out_lock(self->memory, 0);
	for (size_t at = 8; at < NAMES - 4; at = add_method(self->memory, at, NAMES + 6, 0x3000, 4))
		;
	EXPECT_EQ(-ENOENT, python__lock_exit(&self->mem, 0, NAMES * 8, &f));
	EXPECT_EQ(0, f);
}

TEST_F(python, whose_code)
{
	EXPECT_TRUE(python__is_user_code("/srv/app/main.py"));
	EXPECT_FALSE(python__is_user_code("/usr/lib/python3.11/threading.py"));
	EXPECT_FALSE(python__is_user_code("/usr/lib/python3/dist-packages/sqlalchemy/pool/impl.py"));
	EXPECT_FALSE(python__is_user_code("<string>"));
}

TEST_HARNESS_MAIN
