/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where to put a probe so that it costs least and breaks nothing. Looks at code only; pure over the bytes it is given and the
 * kernel's version (place_kernel.h).
 */
#ifndef POOLWATCH_PLACE_H
#define POOLWATCH_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "spec.h"

#define PLACE_MAX_RETS	   64
#define PLACE_MAX_FUNCTION (1u << 20) /* bytes of code looked at */

/* Other code of the same file that the function jumps to: its cold part, or what it tail-calls. */
struct place_part {
	const uint8_t *bytes;
	size_t len;
	uint64_t vaddr; /* of bytes[0] */
};

/* A function's code, and what is known of its surroundings. */
struct place_code {
	const uint8_t *bytes;
	size_t len;
	uint64_t vaddr;
	uint32_t start;		 /* offset of the probe that "sym+off" asks for; 0: the function's entry, or better */
	const uint32_t *entries; /* offsets > 0 at which other symbols begin: code that runs without what stands before it */
	size_t nentries;
	const uint64_t *roots;	 /* addresses of parts that only the unwinder jumps to (cold parts of a function with an LSDA) */
	size_t nroots;
	/* The whole function or part that contains @vaddr (owned by @ctx). NULL: nothing is known. Return: 0 or -ENOENT. */
	int (*part)(void *ctx, uint64_t vaddr, struct place_part *out);
	void *ctx;
	bool go;
	bool may_repeat;     /* the probe knows a call that it has seen: what a loop goes through again will do as well */
	bool has_lsda;	     /* or that cannot be known */
	bool can_cancel;     /* a mapped object imports pthread_cancel */
	bool can_throw;	     /* a mapped object can throw, and this is no function of the C library */
	bool can_switch;     /* threads may change stacks (swapcontext and its like), and this is no function of the C library */
	bool seccomp_unsafe; /* a filter that may kill the uretprobe system call, and a kernel without the fix */
};

struct place_plan {
	/* entry */
	uint32_t entry_offset;	/* from the function's start */
	char entry_insn[64];	/* its text */
	bool entry_emulated;	/* by the kernel; else single-stepped */
	int32_t sp_adjust;	/* sp at entry = sp there + this */
	bool repeats;		/* one call may come by there several times, with the arguments as they were */
	/* return */
	enum spec_ret ret;	/* never AUTO */
	int64_t rets[PLACE_MAX_RETS]; /* of ret instructions, relative to vaddr (a cold part may stand before), if SPEC_RET_SITES */
	size_t nrets;
	bool ret_incomplete;	/* leaves by jumps that cannot be followed as well: some returns are not seen */
	char why[160];		/* the choice, in a sentence */
};

/*
 * place__plan - @args_needed: bit i says argument i is read, so that its register must be untouched at the probe
 * Return: 0; -EILSEQ: not decodable, or not an instruction that can be probed; -EOPNOTSUPP with plan->why: @want cannot be done
 * safely here. *@plan is filled in as far as it goes.
 */
int place__plan(const struct place_code *code, unsigned int args_needed, enum spec_ret want, struct place_plan *plan);

/* place__entry - the entry part of it alone, for a probe that looks at no return. */
int place__entry(const struct place_code *code, unsigned int args_needed, struct place_plan *plan);

/* Is @offset an instruction boundary of @code? */
bool place__is_boundary(const struct place_code *code, uint32_t offset);

/* Would the running kernel emulate this instruction (else it single-steps it)? */
bool place__is_emulated(const uint8_t *insn, size_t len);

#endif
