/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the namer keeps in memory: binaries by device and inode, for all processes that map them; unwinders and perf
 * maps by process. Private to stack*.c.
 */
#ifndef POOLWATCH_STACK_CACHE_H
#define POOLWATCH_STACK_CACHE_H

#include "binary.h"
#include "perfmap.h"
#include "stack.h"
#include "unwind.h"

#define STACK_MAX_BINARIES  192 /* each keeps up to three descriptors, of the 1024 that a process usually may have */
#define STACK_MAX_PROCESSES 64
#define STACK_MAX_KEPT	    64 /* binaries of one process that are opened before they are needed */

struct stack_process {
	uint32_t pid;
	uint64_t start;
	uint64_t used;
	struct unwinder *unwinder;
	struct perfmap *perfmap;
};

struct stack_namer {
	struct binary_options options;
	char *debug_dirs;
	size_t max_bytes;
	uint64_t clock; /* of uses */
	struct binary *vdso;
	struct binary *binaries[STACK_MAX_BINARIES];
	size_t nbinaries;
	struct stack_process processes[STACK_MAX_PROCESSES];
	size_t nprocesses;
};

/* The binary behind @m, kept by the namer; NULL if it cannot be read. */
struct binary *stack_cache__binary(struct stack_namer *s, const struct target *t, const struct target_map *m);
/* What is kept of @t. Good until the next call or stack_cache__trim. Return: 0 or -ENOMEM. */
int stack_cache__process(struct stack_namer *s, const struct target *t, struct stack_process **out);
/*
 * Back below the limit, what was used longest ago first. At the end of each call from outside: what it uses stays till
 * then.
 */
void stack_cache__trim(struct stack_namer *s);

#endif
