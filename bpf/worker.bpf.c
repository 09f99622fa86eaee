// SPDX-License-Identifier: GPL-2.0
/*
 * Worker pools whose threads fetch their tasks: a unit is a worker, held from when it gets a task until the task is done.
 * A thread does one task at a time; which one is in its private state.
 */
#include "ledger.bpf.h"
#include "emit.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline void deed__of(struct pw_deed *d, __u32 thread, __u32 pool, __u64 site)
{
	__builtin_memset(d, 0, sizeof(*d));
	d->now = bpf_ktime_get_ns();
	d->site = site;
	d->units = 1;
	d->available = POOLWATCH_UNKNOWN;
	d->thread = thread;
	d->pool = pool;
	d->request = PW_NO_SLOT;
}

__noinline int worker__done(struct pw_spot *spot, __u64 sp)
{
	struct pw_private *own;
	__u32 thread;

	if (!spot)
		return -1;
	thread = spot->thread;
	own = private_at(thread);
	/* What the task itself calls, to give its pool another one, has a deeper stack. */
	if (!own || !own->task_sp || sp < own->task_sp || ledger__find_pool(spot) || spot->pool != own->task_pool)
		return 0;
	own->task_sp = 0;
	deed__of(&own->deed, thread, spot->pool, 0);
	return ledger__release(&own->deed);
}

__noinline int worker__take(struct pw_spot *spot, __u64 sp, __u64 site)
{
	struct pw_private *own;
	struct poolwatch_pool *p;
	__u32 thread;

	if (!spot)
		return -1;
	thread = spot->thread;
	own = private_at(thread);
	p = pool_at(spot->pool);
	if (!own || !p)
		return -1;
	if (own->task_sp) {
		/* A loop within a task is part of that task. */
		if (sp < own->task_sp) {
			count_loss(POOLWATCH_LOST_DEPTH);
			return 0;
		}
		deed__of(&own->deed, thread, own->task_pool, 0);
		ledger__release(&own->deed);
	}
	own->task_sp = sp;
	own->task_pool = spot->pool;
	own->task_gave = PW_GAVE_NONE;
	__sync_fetch_and_add(&p->requests, 1);
	deed__of(&own->deed, thread, spot->pool, site);
	return ledger__grant(&own->deed);
}

__noinline int worker__gives(__u32 thread, __u32 pool)
{
	struct pw_private *own = private_at(thread);

	if (!own || !own->task_sp || own->task_pool != pool)
		return 0;
	own->task_gave = PW_GIVING;
	return 1;
}
