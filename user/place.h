/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where to put a probe so that it costs least and breaks nothing. Looks at code only; pure over the bytes it is given.
 */
#ifndef POOLWATCH_PLACE_H
#define POOLWATCH_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "spec.h"

#define PLACE_MAX_RETS 64

/* A function's code, and what is known of its surroundings. */
struct place_code {
	const uint8_t *bytes;
	size_t len;
	uint64_t vaddr;
	bool go;
	bool has_lsda;	     /* or that cannot be known */
	bool can_cancel;     /* a mapped object imports pthread_cancel, or can throw through it */
	bool seccomp_unsafe; /* a filter that may kill the uretprobe system call, and a kernel without the fix */
	bool whole_function; /* false: an address inside, entry placement only there */
};

struct place_plan {
	/* entry */
	uint32_t entry_offset;	/* from the function's start */
	char entry_insn[64];	/* its text */
	bool entry_emulated;	/* by the kernel; else single-stepped */
	int32_t sp_adjust;	/* sp at entry = sp there + this */
	/* return */
	enum spec_ret ret;	/* never AUTO */
	uint32_t rets[PLACE_MAX_RETS]; /* offsets of ret instructions, if SPEC_RET_SITES */
	size_t nrets;
	bool ret_incomplete;	/* leaves by a jump out of the function as well: some returns are not seen */
	char why[160];		/* the choice, in a sentence */
};

/*
 * place__plan - @args_needed: bit i says argument i is read, so that its register must be untouched at the probe
 * Return: 0; -EILSEQ: not decodable; -EOPNOTSUPP with plan->why: @want cannot be done safely here.
 */
int place__plan(const struct place_code *code, unsigned int args_needed, enum spec_ret want, struct place_plan *plan);

/* Is @offset an instruction boundary of @code? */
bool place__is_boundary(const struct place_code *code, uint32_t offset);

/* Would the running kernel emulate this instruction (else it single-steps it)? */
bool place__is_emulated(const uint8_t *insn, size_t len);

#endif
