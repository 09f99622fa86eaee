// SPDX-License-Identifier: GPL-2.0
/* Expressions of pool definitions: from text to operations, by recursive descent, and the shape that says the same. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "expr.h"

/* Brackets within brackets. What PW_EXPR_DEPTH and PW_EXPR_OPS can compute needs fewer; more would be our own stack. */
#define MAX_NESTING 32

struct parser {
	const char *text;
	size_t len, pos;
	unsigned int allowed;
	unsigned int depth; /* values on the stack after the operations so far */
	unsigned int nesting;
	struct pw_expr e;
	struct expr_error *err;
};

__attribute__((format(printf, 3, 4))) static int fail(struct parser *p, size_t at, const char *fmt, ...)
{
	va_list ap;

	p->err->offset = at;
	va_start(ap, fmt);
	vsnprintf(p->err->message, sizeof(p->err->message), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static char peek(const struct parser *p, size_t ahead)
{
	return p->pos + ahead < p->len ? p->text[p->pos + ahead] : '\0';
}

static int emit(struct parser *p, size_t at, enum pw_op_code code, int64_t imm)
{
	if (p->e.nops == PW_EXPR_OPS)
		return fail(p, at, "too long: an expression has at most %d operations", PW_EXPR_OPS);
	if (code <= PW_OP_KEY) {
		if (p->depth == PW_EXPR_DEPTH)
			return fail(p, at, "too deep: at most %d values can be pending; compute the nested part first", PW_EXPR_DEPTH);
		p->depth++;
	}
	p->e.ops[p->e.nops++] = (struct pw_op){ .code = code, .imm = imm };
	return 0;
}

static int emit_binary(struct parser *p, size_t at, enum pw_op_code code)
{
	struct pw_op *last = p->e.nops ? &p->e.ops[p->e.nops - 1] : NULL;
	int64_t v;

	if (last && last->code == PW_OP_IMM) {
		if (code == PW_OP_DIV && !last->imm)
			return fail(p, at, "division by zero");
		if ((code == PW_OP_SHL || code == PW_OP_SHR) && (last->imm < 0 || last->imm > 63))
			return fail(p, at, "a shift is by 0 to 63 bits");
		/* An IMM that ends an operand is all of it, so these two are the two operands. */
		if (p->e.nops >= 2 && last[-1].code == PW_OP_IMM && !expr__binary(code, last[-1].imm, last->imm, &v)) {
			last[-1].imm = v;
			*last = (struct pw_op){ 0 };
			p->e.nops--;
			p->depth--;
			return 0;
		}
	}
	p->depth--;
	return emit(p, at, code, 0);
}

static int emit_cast(struct parser *p, size_t at, enum pw_op_code code)
{
	struct pw_op *last = &p->e.ops[p->e.nops - 1];

	if (last->code == PW_OP_IMM) {
		last->imm = expr__cast(code, last->imm);
		return 0;
	}
	return emit(p, at, code, 0);
}

/* Decimal up to 2^63-1, or hexadecimal up to 64 bits (a mask: the sign bit may be set). */
static int parse_number(struct parser *p)
{
	size_t at = p->pos;
	bool hex = peek(p, 0) == '0' && (peek(p, 1) == 'x' || peek(p, 1) == 'X');
	unsigned int base = hex ? 16 : 10;
	uint64_t v = 0;

	if (hex)
		p->pos += 2;
	else if (peek(p, 0) == '0' && isdigit((unsigned char)peek(p, 1)))
		return fail(p, at, "a number with a leading 0 could be octal: write it decimal, or as 0x...");
	if (hex && !isxdigit((unsigned char)peek(p, 0)))
		return fail(p, p->pos, "expected hexadecimal digits after 0x");
	while (isxdigit((unsigned char)peek(p, 0))) {
		char c = peek(p, 0);
		unsigned int digit = isdigit((unsigned char)c) ? (unsigned int)(c - '0') : (unsigned int)((c | 0x20) - 'a') + 10;

		if (digit >= base)
			break;
		if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit, &v) || (!hex && v > INT64_MAX))
			return fail(p, at, "a number of more than %s bits", hex ? "64" : "63");
		p->pos++;
	}
	if (isalnum((unsigned char)peek(p, 0)) || peek(p, 0) == '_')
		return fail(p, p->pos, "'%c' in a number", peek(p, 0));
	return emit(p, at, PW_OP_IMM, (int64_t)v);
}

static int parse_level(struct parser *p, int level);

static int parse_enclosed(struct parser *p, char close)
{
	size_t open = p->pos++;
	int err;

	if (++p->nesting > MAX_NESTING)
		return fail(p, open, "more than %d brackets within one another", MAX_NESTING);
	err = parse_level(p, 1);
	if (err)
		return err;
	if (peek(p, 0) != close) {
		if (p->pos < p->len)
			return fail(p, p->pos, "expected an operator or '%c'", close);
		return fail(p, p->pos, "expected '%c'", close);
	}
	p->pos++;
	p->nesting--;
	return 0;
}

static int parse_value(struct parser *p, size_t at, enum pw_op_code code, int64_t imm, unsigned int use, const char *why_not)
{
	if (!(p->allowed & use))
		return fail(p, at, "%s", why_not);
	p->e.uses |= use;
	return emit(p, at, code, imm);
}

/* A word: a value of the probed function, or a type in front of [ ] or ( ). */
static int parse_word(struct parser *p)
{
	static const char *const types[] = { "u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64" };
	static const int casts[] = { PW_OP_CAST_U8, PW_OP_CAST_U16, PW_OP_CAST_U32, -1,
				     PW_OP_CAST_S8, PW_OP_CAST_S16, PW_OP_CAST_S32, -1 };
	size_t at = p->pos;
	const char *word = p->text + at;
	size_t n = 0;
	int err;

	while (isalnum((unsigned char)peek(p, n)) || peek(p, n) == '_')
		n++;
	p->pos += n;
	if (n == 4 && !memcmp(word, "arg", 3) && isdigit((unsigned char)word[3])) {
		if (word[3] - '0' >= PW_ARGS)
			return fail(p, at, "arg%c: the arguments known are arg0 to arg%d", word[3], PW_ARGS - 1);
		return parse_value(p, at, PW_OP_ARG, word[3] - '0', PW_USES_ARGS,
				   "no arguments here: this is computed for any of the pool's probes");
	}
	if (n == 3 && !memcmp(word, "ret", 3))
		return parse_value(p, at, PW_OP_RET, 0, PW_USES_RET, "no 'ret' here: this is not computed at a return");
	if (n == 3 && !memcmp(word, "key", 3))
		return parse_value(p, at, PW_OP_KEY, 0, PW_USES_KEY, "no 'key' here: this computes the key");

	for (unsigned int i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (strlen(types[i]) != n || memcmp(word, types[i], n))
			continue;
		if (peek(p, 0) == '[') {
			if (!(p->allowed & PW_USES_MEM))
				return fail(p, at, "no memory can be read here");
			p->e.uses |= PW_USES_MEM;
			err = parse_enclosed(p, ']');
			return err ?: emit(p, at, PW_OP_U8 + i, 0);
		}
		if (peek(p, 0) != '(')
			return fail(p, p->pos, "expected '[' (read memory) or '(' (convert) after '%s'", types[i]);
		if (casts[i] < 0)
			return fail(p, at, "%s( ) changes nothing: values have 64 bits", types[i]);
		err = parse_enclosed(p, ')');
		return err ?: emit_cast(p, at, casts[i]);
	}
	return fail(p, at, "unknown '%.*s': expected arg0..arg%d, ret, key, a number, u8..u64[...], s8..s64[...]", (int)(n < 40 ? n : 40),
		    word, PW_ARGS - 1);
}

static int parse_primary(struct parser *p)
{
	size_t at = p->pos;
	char c = peek(p, 0);
	int err;

	if (c == '-' && isdigit((unsigned char)peek(p, 1))) {
		struct pw_op *number = &p->e.ops[p->e.nops];

		p->pos++;
		err = parse_number(p);
		if (!err)
			number->imm = (int64_t)(0 - (uint64_t)number->imm);
		return err;
	}
	if (c == '-') {
		/* 0 - x: there is no operation for it. */
		if (++p->nesting > MAX_NESTING)
			return fail(p, at, "more than %d brackets within one another", MAX_NESTING);
		p->pos++;
		err = emit(p, at, PW_OP_IMM, 0) ?: parse_primary(p);
		p->nesting--;
		return err ?: emit_binary(p, at, PW_OP_SUB);
	}
	if (c == '(')
		return parse_enclosed(p, ')');
	if (isdigit((unsigned char)c))
		return parse_number(p);
	if (isalpha((unsigned char)c) || c == '_')
		return parse_word(p);
	return fail(p, at, "expected a value: arg0..arg%d, ret, key, a number, u8..u64[...], s8..s64[...]", PW_ARGS - 1);
}

static const struct {
	char text[3];
	uint8_t len, level;
	enum pw_op_code code;
} operators[] = {
	/* Those of two characters first. */
	{ "==", 2, 3, PW_OP_EQ },  { "!=", 2, 3, PW_OP_NE },  { "<=", 2, 4, PW_OP_LE }, { ">=", 2, 4, PW_OP_GE },
	{ "<<", 2, 5, PW_OP_SHL }, { ">>", 2, 5, PW_OP_SHR }, { "|", 1, 1, PW_OP_OR },	{ "&", 1, 2, PW_OP_AND },
	{ "<", 1, 4, PW_OP_LT },   { ">", 1, 4, PW_OP_GT },   { "+", 1, 6, PW_OP_ADD }, { "-", 1, 6, PW_OP_SUB },
	{ "*", 1, 7, PW_OP_MUL },  { "/", 1, 7, PW_OP_DIV },
};

/* Binary operators that bind at least as tight as @level, all of them from left to right. */
static int parse_level(struct parser *p, int level)
{
	int err = parse_primary(p);

	while (!err) {
		size_t at = p->pos;
		unsigned int i;

		if ((peek(p, 0) == '&' && peek(p, 1) == '&') || (peek(p, 0) == '|' && peek(p, 1) == '|'))
			return fail(p, at, "no operator '%c%c': use '%c', a comparison gives 0 or 1", peek(p, 0), peek(p, 0), peek(p, 0));
		for (i = 0; i < sizeof(operators) / sizeof(*operators); i++)
			if (p->len - at >= operators[i].len && !memcmp(p->text + at, operators[i].text, operators[i].len))
				break;
		if (i == sizeof(operators) / sizeof(*operators) || operators[i].level < level)
			return 0;
		p->pos += operators[i].len;
		err = parse_level(p, operators[i].level + 1) ?: emit_binary(p, at, operators[i].code);
	}
	return err;
}

static bool is_op(const struct pw_op *op, enum pw_op_code code)
{
	return op->code == code;
}

static bool is_imm(const struct pw_op *op, int64_t imm)
{
	return op->code == PW_OP_IMM && op->imm == imm;
}

/* In ops[0..1] an operator's two operands, one of them @code: the other, if it is a number. */
static const struct pw_op *number_beside(const struct pw_op *ops, enum pw_op_code code)
{
	if (ops[0].code == code && ops[1].code == PW_OP_IMM)
		return &ops[1];
	if (ops[1].code == code && ops[0].code == PW_OP_IMM)
		return &ops[0];
	return NULL;
}

/* An address "base", "base+n", "n+base" or "base-n" in the first @n operations. */
static bool is_based(const struct pw_op *ops, unsigned int n, enum pw_op_code base, int64_t *offset)
{
	const struct pw_op *num;

	if (n == 1 && ops[0].code == base) {
		*offset = 0;
		return true;
	}
	if (n != 3)
		return false;
	num = number_beside(ops, base);
	if (!num)
		return false;
	if (ops[2].code == PW_OP_ADD)
		*offset = num->imm;
	else if (ops[2].code == PW_OP_SUB && num == &ops[1])
		*offset = (int64_t)(0 - (uint64_t)num->imm);
	else
		return false;
	return true;
}

static void choose_shape(struct pw_expr *e)
{
	const struct pw_op *o = e->ops, *last = &o[e->nops - 1], *num;
	int64_t offset;

	e->shape = PW_SHAPE_OPS;
	if (e->nops == 1) {
		switch (o[0].code) {
		case PW_OP_IMM:
			e->shape = PW_SHAPE_IMM;
			e->imm = o[0].imm;
			return;
		case PW_OP_ARG:
			e->shape = PW_SHAPE_ARG;
			e->arg = (uint8_t)o[0].imm;
			return;
		case PW_OP_RET:
			e->shape = PW_SHAPE_RET;
			return;
		default:
			e->shape = PW_SHAPE_KEY;
			return;
		}
	}
	if (e->nops == 2 && is_op(&o[0], PW_OP_RET) && is_op(&o[1], PW_OP_CAST_U8)) {
		e->shape = PW_SHAPE_RET_U8;
		return;
	}
	if (e->nops == 3) {
		num = number_beside(o, PW_OP_RET);
		if (num && is_imm(num, 0) && is_op(last, PW_OP_NE))
			e->shape = PW_SHAPE_RET_NE0;
		else if (num && is_imm(num, 0xff) && is_op(last, PW_OP_AND))
			e->shape = PW_SHAPE_RET_U8;
		if (e->shape != PW_SHAPE_OPS)
			return;
	}
	if (e->nops == 4 && is_op(last, PW_OP_EQ)) {
		/* s32(ret)==0 or 0==s32(ret); that a 32-bit value is zero does not depend on its sign */
		unsigned int ret = is_op(&o[0], PW_OP_RET) ? 0 : 1;
		const struct pw_op *zero = ret ? &o[0] : &o[2];

		if (is_op(&o[ret], PW_OP_RET) && is_imm(zero, 0) &&
		    (is_op(&o[ret + 1], PW_OP_CAST_S32) || is_op(&o[ret + 1], PW_OP_CAST_U32))) {
			e->shape = PW_SHAPE_RET_S32_EQ0;
			return;
		}
	}
	if ((is_op(last, PW_OP_U64) || is_op(last, PW_OP_S64)) && is_based(o, e->nops - 1u, PW_OP_ARG, &offset)) {
		e->shape = PW_SHAPE_READ_ARG;
		e->arg = (uint8_t)(is_op(&o[0], PW_OP_ARG) ? o[0].imm : o[1].imm);
		e->imm = offset;
	} else if (is_op(last, PW_OP_U32) && is_based(o, e->nops - 1u, PW_OP_KEY, &offset)) {
		e->shape = PW_SHAPE_READ_KEY32;
		e->imm = offset;
	}
}

int expr__parse(const char *text, size_t len, unsigned int allowed, struct pw_expr *out, struct expr_error *err)
{
	struct parser p = { .text = text, .len = len, .allowed = allowed, .err = err };

	if (!len)
		return fail(&p, 0, "expected an expression");
	if (parse_level(&p, 1))
		return -EINVAL;
	if (p.pos < len) {
		unsigned char c = (unsigned char)text[p.pos];

		if (c == '=')
			return fail(&p, p.pos, "expected '==' to compare");
		if (isgraph(c))
			return fail(&p, p.pos, "expected an operator or the end, not '%c'", c);
		return fail(&p, p.pos, "expected an operator or the end");
	}
	choose_shape(&p.e);
	*out = p.e;
	return 0;
}
