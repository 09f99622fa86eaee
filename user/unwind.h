/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Unwinding offline: libdwfl over the binaries that a process maps, with registers and stack memory that were copied at
 * some moment, and the live process's memory behind them if it stands still. One unwinder a process; it keeps the
 * binaries it used.
 */
#ifndef POOLWATCH_UNWIND_H
#define POOLWATCH_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "binary.h"
#include "stack.h"
#include "target.h"

/* Where the binary behind a mapping comes from: a new reference, or NULL if it cannot be read. */
typedef struct binary *(*unwind_open_fn)(void *ctx, const struct target *t, const struct target_map *m);

struct unwinder;

/* unwinder__new - for @t as it is mapped now; @vdso: of this kernel, or NULL. Return: 0 or -ENOMEM. */
int unwinder__new(const struct target *t, struct binary *vdso, unwind_open_fn open, void *ctx, struct unwinder **out);
void unwinder__free(struct unwinder *u);

/* Are the files that it uses still what they were? Reading a mapped one that was cut short is a SIGBUS. */
bool unwinder__is_current(const struct unwinder *u);

/* unwinder__run - as stack__unwind_slots */
int unwinder__run(struct unwinder *u, const struct target *t, const struct stack_sample *s, uint64_t *out, uint64_t *slots, size_t max);

/*
 * Did the last run see the whole stack, down to the function that the thread began in, by call frame information all the
 * way? Frame pointers may pass over a caller.
 */
bool unwinder__whole(const struct unwinder *u);

/* What lies at an address that no file is mapped at. */
enum unwind_place { UNWIND_NOWHERE, UNWIND_VDSO, UNWIND_UPROBES, UNWIND_GENERATED };
enum unwind_place unwinder__place(const struct unwinder *u, uint64_t addr, uint64_t *start);
/* Look again: probes set meanwhile, code generated meanwhile. */
void unwinder__look(struct unwinder *u, const struct target *t);

#endif
