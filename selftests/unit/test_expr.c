// SPDX-License-Identifier: GPL-2.0
/* Expressions of pool definitions: text to operations and shapes, what they compute, and what is refused. */
#include "kselftest_harness.h"
#include <errno.h>
#include <inttypes.h>
#include "expr.h"

#define ALL (PW_USES_ARGS | PW_USES_RET | PW_USES_KEY | PW_USES_MEM)
#define ARRAY_LEN(a) (sizeof(a) / sizeof(*(a)))

static int parse(const char *text, struct pw_expr *e)
{
	struct expr_error err;

	return expr__parse(text, strlen(text), ALL, e, &err);
}

/* A target's memory: every byte is known from its address, but for a hole. */
#define HOLE 0xdead0000ull

static int read_pattern(void *ctx, uint64_t addr, void *buf, size_t len)
{
	uint8_t *b = buf;

	++*(unsigned int *)ctx;
	if (addr + len > HOLE && addr < HOLE + 4096)
		return -EFAULT;
	for (size_t i = 0; i < len; i++) {
		uint64_t x = (addr + i) * 0x9e3779b97f4a7c15ull;

		b[i] = (uint8_t)(x >> 56);
	}
	return 0;
}

static int64_t pattern(uint64_t addr, size_t len, bool sign)
{
	unsigned int reads = 0;
	uint64_t v = 0;

	read_pattern(&reads, addr, &v, len);
	if (sign && len < 8 && v >> (8 * len - 1))
		v |= ~0ull << 8 * len;
	return (int64_t)v;
}

static uint64_t seed = 0x123456789abcdefull;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Values at which signs, widths and zero matter, and any. */
static uint64_t interesting(void)
{
	static const uint64_t corners[] = { 0, 1, 2, 0xff, 0x100, 0x7f, 0x80, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
					    INT64_MAX, 1ull << 63, ~0ull, HOLE, HOLE - 3, HOLE - 0x84 };

	return rnd() % 3 ? corners[rnd() % ARRAY_LEN(corners)] : rnd() >> rnd() % 64;
}

TEST(shapes)
{
	static const struct {
		const char *text;
		enum pw_shape shape;
		unsigned int arg;
		int64_t imm;
		unsigned int nops, uses;
		const char *print;
	} cases[] = {
		{ "1", PW_SHAPE_IMM, 0, 1, 1, 0, "1" },
		{ "0x10", PW_SHAPE_IMM, 0, 16, 1, 0, "16" },
		{ "0xffffffffffffffff", PW_SHAPE_IMM, 0, -1, 1, 0, "-1" },
		{ "0x8000000000000000", PW_SHAPE_IMM, 0, INT64_MIN, 1, 0, "0x8000000000000000" },
		{ "9223372036854775807", PW_SHAPE_IMM, 0, INT64_MAX, 1, 0, "9223372036854775807" },
		{ "-7", PW_SHAPE_IMM, 0, -7, 1, 0, "-7" },
		{ "--7", PW_SHAPE_IMM, 0, 7, 1, 0, "7" },
		{ "2+3*4", PW_SHAPE_IMM, 0, 14, 1, 0, "14" },
		{ "s8(255)", PW_SHAPE_IMM, 0, -1, 1, 0, "-1" },
		{ "arg0", PW_SHAPE_ARG, 0, 0, 1, PW_USES_ARGS, "arg0" },
		{ "arg5", PW_SHAPE_ARG, 5, 0, 1, PW_USES_ARGS, "arg5" },
		{ "(((arg3)))", PW_SHAPE_ARG, 3, 0, 1, PW_USES_ARGS, "arg3" },
		{ "ret", PW_SHAPE_RET, 0, 0, 1, PW_USES_RET, "ret" },
		{ "key", PW_SHAPE_KEY, 0, 0, 1, PW_USES_KEY, "key" },
		{ "s32(ret)==0", PW_SHAPE_RET_S32_EQ0, 0, 0, 4, PW_USES_RET, "s32(ret)==0" },
		{ "u32(ret)==0", PW_SHAPE_RET_S32_EQ0, 0, 0, 4, PW_USES_RET, "u32(ret)==0" },
		{ "0==s32(ret)", PW_SHAPE_RET_S32_EQ0, 0, 0, 4, PW_USES_RET, "0==s32(ret)" },
		{ "s32(ret)==1", PW_SHAPE_OPS, 0, 0, 4, PW_USES_RET, "s32(ret)==1" },
		{ "s16(ret)==0", PW_SHAPE_OPS, 0, 0, 4, PW_USES_RET, "s16(ret)==0" },
		{ "s32(ret)!=0", PW_SHAPE_OPS, 0, 0, 4, PW_USES_RET, "s32(ret)!=0" },
		{ "s32(arg0)==0", PW_SHAPE_OPS, 0, 0, 4, PW_USES_ARGS, "s32(arg0)==0" },
		{ "ret!=0", PW_SHAPE_RET_NE0, 0, 0, 3, PW_USES_RET, "ret!=0" },
		{ "0!=ret", PW_SHAPE_RET_NE0, 0, 0, 3, PW_USES_RET, "0!=ret" },
		{ "ret!=1", PW_SHAPE_OPS, 0, 0, 3, PW_USES_RET, "ret!=1" },
		{ "ret==0", PW_SHAPE_OPS, 0, 0, 3, PW_USES_RET, "ret==0" },
		{ "ret&0xff", PW_SHAPE_RET_U8, 0, 0, 3, PW_USES_RET, "ret&0xff" },
		{ "255&ret", PW_SHAPE_RET_U8, 0, 0, 3, PW_USES_RET, "0xff&ret" },
		{ "u8(ret)", PW_SHAPE_RET_U8, 0, 0, 2, PW_USES_RET, "u8(ret)" },
		{ "s8(ret)", PW_SHAPE_OPS, 0, 0, 2, PW_USES_RET, "s8(ret)" },
		{ "ret&0x7f", PW_SHAPE_OPS, 0, 0, 3, PW_USES_RET, "ret&0x7f" },
		{ "u64[arg1]", PW_SHAPE_READ_ARG, 1, 0, 2, PW_USES_ARGS | PW_USES_MEM, "u64[arg1]" },
		{ "s64[arg1+8]", PW_SHAPE_READ_ARG, 1, 8, 4, PW_USES_ARGS | PW_USES_MEM, "s64[arg1+8]" },
		{ "u64[0x20+arg2]", PW_SHAPE_READ_ARG, 2, 32, 4, PW_USES_ARGS | PW_USES_MEM, "u64[0x20+arg2]" },
		{ "u64[arg2-16]", PW_SHAPE_READ_ARG, 2, -16, 4, PW_USES_ARGS | PW_USES_MEM, "u64[arg2-0x10]" },
		{ "u64[16-arg2]", PW_SHAPE_OPS, 0, 0, 4, PW_USES_ARGS | PW_USES_MEM, "u64[0x10-arg2]" },
		{ "u64[arg0*8]", PW_SHAPE_OPS, 0, 0, 4, PW_USES_ARGS | PW_USES_MEM, "u64[arg0*8]" },
		{ "u32[arg1]", PW_SHAPE_OPS, 0, 0, 2, PW_USES_ARGS | PW_USES_MEM, "u32[arg1]" },
		{ "u32[key+0x84]", PW_SHAPE_READ_KEY32, 0, 0x84, 4, PW_USES_KEY | PW_USES_MEM, "u32[key+0x84]" },
		{ "u32[key]", PW_SHAPE_READ_KEY32, 0, 0, 2, PW_USES_KEY | PW_USES_MEM, "u32[key]" },
		{ "s32[key+0x84]", PW_SHAPE_OPS, 0, 0, 4, PW_USES_KEY | PW_USES_MEM, "s32[key+0x84]" },
		{ "u64[key]", PW_SHAPE_OPS, 0, 0, 2, PW_USES_KEY | PW_USES_MEM, "u64[key]" },
		{ "u64[u64[arg0]+0x38]", PW_SHAPE_OPS, 0, 0, 5, PW_USES_ARGS | PW_USES_MEM, "u64[u64[arg0]+0x38]" },
		{ "(arg1&0xc0)==0xc0&ret!=0", PW_SHAPE_OPS, 0, 0, 9, PW_USES_ARGS | PW_USES_RET, "(arg1&0xc0)==192&ret!=0" },
		{ "s32[key+0x18]-s32[key+8]+s32[key+0xc]", PW_SHAPE_OPS, 0, 0, 14, PW_USES_KEY | PW_USES_MEM,
		  "s32[key+0x18]-s32[key+8]+s32[key+0xc]" },
		{ "arg0-(arg1-arg2)", PW_SHAPE_OPS, 0, 0, 5, PW_USES_ARGS, "arg0-(arg1-arg2)" },
		{ "(arg0-arg1)-arg2", PW_SHAPE_OPS, 0, 0, 5, PW_USES_ARGS, "arg0-arg1-arg2" },
		{ "(arg0+arg1)*arg2", PW_SHAPE_OPS, 0, 0, 5, PW_USES_ARGS, "(arg0+arg1)*arg2" },
		{ "-arg0", PW_SHAPE_OPS, 0, 0, 3, PW_USES_ARGS, "0-arg0" },
		{ "arg0+-12", PW_SHAPE_OPS, 0, 0, 3, PW_USES_ARGS, "arg0+-12" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[EXPR_TEXT];
		struct pw_expr e;

		ASSERT_EQ(parse(cases[i].text, &e), 0) TH_LOG("%s", cases[i].text);
		EXPECT_EQ(e.shape, cases[i].shape) TH_LOG("%s", cases[i].text);
		EXPECT_EQ(e.nops, cases[i].nops) TH_LOG("%s", cases[i].text);
		EXPECT_EQ(e.uses, cases[i].uses) TH_LOG("%s", cases[i].text);
		EXPECT_EQ(e.arg, cases[i].arg) TH_LOG("%s", cases[i].text);
		EXPECT_EQ(e.imm, cases[i].imm) TH_LOG("%s", cases[i].text);
		expr__print(&e, text, sizeof(text));
		EXPECT_STREQ(text, cases[i].print);
	}
}

TEST(errors)
{
	static const struct {
		const char *text;
		unsigned int allowed;
		size_t offset;
		const char *message;
	} cases[] = {
		{ "", ALL, 0, "expected an expression" },
		{ "arg6", ALL, 0, "arg6: the arguments known are arg0 to arg5" },
		{ "agr0", ALL, 0, "unknown 'agr0': expected arg0..arg5, ret, key, a number, u8..u64[...], s8..s64[...]" },
		{ "arg0+", ALL, 5, "expected a value: arg0..arg5, ret, key, a number, u8..u64[...], s8..s64[...]" },
		{ "arg0+*", ALL, 5, "expected a value: arg0..arg5, ret, key, a number, u8..u64[...], s8..s64[...]" },
		{ "arg0)", ALL, 4, "expected an operator or the end, not ')'" },
		{ "arg0=1", ALL, 4, "expected '==' to compare" },
		{ "arg0 ", ALL, 4, "expected an operator or the end" },
		{ "arg0\x1b[m", ALL, 4, "expected an operator or the end" },
		{ "ret==0&&arg0", ALL, 6, "no operator '&&': use '&', a comparison gives 0 or 1" },
		{ "ret||1", ALL, 3, "no operator '||': use '|', a comparison gives 0 or 1" },
		{ "(arg0", ALL, 5, "expected ')'" },
		{ "(arg0]", ALL, 5, "expected an operator or ')'" },
		{ "u32[key+4", ALL, 9, "expected ']'" },
		{ "u32[key+4)", ALL, 9, "expected an operator or ']'" },
		{ "u32", ALL, 3, "expected '[' (read memory) or '(' (convert) after 'u32'" },
		{ "u64(ret)", ALL, 0, "u64( ) changes nothing: values have 64 bits" },
		{ "0x", ALL, 2, "expected hexadecimal digits after 0x" },
		{ "0x12g", ALL, 4, "'g' in a number" },
		{ "12ab", ALL, 2, "'a' in a number" },
		{ "010", ALL, 0, "a number with a leading 0 could be octal: write it decimal, or as 0x..." },
		{ "9223372036854775808", ALL, 0, "a number of more than 63 bits" },
		{ "99999999999999999999999", ALL, 0, "a number of more than 63 bits" },
		{ "0x10000000000000000", ALL, 0, "a number of more than 64 bits" },
		{ "arg0/0", ALL, 4, "division by zero" },
		{ "1/(2-2)", ALL, 1, "division by zero" },
		{ "arg0>>64", ALL, 4, "a shift is by 0 to 63 bits" },
		{ "arg0<<-1", ALL, 4, "a shift is by 0 to 63 bits" },
		{ "arg0+(arg1+(arg2+(arg3+arg4)))", ALL, 23, "too deep: at most 4 values can be pending; compute the nested part first" },
		{ "ret", ALL & ~PW_USES_RET, 0, "no 'ret' here: this is not computed at a return" },
		{ "arg0+key", ALL & ~PW_USES_KEY, 5, "no 'key' here: this computes the key" },
		{ "1+arg0", ALL & ~PW_USES_ARGS, 2, "no arguments here: this is computed for any of the pool's probes" },
		{ "1+u8[1]", 0, 2, "no memory can be read here" },
		{ "arg0+arg0+arg0+arg0+arg0+arg0+arg0+arg0+arg0", ALL, 39, "too long: an expression has at most 16 operations" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pw_expr e, untouched;
		struct expr_error err = { .offset = 9999 };

		memset(&e, 0x5a, sizeof(e));
		untouched = e;
		EXPECT_EQ(expr__parse(cases[i].text, strlen(cases[i].text), cases[i].allowed, &e, &err), -EINVAL) TH_LOG("%s", cases[i].text);
		EXPECT_EQ(err.offset, cases[i].offset) TH_LOG("%s", cases[i].text);
		EXPECT_STREQ(err.message, cases[i].message);
		EXPECT_EQ(memcmp(&e, &untouched, sizeof(e)), 0);
	}
}

TEST(brackets_are_limited)
{
	char text[1000];
	struct pw_expr e;
	struct expr_error err;

	for (char open = '('; open; open = open == '(' ? '-' : '\0') {
		memset(text, open, sizeof(text));
		EXPECT_EQ(expr__parse(text, sizeof(text), ALL, &e, &err), -EINVAL);
		EXPECT_EQ(err.offset, open == '(' ? 32 : 4);
	}
	/* 32 within one another are allowed, and there may be more of them side by side. */
	memset(text, '(', 32);
	memcpy(text + 32, "ret", 3);
	memset(text + 35, ')', 32);
	EXPECT_EQ(expr__parse(text, 67, ALL, &e, &err), 0);
	EXPECT_EQ(e.shape, PW_SHAPE_RET);
	EXPECT_EQ(expr__parse("(arg0)+(arg0)", 13, ALL, &e, &err), 0);
}

TEST(values)
{
	static const struct {
		const char *text;
		int64_t value;
	} cases[] = {
		/* precedence and direction as in C */
		{ "2+3*4", 14 }, { "(2+3)*4", 20 }, { "10-4-3", 3 }, { "64/4/2", 8 }, { "1+2<<3", 24 }, { "1<<2+1", 8 },
		{ "1<<4>>2", 4 }, { "6&3==3", 0 }, { "(6&3)==2", 1 }, { "1|6&2", 3 }, { "1<2==1", 1 }, { "5>4>3", 0 }, { "2<3", 1 },
		{ "3<=3", 1 }, { "3>=4", 0 }, { "3!=4", 1 }, { "-1<0", 1 }, { "0xffffffffffffffff<0", 1 }, { "-8>>1", -4 },
		{ "-1/2", 0 }, { "-7/2", -3 }, { "7/-2", -3 }, { "-7/-2", 3 },
		{ "0x8000000000000000/-1", INT64_MIN }, { "0x8000000000000000/2", INT64_MIN / 2 }, { "0-5", -5 }, { "2*-3", -6 },
		/* casts */
		{ "u8(0x1ff)", 0xff }, { "s8(0x80)", -128 }, { "u16(-1)", 0xffff }, { "s16(0x8000)", -32768 },
		{ "u32(-1)", 0xffffffff }, { "s32(0xffffffff)", -1 },
		/* wrap instead of a trap */
		{ "9223372036854775807+1", INT64_MIN }, { "0x8000000000000000-1", INT64_MAX }, { "0x8000000000000000*-1", INT64_MIN },
		/* of the environment: arg0=10 arg1=0xffffffff80000001 arg2=3 ret=0x100000000 key=0x1000 */
		{ "arg0-arg2", 7 }, { "s32(arg1)", -2147483647 }, { "u32(arg1)", 0x80000001 }, { "arg1<0", 1 }, { "s32(ret)==0", 1 },
		{ "ret!=0", 1 }, { "ret&0xff", 0 }, { "ret>>32", 1 }, { "arg2<<arg0", 3072 }, { "arg2<<arg0+64", 3072 }, { "-arg0", -10 },
	};
	unsigned int reads = 0;
	const struct expr_env env = {
		.args = { 10, 0xffffffff80000001ull, 3 }, .ret = 0x100000000ull, .key = 0x1000, .read = read_pattern, .ctx = &reads,
	};
	int64_t v;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pw_expr e;

		ASSERT_EQ(parse(cases[i].text, &e), 0) TH_LOG("%s", cases[i].text);
		ASSERT_EQ(expr__eval(&e, &env, &v), 0) TH_LOG("%s", cases[i].text);
		EXPECT_EQ(v, cases[i].value) TH_LOG("%s", cases[i].text);
	}
	EXPECT_EQ(reads, 0);
}

TEST(memory)
{
	static const struct {
		const char *text;
		uint64_t addr;
		size_t len;
		bool sign;
	} cases[] = {
		{ "u8[key]", 0x1000, 1, false },   { "u16[key+1]", 0x1001, 2, false }, { "u32[key+0x84]", 0x1084, 4, false },
		{ "u64[key-8]", 0xff8, 8, false }, { "s8[arg0]", 0x2000, 1, true },    { "s16[arg0+3]", 0x2003, 2, true },
		{ "s32[arg0+8]", 0x2008, 4, true }, { "s64[arg0]", 0x2000, 8, true },  { "u64[arg0+0x10]", 0x2010, 8, false },
	};
	unsigned int reads = 0;
	struct expr_env env = { .args = { 0x2000 }, .key = 0x1000, .read = read_pattern, .ctx = &reads };
	struct pw_expr e;
	int64_t v;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ASSERT_EQ(parse(cases[i].text, &e), 0);
		ASSERT_EQ(expr__eval(&e, &env, &v), 0);
		EXPECT_EQ(v, pattern(cases[i].addr, cases[i].len, cases[i].sign)) TH_LOG("%s", cases[i].text);
	}
	EXPECT_EQ(reads, ARRAY_LEN(cases));

	/* A read of what a read gave. */
	ASSERT_EQ(parse("u8[u16[arg0]+1]", &e), 0);
	ASSERT_EQ(expr__eval(&e, &env, &v), 0);
	EXPECT_EQ(v, pattern((uint64_t)pattern(0x2000, 2, false) + 1, 1, false));

	/* One read that fails fails it all, even where the value would not matter. */
	env.args[0] = HOLE - 7;
	v = 42;
	ASSERT_EQ(parse("u64[arg0]*0", &e), 0);
	EXPECT_EQ(expr__eval(&e, &env, &v), -EFAULT);
	ASSERT_EQ(parse("u64[arg0]", &e), 0);
	EXPECT_EQ(e.shape, PW_SHAPE_READ_ARG);
	EXPECT_EQ(expr__eval(&e, &env, &v), -EFAULT);
	env.read = NULL;
	env.args[0] = 0x2000;
	EXPECT_EQ(expr__eval(&e, &env, &v), -EFAULT);
	EXPECT_EQ(v, 42);
}

TEST(division_by_zero)
{
	const struct expr_env env = { .args = { 1, 0 } };
	struct pw_expr e;
	int64_t v = 42;

	ASSERT_EQ(parse("arg0/arg1", &e), 0);
	EXPECT_EQ(expr__eval(&e, &env, &v), -EDOM);
	EXPECT_EQ(v, 42);
}

/* Operations that no parser made: a broken ledger must not break its reader. */
TEST(broken_operations)
{
	static const struct pw_expr broken[] = {
		{ .shape = PW_SHAPE_NONE },
		{ .shape = PW_SHAPE_OPS + 1, .nops = 1, .ops = { { .code = PW_OP_RET } } },
		{ .shape = PW_SHAPE_OPS },
		{ .shape = PW_SHAPE_OPS, .nops = PW_EXPR_OPS + 1, .ops = { { .code = PW_OP_RET } } },
		{ .shape = PW_SHAPE_OPS, .nops = 1, .ops = { { .code = PW_OP_END } } },
		{ .shape = PW_SHAPE_OPS, .nops = 1, .ops = { { .code = PW_OP_CODES } } },
		{ .shape = PW_SHAPE_OPS, .nops = 1, .ops = { { .code = PW_OP_U8 } } },
		{ .shape = PW_SHAPE_OPS, .nops = 1, .ops = { { .code = PW_OP_CAST_U8 } } },
		{ .shape = PW_SHAPE_OPS, .nops = 2, .ops = { { .code = PW_OP_RET }, { .code = PW_OP_ADD } } },
		{ .shape = PW_SHAPE_OPS, .nops = 2, .ops = { { .code = PW_OP_RET }, { .code = PW_OP_RET } } },
		{ .shape = PW_SHAPE_OPS, .nops = 3, .ops = { { .code = PW_OP_RET }, { .code = PW_OP_RET }, { .code = 0x80000000u } } },
	};
	static const struct pw_expr bad_value[] = {
		{ .shape = PW_SHAPE_ARG, .arg = PW_ARGS },
		{ .shape = PW_SHAPE_READ_ARG, .arg = 255 },
		{ .shape = PW_SHAPE_OPS, .nops = 1, .ops = { { .code = PW_OP_ARG, .imm = PW_ARGS } } },
		{ .shape = PW_SHAPE_OPS, .nops = 1, .ops = { { .code = PW_OP_ARG, .imm = -1 } } },
		{ .shape = PW_SHAPE_OPS, .nops = 5, .ops = { { .code = PW_OP_RET }, { .code = PW_OP_RET }, { .code = PW_OP_RET },
							     { .code = PW_OP_RET }, { .code = PW_OP_RET } } },
	};
	const struct expr_env env = { 0 };
	char text[8];
	int64_t v = 42;

	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		EXPECT_EQ(expr__eval(&broken[i], &env, &v), -EINVAL) TH_LOG("%zu", i);
		expr__print(&broken[i], text, sizeof(text));
		if (i != 1) {
			EXPECT_STREQ(text, "?") TH_LOG("%zu", i);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(bad_value); i++) {
		EXPECT_EQ(expr__eval(&bad_value[i], &env, &v), -EINVAL) TH_LOG("%zu", i);
	}
	EXPECT_EQ(v, 42);
}

TEST(print_into_little_room)
{
	struct pw_expr e;
	char text[6] = "xxxxx";

	ASSERT_EQ(parse("u32[key+0x84]", &e), 0);
	expr__print(&e, text, 0);
	EXPECT_STREQ(text, "xxxxx");
	expr__print(&e, text, 1);
	EXPECT_STREQ(text, "");
	expr__print(&e, text, sizeof(text));
	EXPECT_STREQ(text, "u32[k");
}

/*
 * Random expressions of a tree that is computed here, written out in full brackets, against what the parser makes of the
 * text; and its shape against its operations; and its printed text against itself.
 */
struct made {
	char text[2048];
	bool failed; /* a read or a division did */
};

static int64_t make(struct made *m, const struct expr_env *env, unsigned int depth)
{
	static const char *const ops[] = { "+", "-", "*", "/", "&", "|", "<<", ">>", "==", "!=", "<", "<=", ">", ">=" };
	unsigned int kind = rnd() % (depth ? 7 : 4), n;
	int64_t a, b, v = 0;

#define PUT(...) snprintf(m->text + strlen(m->text), sizeof(m->text) - strlen(m->text), __VA_ARGS__)
	switch (kind) {
	case 0:
		v = (int64_t)interesting();
		PUT("0x%" PRIx64, (uint64_t)v);
		return v;
	case 1:
		n = rnd() % PW_ARGS;
		PUT("arg%u", n);
		return (int64_t)env->args[n];
	case 2:
		PUT("ret");
		return (int64_t)env->ret;
	case 3:
		PUT("key");
		return (int64_t)env->key;
	case 4: {
		static const char *const casts[] = { "u8", "u16", "u32", "s8", "s16", "s32" };

		n = rnd() % 6;
		PUT("%s(", casts[n]);
		a = make(m, env, depth - 1);
		PUT(")");
		switch (n) {
		case 0: return (uint8_t)a;
		case 1: return (uint16_t)a;
		case 2: return (uint32_t)a;
		case 3: return (int8_t)a;
		case 4: return (int16_t)a;
		default: return (int32_t)a;
		}
	}
	case 5: {
		unsigned int reads = 0;

		n = rnd() % 8;
		PUT("%c%d[", n & 4 ? 's' : 'u', 8 << (n & 3));
		a = make(m, env, depth - 1);
		PUT("]");
		if (read_pattern(&reads, (uint64_t)a, &b, 1u << (n & 3)))
			m->failed = true;
		return pattern((uint64_t)a, 1u << (n & 3), n & 4);
	}
	default:
		break;
	}
	n = rnd() % ARRAY_LEN(ops);
	PUT("(");
	a = make(m, env, depth - 1);
	PUT("%s", ops[n]);
	if (n == 6 || n == 7) {
		b = (int64_t)(rnd() % 64);
		PUT("%" PRId64, b);
	} else {
		b = make(m, env, depth - 1);
	}
	PUT(")");
	if (n == 3 && !b) {
		m->failed = true;
		return 0;
	}
	switch (n) {
	case 0: return (int64_t)((uint64_t)a + (uint64_t)b);
	case 1: return (int64_t)((uint64_t)a - (uint64_t)b);
	case 2: return (int64_t)((uint64_t)a * (uint64_t)b);
	case 3: return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
	case 4: return a & b;
	case 5: return a | b;
	case 6: return (int64_t)((uint64_t)a << b);
	case 7: return a >> b;
	case 8: return a == b;
	case 9: return a != b;
	case 10: return a < b;
	case 11: return a <= b;
	case 12: return a > b;
	default: return a >= b;
	}
}

TEST(random_trees)
{
	unsigned int compared = 0, failed = 0;

	for (unsigned int i = 0; i < 40000; i++) {
		unsigned int reads = 0;
		struct expr_env env = { .ret = interesting(), .key = interesting(), .read = read_pattern, .ctx = &reads };
		struct made m = { .text = "" };
		char text[EXPR_TEXT];
		struct pw_expr e, again;
		int64_t want, v = 0;
		int err;

		for (unsigned int a = 0; a < PW_ARGS; a++)
			env.args[a] = interesting();
		want = make(&m, &env, 4);
		if (parse(m.text, &e))
			continue; /* too long, too deep, or a constant divided by zero */
		err = expr__eval(&e, &env, &v);
		if (m.failed) {
			ASSERT_NE(err, 0) TH_LOG("%s", m.text);
			failed++;
			continue;
		}
		ASSERT_EQ(err, 0) TH_LOG("%s", m.text);
		ASSERT_EQ(v, want) TH_LOG("%s", m.text);
		expr__print(&e, text, sizeof(text));
		ASSERT_EQ(parse(text, &again), 0) TH_LOG("%s printed as %s", m.text, text);
		ASSERT_EQ(memcmp(&e, &again, sizeof(e)), 0) TH_LOG("%s printed as %s", m.text, text);
		compared++;
	}
	EXPECT_GT(compared, 10000);
	EXPECT_GT(failed, 100);
}

TEST(shape_says_what_operations_say)
{
	static const char *const texts[] = {
		"0x7fffffffffffffff", "-1", "arg0", "arg5", "ret", "key", "s32(ret)==0", "u32(ret)==0", "0==s32(ret)", "ret!=0", "0!=ret",
		"ret&0xff", "0xff&ret", "u8(ret)", "u64[arg1]", "s64[arg3+0x18]", "u64[0x18+arg0]", "u64[arg2-8]", "u32[key]", "u32[key+0x84]",
		"u32[0x84+key]", "u32[key-4]",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct pw_expr shape, ops;

		ASSERT_EQ(parse(texts[i], &shape), 0);
		ASSERT_NE(shape.shape, PW_SHAPE_OPS) TH_LOG("%s", texts[i]);
		ops = shape;
		ops.shape = PW_SHAPE_OPS;
		for (unsigned int k = 0; k < 2000; k++) {
			unsigned int reads = 0;
			struct expr_env env = { .ret = interesting(), .key = interesting(), .read = read_pattern, .ctx = &reads };
			int64_t a = 1, b = 1;

			for (unsigned int n = 0; n < PW_ARGS; n++)
				env.args[n] = interesting();
			ASSERT_EQ(expr__eval(&shape, &env, &a), expr__eval(&ops, &env, &b)) TH_LOG("%s", texts[i]);
			ASSERT_EQ(a, b) TH_LOG("%s", texts[i]);
		}
	}
}

TEST_HARNESS_MAIN
