/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ledger's operations: threads, pools, requests, grants, releases. What the probes call, whatever told them that
 * something happened. They are functions of their own, which the verifier looks at once each; so they take slots and scalars
 * and look records up themselves.
 *
 * Who writes what: a thread's record and its private state are written by the thread itself, in its own context, so
 * that no two programs ever write them at once; only hold words are changed by others (a foreign release), and so by
 * compare-and-swap alone. A pool's counters are shared and atomic. Programs are preempted: nothing here is per-CPU.
 */
#ifndef POOLWATCH_LEDGER_BPF_H
#define POOLWATCH_LEDGER_BPF_H

#include "maps.bpf.h"

/* In pw_deed.def_flags only: a handle that nobody is known to hold comes back as a bare count. */
#define PW_DEED_ELSE_BY_COUNT (1u << 31)

/* The pool of @def at @addr as the thread sees it. */
struct pw_spot {
	__u64 addr;
	__u32 thread; /* slot */
	__u32 def;
	__u32 pool;   /* out: slot */
	__u32 fresh;  /* out: it was made by this call */
};

/*
 * ledger__thread - slot of the current thread's record, or of @goroutine's if that is not 0; made if it is not there
 * A goroutine's is in use (struct pw_goroutine) until goroutine__end.
 * Return: slot, or -1: the process is not watched, or there is no room (counted).
 */
extern int ledger__thread(__u64 goroutine);

/* ledger__find_pool - the pool, if it is known. Return: 0, or -1. */
extern int ledger__find_pool(struct pw_spot *spot);
/* ledger__pool - the pool, made if it is new (an event). Return: 0, or -1: no room (counted). */
extern int ledger__pool(struct pw_spot *spot);
/* ledger__forget_pool - the pool is destroyed, or another is about to be made at its address. */
extern int ledger__forget_pool(struct pw_spot *spot);

/* ledger__request - the thread asks. A grant is booked even where the request found no room. */
extern int ledger__request(struct pw_deed *d);
/* ledger__ended - the request ended. Requests made after it, whose returns were lost, end with it. */
extern int ledger__ended(struct pw_deed *d);
/* ledger__grant - the thread got what it asked for. Book this before ledger__ended: nobody may see it neither ask nor hold. */
extern int ledger__grant(struct pw_deed *d);
/* ledger__release - units come back: by handle if @resource is not 0, else by count. */
extern int ledger__release(struct pw_deed *d);
/* ledger__waited - how long, for the histogram, and an event if the pool had been full. Before ledger__grant. */
extern int ledger__waited(struct pw_deed *d, __u64 ns, bool granted);
/* ledger__returned - ledger__waited, ledger__ended and, if it was granted, ledger__grant: what most returns are, in one call. */
extern int ledger__returned(struct pw_deed *d, __u64 ns, bool granted);
/* ledger__at_once - ledger__request and a grant that needed no wait, told of when both are over. */
extern int ledger__at_once(struct pw_deed *d);

/* mark_uncertain - the pool's books are in doubt from now on: no proof rests on them. Told once. */
extern int mark_uncertain(__u32 pool, __u32 thread);

/* worker__done - the thread's task ends, if it is one of this pool's and the stack is no deeper than where it was taken */
extern int worker__done(struct pw_spot *spot, __u64 sp);
/* worker__take - from now on it does a task of the pool, taken at @sp */
extern int worker__take(struct pw_spot *spot, __u64 sp, __u64 site);
/* worker__gives - its task begins to give a pool a task; is it the pool that the task itself is of, which it may then wait for? */
extern int worker__gives(__u32 thread, __u32 pool);

/* As ledger__thread, without a call for a thread that is known. */
static __always_inline int thread__slot(__u64 goroutine, __u64 pid_tgid)
{
	struct pw_owner_key key = { .owner = (__u32)pid_tgid, .tgid = pid_tgid >> 32 };
	__u32 *slot;

	if (goroutine)
		return ledger__thread(goroutine);
	slot = bpf_map_lookup_elem(&pw_thread_index, &key);
	return slot ? *slot : ledger__thread(0);
}

/* The pool of @spot is the one that the thread used last: no look-up in an index. */
static __always_inline struct poolwatch_pool *pool__again(const struct pw_private *own, struct pw_spot *spot)
{
	struct poolwatch_pool *p;
	__u32 slot = own->last_pool;

	if (own->last_addr != spot->addr || own->last_def != spot->def || slot == PW_NO_SLOT)
		return NULL;
	p = bpf_map_lookup_elem(&pw_pools, &slot);
	/* The slot may have been given to another pool meanwhile. */
	if (!p || !p->head.id || p->def != spot->def || p->flags & POOLWATCH_POOL_DESTROYED ||
	    (p->addr != spot->addr && !(p->flags & POOLWATCH_POOL_SHARED)))
		return NULL;
	spot->pool = slot;
	return p;
}

/*
 * Records by slot. The slot is passed by value: a key that lies in memory given to a function of its own is refused by
 * the verifier of Linux 6.1.
 */
static __always_inline struct poolwatch_pool *pool_at(__u32 slot)
{
	return bpf_map_lookup_elem(&pw_pools, &slot);
}

static __always_inline struct poolwatch_thread *thread_at(__u32 slot)
{
	return bpf_map_lookup_elem(&pw_threads, &slot);
}

static __always_inline struct pw_private *private_at(__u32 slot)
{
	return bpf_map_lookup_elem(&pw_private, &slot);
}

static __always_inline struct pw_goroutine *goroutine_at(__u32 slot)
{
	return bpf_map_lookup_elem(&pw_goroutines, &slot);
}

/* A capacity that cannot be one is unknown, never a guess. */
static __always_inline void pool__set_capacity(struct poolwatch_pool *p, __s64 capacity)
{
	if (capacity <= 0 || capacity >= (1ll << 31) || capacity < p->in_use) {
		p->capacity = POOLWATCH_UNKNOWN;
		__sync_fetch_and_and(&p->flags, ~POOLWATCH_POOL_STATED);
		return;
	}
	p->capacity = capacity;
	__sync_fetch_and_or(&p->flags, POOLWATCH_POOL_STATED);
}

/* What exists is at least what is out and what is free. A lost race leaves a maximum true a moment ago; the next mends it. */
static __always_inline void pool__seen(struct poolwatch_pool *p, __s64 available)
{
	__s64 all = p->in_use;

	if (available > 0 && available < (1ll << 31))
		all += available;
	if (all > p->most_seen)
		p->most_seen = all;
}

#endif
