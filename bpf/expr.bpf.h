/* SPDX-License-Identifier: GPL-2.0 */
/* Expressions of pool definitions, evaluated at a probe. user/expr.c computes the same from outside. */
#ifndef POOLWATCH_EXPR_BPF_H
#define POOLWATCH_EXPR_BPF_H

#include "maps.bpf.h"

static __always_inline int expr__read(__u32 code, __u64 addr, __s64 *v)
{
	__u64 raw = 0;
	long err;

	/* A constant size each: what the verifier can follow. */
	switch ((code - PW_OP_U8) & 3) {
	case 0:
		err = bpf_probe_read_user(&raw, 1, (void *)addr);
		break;
	case 1:
		err = bpf_probe_read_user(&raw, 2, (void *)addr);
		break;
	case 2:
		err = bpf_probe_read_user(&raw, 4, (void *)addr);
		break;
	default:
		err = bpf_probe_read_user(&raw, 8, (void *)addr);
	}
	if (err)
		return -1;
	switch (code) {
	case PW_OP_S8:
		*v = (__s8)raw;
		break;
	case PW_OP_S16:
		*v = (__s16)raw;
		break;
	case PW_OP_S32:
		*v = (__s32)raw;
		break;
	default:
		*v = raw;
	}
	return 0;
}

static __always_inline __s64 expr__cast(__u32 code, __s64 v)
{
	switch (code) {
	case PW_OP_CAST_U8:
		return (__u8)v;
	case PW_OP_CAST_U16:
		return (__u16)v;
	case PW_OP_CAST_U32:
		return (__u32)v;
	case PW_OP_CAST_S8:
		return (__s8)v;
	case PW_OP_CAST_S16:
		return (__s16)v;
	default:
		return (__s32)v;
	}
}

/* a op b; division happens with magnitudes, since BPF before version 4 has none with signs. */
static __always_inline int expr__binary(__u32 code, __s64 a, __s64 b, __s64 *v)
{
	switch (code) {
	case PW_OP_ADD:
		*v = a + b;
		return 0;
	case PW_OP_SUB:
		*v = a - b;
		return 0;
	case PW_OP_MUL:
		*v = a * b;
		return 0;
	case PW_OP_DIV: {
		__u64 q;

		if (!b)
			return -1;
		q = (a < 0 ? -(__u64)a : (__u64)a) / (b < 0 ? -(__u64)b : (__u64)b);
		*v = (a < 0) != (b < 0) ? -q : q;
		return 0;
	}
	case PW_OP_AND:
		*v = a & b;
		return 0;
	case PW_OP_OR:
		*v = a | b;
		return 0;
	case PW_OP_SHL:
		*v = (__u64)a << (b & 63);
		return 0;
	case PW_OP_SHR:
		*v = a >> (b & 63);
		return 0;
	case PW_OP_EQ:
		*v = a == b;
		return 0;
	case PW_OP_NE:
		*v = a != b;
		return 0;
	case PW_OP_LT:
		*v = a < b;
		return 0;
	case PW_OP_LE:
		*v = a <= b;
		return 0;
	case PW_OP_GT:
		*v = a > b;
		return 0;
	case PW_OP_GE:
		*v = a >= b;
		return 0;
	}
	return -1;
}

/*
 * The stack machine. A function of its own, so that the verifier looks at it once. The stack is four variables: an array
 * indexed by a variable would cost a bounds check for each access.
 */
__noinline int expr__run(const struct pw_expr *e, const struct pw_env *env, __s64 *result)
{
	__s64 s0 = 0, s1 = 0, s2 = 0, s3 = 0, v = 0;

	if (!e || !env || !result)
		return -1;
	for (__u32 i = 0; i < PW_EXPR_OPS; i++) {
		__u32 code;
		__s64 imm;

		if (i >= e->nops)
			break;
		code = e->ops[i].code;
		imm = e->ops[i].imm;
		if (code >= PW_OP_IMM && code <= PW_OP_KEY) {
			s3 = s2;
			s2 = s1;
			s1 = s0;
			if (code == PW_OP_IMM)
				s0 = imm;
			else if (code == PW_OP_RET)
				s0 = env->ret;
			else if (code == PW_OP_KEY)
				s0 = env->key;
			else
				s0 = env->args[imm >= 0 && imm < PW_ARGS ? imm : 0];
		} else if (code >= PW_OP_U8 && code <= PW_OP_S64) {
			if (expr__read(code, s0, &v))
				return -1;
			s0 = v;
		} else if (code >= PW_OP_CAST_U8 && code <= PW_OP_CAST_S32) {
			s0 = expr__cast(code, s0);
		} else {
			if (expr__binary(code, s1, s0, &v))
				return -1;
			s0 = v;
			s1 = s2;
			s2 = s3;
		}
	}
	*result = s0;
	return 0;
}

/* Compute @e. Return: 0, or -1 if a read failed (counted by the caller). The usual shapes take no call. */
static __always_inline int expr__value(const struct pw_expr *e, const struct pw_env *env, __s64 *v)
{
	__u64 raw64;
	__u32 raw32;

	switch (e->shape) {
	case PW_SHAPE_IMM:
		*v = e->imm;
		return 0;
	case PW_SHAPE_ARG:
		*v = env->args[e->arg < PW_ARGS ? e->arg : 0];
		return 0;
	case PW_SHAPE_RET:
		*v = env->ret;
		return 0;
	case PW_SHAPE_KEY:
		*v = env->key;
		return 0;
	case PW_SHAPE_RET_S32_EQ0:
		*v = (__s32)env->ret == 0;
		return 0;
	case PW_SHAPE_RET_NE0:
		*v = env->ret != 0;
		return 0;
	case PW_SHAPE_RET_U8:
		*v = env->ret & 0xff;
		return 0;
	case PW_SHAPE_READ_ARG:
		if (bpf_probe_read_user(&raw64, sizeof(raw64), (void *)(env->args[e->arg < PW_ARGS ? e->arg : 0] + e->imm)))
			return -1;
		*v = raw64;
		return 0;
	case PW_SHAPE_READ_KEY32:
		if (bpf_probe_read_user(&raw32, sizeof(raw32), (void *)(env->key + e->imm)))
			return -1;
		*v = raw32;
		return 0;
	case PW_SHAPE_OPS:
		return expr__run(e, env, v);
	}
	return -1;
}

/* The same as a function, for what is not computed at every hit. */
__noinline int expr__rarely(const struct pw_expr *e, const struct pw_env *env, __s64 *v)
{
	return e && env && v ? expr__value(e, env, v) : -1;
}

#endif
