/* SPDX-License-Identifier: GPL-2.0 */
/* One instruction, as far as placing probes has to know it. */
#ifndef POOLWATCH_PLACE_INSN_H
#define POOLWATCH_PLACE_INSN_H

#include <capstone/capstone.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum place_flow {
	FLOW_NEXT,     /* on to the next one; a system call too */
	FLOW_COND,     /* to target or on */
	FLOW_JUMP,     /* to target */
	FLOW_INDIRECT, /* to somewhere */
	FLOW_CALL,     /* of anything; comes back, or not */
	FLOW_RET,
	FLOW_STOP, /* nothing runs behind it */
};

struct place_insn {
	uint64_t vaddr;
	uint32_t len;
	enum place_flow flow;
	uint64_t target;      /* FLOW_COND, FLOW_JUMP; of a direct call, else 0 */
	bool through_memory;  /* FLOW_INDIRECT: by a fixed word of memory (the GOT), so not a switch */
	bool emulated;
	bool probeable;	      /* the kernel takes a probe here, and it is harmless */
	bool long_nop5;	      /* where 6.18 and later may put a call, which writes below the stack pointer */
	int32_t sp_delta;     /* what it adds to the stack pointer */
	bool sp_lost;	      /* after it the stack pointer is not known */
	bool writes_memory;   /* other than by a push or at an address from the stack pointer */
	uint32_t writes;      /* bit per general register, numbered as the processor does (0 ax, 4 sp, 7 di, 14 r14) */
	char text[64];
};

int place_insn__open(csh *handle);
/* Return: 0; -EILSEQ: not an instruction, or more than @len bytes. */
int place_insn__decode(csh handle, const uint8_t *bytes, size_t len, uint64_t vaddr, struct place_insn *out);

#endif
