/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whole stacks of what is held: recognised at the request, remembered with the hold, its time added up. Only where pw_whole_stacks
 * says so; else all of this is left out of the programs, and the maps have no room. See stacks.h.
 */
#ifndef POOLWATCH_STACKS_BPF_H
#define POOLWATCH_STACKS_BPF_H

#include "maps.bpf.h"
#include "stacks.h"

struct pw_deed;

/*
 * stack__find - the stack of the request that the thread is making, whose return address @site lies at @sp. Its number is left in
 * pw_private.stack, 0 if it is not known. Return: 1: the number is new, and the stack is to be sent to the loader; else 0.
 */
extern int stack__find(__u32 thread, __u64 sp, __u64 site);

/* held__grant - @d is about to be booked in entry @at of the thread's hold set; its stack's number is in pw_private.stack. */
extern int held__grant(struct pw_deed *d, __u32 at);
/* held__return - @units of entry @at were given back by count. */
extern int held__return(struct pw_deed *d, __u32 at, __u32 units);
/* held__return_unit - the unit with the handle of @d was given back. */
extern int held__return_unit(struct pw_deed *d);
/* held__stack - number of the stack that entry @at of the thread's hold set was taken with, 0 if it is not known. */
extern __u64 held__stack(__u32 thread, __u32 at);

#endif
