// SPDX-License-Identifier: GPL-2.0
/*
 * What an expression's operations mean: this file and bpf/expr.bpf.h must agree. Also their text again. Both take
 * operations that nobody checked (they may come from a broken ledger).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "expr.h"

int expr__binary(enum pw_op_code code, int64_t a, int64_t b, int64_t *value)
{
	/* Sums and products wrap: no addition is worth a trap, neither here nor in the kernel. */
	uint64_t ua = (uint64_t)a, ub = (uint64_t)b, q;

	switch (code) {
	case PW_OP_ADD:
		*value = (int64_t)(ua + ub);
		return 0;
	case PW_OP_SUB:
		*value = (int64_t)(ua - ub);
		return 0;
	case PW_OP_MUL:
		*value = (int64_t)(ua * ub);
		return 0;
	case PW_OP_DIV:
		if (!b)
			return -EDOM;
		/* By magnitudes, as BPF does it: that way -2^63/-1 is no trap. */
		q = (a < 0 ? 0 - ua : ua) / (b < 0 ? 0 - ub : ub);
		*value = (int64_t)((a < 0) != (b < 0) ? 0 - q : q);
		return 0;
	case PW_OP_AND:
		*value = a & b;
		return 0;
	case PW_OP_OR:
		*value = a | b;
		return 0;
	case PW_OP_SHL:
		*value = (int64_t)(ua << (ub & 63));
		return 0;
	case PW_OP_SHR:
		*value = a >> (ub & 63);
		return 0;
	case PW_OP_EQ:
		*value = a == b;
		return 0;
	case PW_OP_NE:
		*value = a != b;
		return 0;
	case PW_OP_LT:
		*value = a < b;
		return 0;
	case PW_OP_LE:
		*value = a <= b;
		return 0;
	case PW_OP_GT:
		*value = a > b;
		return 0;
	case PW_OP_GE:
		*value = a >= b;
		return 0;
	default:
		return -EINVAL;
	}
}

/* Truncate @v to the width of a read or cast, and extend it again; @code is given as the read's. */
static int64_t extend(enum pw_op_code code, uint64_t v)
{
	switch (code) {
	case PW_OP_U8:
		return (uint8_t)v;
	case PW_OP_U16:
		return (uint16_t)v;
	case PW_OP_U32:
		return (uint32_t)v;
	case PW_OP_S8:
		return (int8_t)v;
	case PW_OP_S16:
		return (int16_t)v;
	case PW_OP_S32:
		return (int32_t)v;
	default:
		return (int64_t)v;
	}
}

int64_t expr__cast(enum pw_op_code code, int64_t v)
{
	static const enum pw_op_code as_read[] = { PW_OP_U8, PW_OP_U16, PW_OP_U32, PW_OP_S8, PW_OP_S16, PW_OP_S32 };

	return extend(as_read[code - PW_OP_CAST_U8], (uint64_t)v);
}

static int read_mem(const struct expr_env *env, enum pw_op_code code, int64_t addr, int64_t *value)
{
	static const uint8_t width[] = { 1, 2, 4, 8, 1, 2, 4, 8 };
	uint64_t v = 0;

	/* The target is of this machine's byte order, which on x86-64 puts the low bytes first. */
	if (!env->read || env->read(env->ctx, (uint64_t)addr, &v, width[code - PW_OP_U8]))
		return -EFAULT;
	*value = extend(code, v);
	return 0;
}

static int eval_ops(const struct pw_expr *e, const struct expr_env *env, int64_t *value)
{
	int64_t stack[PW_EXPR_DEPTH];
	unsigned int n = 0;
	int err;

	if (!e->nops || e->nops > PW_EXPR_OPS)
		return -EINVAL;
	for (unsigned int i = 0; i < e->nops; i++) {
		const struct pw_op *op = &e->ops[i];
		enum pw_op_code code = op->code;
		int64_t v;

		if (code >= PW_OP_IMM && code <= PW_OP_KEY) {
			if (n == PW_EXPR_DEPTH || (code == PW_OP_ARG && (op->imm < 0 || op->imm >= PW_ARGS)))
				return -EINVAL;
			stack[n++] = code == PW_OP_IMM	 ? op->imm
				     : code == PW_OP_ARG ? (int64_t)env->args[op->imm]
				     : code == PW_OP_RET ? (int64_t)env->ret
							 : (int64_t)env->key;
		} else if (code >= PW_OP_U8 && code <= PW_OP_S64) {
			if (n < 1)
				return -EINVAL;
			err = read_mem(env, code, stack[n - 1], &stack[n - 1]);
			if (err)
				return err;
		} else if (code >= PW_OP_CAST_U8 && code <= PW_OP_CAST_S32) {
			if (n < 1)
				return -EINVAL;
			stack[n - 1] = expr__cast(code, stack[n - 1]);
		} else {
			if (n < 2)
				return -EINVAL;
			err = expr__binary(code, stack[n - 2], stack[n - 1], &v);
			if (err)
				return err;
			stack[--n - 1] = v;
		}
	}
	if (n != 1)
		return -EINVAL;
	*value = stack[0];
	return 0;
}

int expr__eval(const struct pw_expr *e, const struct expr_env *env, int64_t *value)
{
	bool needs_arg = e->shape == PW_SHAPE_ARG || e->shape == PW_SHAPE_READ_ARG;

	if (needs_arg && e->arg >= PW_ARGS)
		return -EINVAL;
	switch ((enum pw_shape)e->shape) {
	case PW_SHAPE_IMM:
		*value = e->imm;
		return 0;
	case PW_SHAPE_ARG:
		*value = (int64_t)env->args[e->arg];
		return 0;
	case PW_SHAPE_RET:
		*value = (int64_t)env->ret;
		return 0;
	case PW_SHAPE_KEY:
		*value = (int64_t)env->key;
		return 0;
	case PW_SHAPE_RET_S32_EQ0:
		*value = (int32_t)env->ret == 0;
		return 0;
	case PW_SHAPE_RET_NE0:
		*value = env->ret != 0;
		return 0;
	case PW_SHAPE_RET_U8:
		*value = env->ret & 0xff;
		return 0;
	case PW_SHAPE_READ_ARG:
		return read_mem(env, PW_OP_U64, (int64_t)(env->args[e->arg] + (uint64_t)e->imm), value);
	case PW_SHAPE_READ_KEY32:
		return read_mem(env, PW_OP_U32, (int64_t)(env->key + (uint64_t)e->imm), value);
	case PW_SHAPE_OPS:
		return eval_ops(e, env, value);
	case PW_SHAPE_NONE:
		break;
	}
	return -EINVAL;
}

/* --- text again */

static const struct {
	const char *text;
	int level; /* binds tighter: larger, as in C */
} operators[] = {
	[PW_OP_OR] = { "|", 1 },   [PW_OP_AND] = { "&", 2 },  [PW_OP_EQ] = { "==", 3 }, [PW_OP_NE] = { "!=", 3 },
	[PW_OP_LT] = { "<", 4 },   [PW_OP_LE] = { "<=", 4 },  [PW_OP_GT] = { ">", 4 },	[PW_OP_GE] = { ">=", 4 },
	[PW_OP_SHL] = { "<<", 5 }, [PW_OP_SHR] = { ">>", 5 }, [PW_OP_ADD] = { "+", 6 }, [PW_OP_SUB] = { "-", 6 },
	[PW_OP_MUL] = { "*", 7 },  [PW_OP_DIV] = { "/", 7 },
};

static const char *const reads[] = { "u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64" };
static const char *const casts[] = { "u8", "u16", "u32", "s8", "s16", "s32" };

struct printer {
	const struct pw_expr *e;
	uint8_t start[PW_EXPR_OPS]; /* where the operand that ends at operation i begins */
	char *buf;
	size_t size, len;
};

static void put(struct printer *p, const char *s)
{
	for (; *s && p->len + 1 < p->size; s++)
		p->buf[p->len++] = *s;
	p->buf[p->len] = '\0';
}

static bool bitwise(enum pw_op_code code)
{
	return code >= PW_OP_ADD && code <= PW_OP_OR && code != PW_OP_MUL && code != PW_OP_DIV;
}

/* @above: the operator that this is an operand of (PW_OP_END: none); @right: its right one. */
static void print_operand(struct printer *p, unsigned int end, enum pw_op_code above, bool right)
{
	const struct pw_op *op = &p->e->ops[end];
	enum pw_op_code code = op->code;
	int over = above >= PW_OP_ADD ? operators[above].level : 0;
	char num[32];
	bool parens;

	switch (code) {
	case PW_OP_IMM:
		/* Offsets and masks are written in hexadecimal by everyone, counts and error numbers in decimal. */
		if (op->imm >= 10 && bitwise(above))
			snprintf(num, sizeof(num), "0x%" PRIx64, (uint64_t)op->imm);
		else if (op->imm == INT64_MIN)
			snprintf(num, sizeof(num), "0x%" PRIx64, (uint64_t)op->imm);
		else
			snprintf(num, sizeof(num), "%" PRId64, (int64_t)op->imm);
		put(p, num);
		return;
	case PW_OP_ARG:
		snprintf(num, sizeof(num), "arg%d", (int)(op->imm & 7));
		put(p, num);
		return;
	case PW_OP_RET:
		put(p, "ret");
		return;
	case PW_OP_KEY:
		put(p, "key");
		return;
	default:
		break;
	}
	if (code < PW_OP_ADD) {
		bool is_read = code <= PW_OP_S64;

		put(p, is_read ? reads[code - PW_OP_U8] : casts[code - PW_OP_CAST_U8]);
		put(p, is_read ? "[" : "(");
		print_operand(p, end - 1, PW_OP_END, false);
		put(p, is_read ? "]" : ")");
		return;
	}
	parens = operators[code].level < over || (right && operators[code].level == over);
	if (parens)
		put(p, "(");
	print_operand(p, p->start[end - 1] - 1u, code, false);
	put(p, operators[code].text);
	print_operand(p, end - 1, code, true);
	if (parens)
		put(p, ")");
}

/* Fill in p->start, and say whether the operations make one value. */
static bool find_operands(struct printer *p)
{
	uint8_t stack[PW_EXPR_OPS];
	unsigned int n = 0;

	if (!p->e->nops || p->e->nops > PW_EXPR_OPS)
		return false;
	for (unsigned int i = 0; i < p->e->nops; i++) {
		enum pw_op_code code = p->e->ops[i].code;

		if (code == PW_OP_END || code >= PW_OP_CODES)
			return false;
		if (code <= PW_OP_KEY) {
			stack[n++] = i;
		} else if (code >= PW_OP_ADD) {
			if (n < 2)
				return false;
			n--;
		} else if (n < 1) {
			return false;
		}
		p->start[i] = stack[n - 1];
	}
	return n == 1;
}

void expr__print(const struct pw_expr *e, char *buf, size_t size)
{
	struct printer p = { .e = e, .buf = buf, .size = size };

	if (!size)
		return;
	buf[0] = '\0';
	if (find_operands(&p))
		print_operand(&p, e->nops - 1u, PW_OP_END, false);
	else
		put(&p, "?");
}
