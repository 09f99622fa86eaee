/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From addresses and raw stacks to frames with names and lines. Built on elfutils; caches per process and per file, in
 * bounded memory. Target files are hostile input.
 */
#ifndef POOLWATCH_STACK_H
#define POOLWATCH_STACK_H

#include <stddef.h>
#include <stdint.h>
#include "finding.h"
#include "target.h"
#include "../bpf/shared.h"

#define STACK_MAX_FRAMES 64

struct stack_namer;

struct stack_options {
	const char *debug_dirs; /* colon-separated; NULL: /usr/lib/debug */
	int use_debuginfod;	/* off unless asked for */
	size_t max_bytes;	/* of all caches; 0: a default */
};

int stack__new(const struct stack_options *options, struct stack_namer **out);
void stack__free(struct stack_namer *n);

/* The target mapped or unmapped something, or is another program now. */
void stack__forget(struct stack_namer *n, uint32_t pid);

/*
 * stack__name - the frames at @addr of the process: *@n of them (> 1 where functions were inlined), innermost first, at least
 * one, of which module and offset are the least that is said. @is_return: @addr is a return address, so the call before
 * it is meant. Return: 0 or -ENOMEM.
 */
int stack__name(struct stack_namer *s, const struct target *t, uint64_t addr, int is_return, struct finding_frame **out, size_t *n);

/*
 * stack__unwind - addresses of the frames from @regs and a copy of the stack from regs[PW_RSP] on; memory beyond the copy is
 * read from the target only if @live (a blocked thread). .eh_frame and .debug_frame, then frame pointers.
 * Return: number of addresses in @out (at least 1), the first is the pc, the others return addresses.
 */
int stack__unwind(struct stack_namer *s, const struct target *t, const uint64_t regs[PW_REGS], const uint8_t *stack, size_t len,
		  int live, uint64_t *out, size_t max);

/* stack__trace - both: unwound, named, library frames marked. */
int stack__trace(struct stack_namer *s, const struct target *t, const uint64_t regs[PW_REGS], const uint8_t *stack, size_t len,
		 int live, struct finding_frame **out, size_t *n);

#endif
