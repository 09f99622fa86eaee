/* SPDX-License-Identifier: GPL-2.0 */
/* The ways through a function: what is reached, what is jumped to, where it returns. */
#ifndef POOLWATCH_PLACE_WALK_H
#define POOLWATCH_PLACE_WALK_H

#include "place.h"
#include "place_insn.h"

#define WALK_MAX_REGIONS 16

struct walk_region {
	const uint8_t *bytes;
	size_t len;
	uint64_t vaddr;
	uint8_t *marks;	   /* a byte per byte of code */
	bool indirect;	   /* has jumps through registers: a switch, or a tail call */
};

struct walk {
	csh cs;
	const struct place_code *code;
	struct walk_region regions[WALK_MAX_REGIONS]; /* the first is the function */
	size_t nregions;
	uint64_t *work; /* addresses still to visit */
	size_t nwork, work_size;
	uint64_t rets[PLACE_MAX_RETS];
	size_t nrets;
	bool too_many_rets;
	bool undecodable; /* something reached is no instruction */
	bool blind;	  /* some code that may jump into the function was not seen */
	bool leaves;	  /* by jumps that cannot be followed */
	bool calls;	  /* other functions, which leave no argument register as it was */
	uint32_t writes;  /* general registers that what was reached writes, as in struct place_insn */
};

/* Return: 0 (whatever was found out), or -ENOMEM. Free with walk__clear in any case. */
int walk__run(struct walk *w, const struct place_code *code);
void walk__clear(struct walk *w);
/* Does anything jump to this offset of the function, or begin there? */
bool walk__is_target(const struct walk *w, uint32_t offset);
/* Does another function begin at this offset? */
bool walk__is_entry(const struct walk *w, uint32_t offset);

#endif
