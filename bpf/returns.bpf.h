/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Return addresses that the kernel has taken over: while the return of a function is probed, its trampoline stands on the stack
 * instead. A thread's own list of these, innermost first, says what was there.
 */
#ifndef POOLWATCH_RETURNS_BPF_H
#define POOLWATCH_RETURNS_BPF_H

#include "maps.bpf.h"

/* returns__copy - those of the calling thread into *@out */
extern int returns__copy(struct pw_returns *out);
/* returns__at - the return address that belongs at @slot of the calling thread's stack, 0 if that is not taken over */
extern __u64 returns__at(__u64 slot);

/* As returns__copy, of any thread. */
static __always_inline void returns__of(struct task_struct *task, struct pw_returns *out)
{
	struct return_instance *ri = BPF_CORE_READ(task, utask, return_instances);

	out->trampoline = BPF_CORE_READ(task, mm, uprobes_state.xol_area, vaddr);
	out->n = PW_RETURNS;
	for (__u32 i = 0; i < PW_RETURNS; i++) {
		if (!ri) {
			out->n = i;
			break;
		}
		/* Of several for one call, the one that was there first knows; the others have the trampoline. */
		out->slot[i] = BPF_CORE_READ(ri, chained) ? 0 : BPF_CORE_READ(ri, stack);
		out->pc[i] = BPF_CORE_READ(ri, orig_ret_vaddr);
		ri = BPF_CORE_READ(ri, next);
	}
}

#endif
