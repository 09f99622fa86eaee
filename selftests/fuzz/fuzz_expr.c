// SPDX-License-Identifier: GPL-2.0
/*
 * Any bytes as an expression: refused with a place in the text, or compiled so that its shape and its operations compute
 * the same and its printed text compiles to the same.
 */
#include <stdlib.h>
#include <string.h>
#include "expr.h"
#include "fuzz.h"

static int read_pattern(void *ctx, uint64_t addr, void *buf, size_t len)
{
	if (addr < 4096)
		return -1;
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = (uint8_t)((addr + i) * 0x9e3779b97f4a7c15ull >> 56);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct expr_env env = { .args = { 1, 0, ~0ull, 0x7fffffff, 0x100000000ull, 8192 }, .key = 65536, .read = read_pattern };
	struct pw_expr e, again, ops;
	char text[EXPR_TEXT];
	struct expr_error err;
	unsigned int allowed;

	if (!size)
		return 0;
	allowed = data[0] & 1 ? ~0u : data[0] & 0xf;
	memset(&e, 0, sizeof(e));
	if (expr__parse((const char *)data + 1, size - 1, allowed, &e, &err)) {
		FUZZ_CHECK(err.offset <= size - 1 && err.message[0] && !strchr(err.message, '\n'));
		return 0;
	}
	FUZZ_CHECK(!(e.uses & ~allowed) && e.nops && e.nops <= PW_EXPR_OPS);
	expr__print(&e, text, sizeof(text));
	FUZZ_CHECK(!expr__parse(text, strlen(text), allowed, &again, &err));
	FUZZ_CHECK(!memcmp(&e, &again, sizeof(e)));
	ops = e;
	ops.shape = PW_SHAPE_OPS;
	for (uint64_t ret = 0; ret < 0x300000000ull; ret = ret * 3 + 1) {
		int64_t a = 0, b = 0;

		env.ret = ret;
		FUZZ_CHECK(expr__eval(&e, &env, &a) == expr__eval(&ops, &env, &b));
		FUZZ_CHECK(a == b);
	}
	return 0;
}
