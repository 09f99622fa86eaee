// SPDX-License-Identifier: GPL-2.0
/* Releases: by handle exactly, else by count, and for whom if not for oneself. See ledger.bpf.h. */
#include "emit.bpf.h"
#include "histogram.bpf.h"
#include "hold.bpf.h"
#include "ledger.bpf.h"
#include "unit.bpf.h"
#include "stacks.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* Most are set already; a locked instruction would take the line from everybody else. */
static __always_inline void set_flag(struct poolwatch_pool *p, __u32 flag)
{
	if (!(p->flags & flag))
		__sync_fetch_and_or(&p->flags, flag);
}

/* Take what @d says out of an entry of the hold set of @thread, which may be another's. Return: how many units it had. */
static __always_inline __s64 hold__out(struct poolwatch_hold *hold, struct poolwatch_pool *p, const struct pw_deed *d)
{
	__u64 before = 0, since = hold->since;
	__s64 had;

	if (hold__change(&hold->word, d->pool, -d->units, &before))
		return -1;
	had = POOLWATCH_HOLD_UNITS(before);
	if (had <= d->units && (before & POOLWATCH_HOLD_NESTED))
		__sync_fetch_and_add(&p->nesting, -1);
	if (had > 0)
		hist_add(p->hold, d->now - since);
	return had;
}

__noinline int hold__take(__u32 slot, __u32 i, struct pw_deed *d)
{
	struct poolwatch_thread *t = thread_at(slot);
	struct poolwatch_pool *p;

	if (!d || !t || i >= POOLWATCH_HOLDS)
		return 0;
	p = pool_at(d->pool);
	return p ? hold__out(&t->hold[i], p, d) : 0;
}

static __always_inline void came_back(struct poolwatch_pool *p, __s64 units)
{
	__sync_fetch_and_add(&p->in_use, -units);
	__sync_fetch_and_add(&p->releases, 1);
	if (p->full_since)
		p->full_since = 0;
}

/* By handle: exact, whoever returns it. Return: 0; 1: it is not known, to be released by count. */
__noinline int release__unit(struct pw_deed *d)
{
	struct poolwatch_thread *t;
	struct poolwatch_pool *p;
	bool stays_out;
	int at, taken;

	if (!d)
		return -1;
	t = thread_at(d->thread);
	p = pool_at(d->pool);
	if (!t || !p)
		return -1;
	stays_out = d->flags == PW_DISOWN;
	taken = unit__take(d);
	if (taken < 0 || (!taken && stays_out))
		return 0;
	if (!taken) {
		if (d->def_flags & PW_DEED_ELSE_BY_COUNT)
			return 1;
		count_loss(POOLWATCH_UNMATCHED_RELEASES);
		__sync_fetch_and_add(&p->returned_unknown, 1);
		__sync_fetch_and_add(&p->releases, 1);
		return 0;
	}
	if (pw_whole_stacks)
		held__return_unit(d);
	if (d->holder == t->head.id) {
		set_flag(p, POOLWATCH_POOL_CONFIRMED);
	} else {
		if (!stays_out && d->holder != PW_UNIT_DISOWNED)
			__sync_fetch_and_add(&p->foreign, 1);
		t = thread_at(d->holder);
	}
	if (t && t->head.id == d->holder) {
		d->units = 1;
		at = hold__find(d->holder, d->pool);
		if (at >= 0 && hold__take(d->holder, at, d) < 0)
			mark_uncertain(d->pool, d->thread);
		if (t->flags & POOLWATCH_THREAD_EXITED)
			emit__pool(POOLWATCH_EV_RETURNED, p, t, d->site, d->now - t->exited, 1);
	}
	if (!stays_out)
		came_back(p, 1);
	return 0;
}

/* A thread that never waited posts: a signalling semaphore. What it took before the attach it may post once. */
__noinline int release__signal(struct pw_deed *d, bool waited)
{
	struct poolwatch_thread *t;
	struct poolwatch_pool *p;
	struct pw_private *own;
	__u64 before = 0;
	int at;

	if (!d)
		return -1;
	if (waited || !(d->def_flags & POOLWATCH_DEF_CONFIRM))
		return 0;
	t = thread_at(d->thread);
	own = private_at(d->thread);
	p = pool_at(d->pool);
	at = hold__claim(d->thread, d->pool);
	if (!t || !own || !p || at < 0 || at >= POOLWATCH_HOLDS)
		return -1;
	if (hold__add(&t->hold[at].word, d->pool, 0, POOLWATCH_HOLD_POSTED, &before))
		return -1;
	if (!(before & POOLWATCH_HOLD_POSTED) && !own->since_attach)
		return 0;
	if (!(p->flags & POOLWATCH_POOL_SIGNALLING)) {
		__sync_fetch_and_or(&p->flags, POOLWATCH_POOL_SIGNALLING);
		emit__pool(POOLWATCH_EV_SIGNALLING, p, t, d->site, 0, 0);
	}
	return 0;
}

#define PW_UNKNOWN_MAX 8 /* units from before the attach that one believes in where the capacity is not known */

/* Can units that were taken before the attach still be out? No more than there are, less what was free then. */
static __always_inline bool may_be_older(const struct poolwatch_pool *p, __s64 units)
{
	__s64 most = PW_UNKNOWN_MAX;

	if (p->capacity != POOLWATCH_UNKNOWN)
		most = p->capacity - (p->available > 0 ? p->available : 0);
	return (__s64)p->returned_unknown + units <= most;
}

/*
 * More units than the thread held (@had of them): it gives them back for somebody else. For whom cannot be told, so the
 * pool's holders are in doubt from then on, unless the unit was one that nobody was seen to take.
 */
__noinline int release__foreign(struct pw_deed *d, __s64 had, bool waited)
{
	struct poolwatch_pool *p;
	struct pw_private *own;
	__s64 known, rest;

	if (!d)
		return -1;
	own = private_at(d->thread);
	p = pool_at(d->pool);
	if (!own || !p)
		return -1;
	count_loss(POOLWATCH_UNMATCHED_RELEASES);
	if (!had)
		__sync_fetch_and_add(&p->releases, 1);
	rest = d->units - had;
	known = p->in_use;
	/* A thread from before the attach that never asked here returns, as far as anyone can know, what it took then. */
	if ((!waited && !own->since_attach && may_be_older(p, rest)) || known <= 0) {
		__sync_fetch_and_add(&p->returned_unknown, rest);
		if (known > 0)
			p->doubted = d->now;
		return 0;
	}
	if (rest > known)
		rest = known;
	__sync_fetch_and_add(&p->foreign, rest);
	__sync_fetch_and_add(&p->in_use, -rest);
	p->full_since = 0;
	__sync_fetch_and_or(&p->flags, POOLWATCH_POOL_AMBIGUOUS);
	mark_uncertain(d->pool, d->thread);
	return 0;
}

/* With a handle: by that. Else by count. */
__noinline int ledger__release(struct pw_deed *d)
{
	struct poolwatch_thread *t;
	struct poolwatch_pool *p;
	struct pw_private *own;
	bool waited = false;
	__s64 had = 0;
	int at;

	if (!d)
		return -1;
	if (d->resource && release__unit(d) <= 0)
		return 0;
	t = thread_at(d->thread);
	own = private_at(d->thread);
	p = pool_at(d->pool);
	if (!t || !own || !p)
		return -1;
	at = hold__at(t, own, d->pool);
	if (at >= 0 && at < POOLWATCH_HOLDS) {
		waited = !(t->hold[at].word & POOLWATCH_HOLD_POSTED);
		had = hold__out(&t->hold[at], p, d);
	}
	if (had < 0) {
		mark_uncertain(d->pool, d->thread);
		had = 0;
	}
	if (had > d->units)
		had = d->units;
	if (had > 0) {
		if (pw_whole_stacks)
			held__return(d, at, had);
		set_flag(p, POOLWATCH_POOL_CONFIRMED);
		came_back(p, had);
	}
	if (had >= d->units)
		return 0;
	/* Not from release__foreign: all calls in progress have 512 bytes of stack, and Linux 6.1 rounds each up to 32. */
	release__signal(d, waited);
	return release__foreign(d, had, waited);
}
