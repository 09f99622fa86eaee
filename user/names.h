/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names for what a view shows as numbers: places in code, what a thread does, its stack. Looks at the processes; where
 * that is not allowed or they have ended, numbers stay numbers.
 */
#ifndef POOLWATCH_NAMES_H
#define POOLWATCH_NAMES_H

#include "finding.h"

struct names;

/* @debug_dirs: where separate debug files are, colon-separated; NULL: /usr/lib/debug. Return: 0 or -ENOMEM. */
int names__new(const char *debug_dirs, struct names **out);
void names__free(struct names *n);

/* The sites of a thread's holds and request, in place; those that have names already are left. */
void names__thread(struct names *n, struct finding_thread *t);
/* One place, in place. @is_return: the address behind a call. */
void names__frame(struct names *n, uint32_t pid, struct finding_frame *f, bool is_return);

/*
 * All frames at a return address, innermost first: *@out is an array to free, each with finding_frame__clear. -ESRCH:
 * the process cannot be looked at.
 */
int names__frames(struct names *n, uint32_t pid, uint64_t site, struct finding_frame **out, size_t *count);

/* The same of a stack: frames at @npc return addresses, innermost first. */
int names__path(struct names *n, uint32_t pid, const uint64_t *pc, size_t npc, struct finding_frame **out, size_t *count);

/* What it does now (t->doing) and, if it is blocked, its stack (t->stack). What was there before is freed. */
void names__look(struct names *n, struct finding_thread *t);

/* t->doing only. */
void names__doing(struct finding_thread *t);

/* Executable of a process, or NULL; belongs to @n, until the next call. */
const char *names__exe(struct names *n, uint32_t pid);

#endif
