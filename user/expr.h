/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Expressions of pool definitions: text to operations (bpf/shared.h), operations to text, and their evaluation in user
 * space over a reader of memory. Pure.
 */
#ifndef POOLWATCH_EXPR_H
#define POOLWATCH_EXPR_H

#include <stddef.h>
#include <stdint.h>
#include "../bpf/shared.h"

struct expr_error {
	size_t offset;	   /* into the text, bytes */
	char message[120]; /* what was expected, or what is wrong; no newline */
};

/*
 * expr__parse - compile @text (@len bytes, no spaces) into *@out, with the cheapest shape that says the same
 * @allowed: PW_USES_* that make sense where the expression stands
 * Return: 0, or -EINVAL with *@err filled in (and *@out untouched).
 */
int expr__parse(const char *text, size_t len, unsigned int allowed, struct pw_expr *out, struct expr_error *err);

/* What an expression is computed from. read() copies @len bytes from @addr of the target and returns 0 or -errno. */
struct expr_env {
	uint64_t args[PW_ARGS];
	uint64_t ret;
	uint64_t key;
	int (*read)(void *ctx, uint64_t addr, void *buf, size_t len);
	void *ctx;
};

/* expr__eval - Return: 0 with *@value; -EFAULT: a read failed; -EDOM: division by zero; -EINVAL: not an expression. */
int expr__eval(const struct pw_expr *e, const struct expr_env *env, int64_t *value);

/* What one operation does, for folding constants. expr__binary - Return: as expr__eval. @code of expr__cast: a cast. */
int expr__binary(enum pw_op_code code, int64_t a, int64_t b, int64_t *value);
int64_t expr__cast(enum pw_op_code code, int64_t v);

#define EXPR_TEXT 512 /* bytes that hold the text of any expression */

/* expr__print - the text of @e, as expr__parse would take it, into @buf of @size bytes; always ends in NUL. */
void expr__print(const struct pw_expr *e, char *buf, size_t size);

#endif
