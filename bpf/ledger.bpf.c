// SPDX-License-Identifier: GPL-2.0
/* Requests and grants: see ledger.bpf.h. Releases are in release.bpf.c, threads and pools themselves in records.bpf.c. */
#include "emit.bpf.h"
#include "histogram.bpf.h"
#include "hold.bpf.h"
#include "ledger.bpf.h"
#include "unit.bpf.h"
#include "stacks.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define PW_TELL_NS 10000000ull /* between two full or blocked events of one pool */
#define PW_BLOCKED_NS 1000000ull /* an acquire that took longer had to wait */
#define PW_POLL_NS 1000000000ull /* who has not tried for so long polls no more */

static __always_inline void raise(__s64 *max, __s64 v)
{
	if (v > *max)
		*max = v;
}

/* Rare, and so a function: what calls it stays short. */
__noinline int mark_uncertain(__u32 pool, __u32 thread)
{
	struct poolwatch_pool *p = pool_at(pool);

	if (!p || p->flags & POOLWATCH_POOL_UNCERTAIN)
		return 0;
	p->uncertain_since = bpf_ktime_get_ns();
	__sync_fetch_and_or(&p->flags, POOLWATCH_POOL_UNCERTAIN);
	emit__pool(POOLWATCH_EV_UNCERTAIN, p, thread_at(thread), 0, 0, 0);
	return 0;
}

/* --- requests */

/* Count the edge. Return: 1 if it was never seen before. */
__noinline int edge__count(struct pw_edge_key *asked, __u32 thread, __u32 depth)
{
	struct poolwatch_thread *t = thread_at(thread);
	__u64 now = bpf_ktime_get_ns();
	struct poolwatch_edge *e;
	struct pw_edge_key key;
	__u32 *known, slot;

	if (!asked || !t)
		return 0;
	key = *asked;
	known = bpf_map_lookup_elem(&pw_edge_index, &key);
	if (known) {
		e = bpf_map_lookup_elem(&pw_edges, known);
		if (!e)
			return 0;
		__sync_fetch_and_add(&e->count, 1);
		e->last = now;
		if (depth > e->depth)
			e->depth = depth;
		return 0;
	}
	if (bpf_map_pop_elem(&pw_free_edges, &slot)) {
		count_loss(POOLWATCH_LOST_EDGES);
		return 0;
	}
	e = bpf_map_lookup_elem(&pw_edges, &slot);
	if (!e)
		return 0;
	if (bpf_map_update_elem(&pw_edge_index, &key, &slot, BPF_NOEXIST)) {
		bpf_map_push_elem(&pw_free_edges, &slot, 0);
		return 0;
	}
	e->from = key.from;
	e->to = key.to;
	e->from_site = key.from_site;
	e->to_site = key.to_site;
	e->count = 1;
	e->first = e->last = now;
	e->depth = depth;
	e->tid = t->tid;
	e->goroutine = t->flags & POOLWATCH_THREAD_GOROUTINE ? t->owner : 0;
	e->head.uid = t->head.uid;
	e->head.tgid = t->head.tgid;
	barrier();
	e->head.id = (__sync_fetch_and_add(&pw_generation, 1) + 1) << 32 | slot;
	return 1;
}

/* The thread holds entry @i and asks as @d says: a nested request if it is the same pool, an order of two pools else. */
__noinline int edge__from_hold(struct pw_deed *d, __u32 i)
{
	struct poolwatch_pool *p, *from;
	struct pw_edge_key key = {};
	struct poolwatch_thread *t;
	__u64 w, before;
	__u32 at, depth;
	bool known;

	if (!d || i >= POOLWATCH_HOLDS)
		return 0;
	t = thread_at(d->thread);
	p = pool_at(d->pool);
	if (!t || !p)
		return 0;
	w = t->hold[i].word;
	at = POOLWATCH_HOLD_POOL(w);
	from = pool_at(at);
	if (!from)
		return 0;
	/* What came back since may have been this. */
	if (t->hold[i].since < from->doubted)
		return 0;
	depth = POOLWATCH_HOLD_UNITS(w);
	if (at == d->pool) {
		/* Whose units a bare count means is in doubt once others released for this pool. */
		if (p->flags & POOLWATCH_POOL_AMBIGUOUS)
			return 0;
		depth += d->units;
		__sync_fetch_and_add(&p->nested, 1);
		if (depth > p->depth)
			p->depth = depth;
		if (!(w & POOLWATCH_HOLD_NESTED) && !hold__add(&t->hold[i].word, at, 0, POOLWATCH_HOLD_NESTED, &before))
			raise(&p->nesting_max, __sync_fetch_and_add(&p->nesting, 1) + 1);
	}
	key.from = from->head.id;
	key.to = p->head.id;
	key.from_site = t->hold[i].site;
	key.to_site = d->site;
	known = !edge__count(&key, d->thread, depth);
	/* A new edge is told with its own hold, whatever else is held; a nested request before an order. */
	if (known ? d->edge : d->edge == POOLWATCH_EV_NESTED)
		return 0;
	d->held = key.from;
	d->held_site = key.from_site;
	if (known)
		return 0;
	d->edge = at == d->pool ? POOLWATCH_EV_NESTED : POOLWATCH_EV_ORDER;
	d->depth = depth;
	if (pw_whole_stacks) {
		struct pw_private *own = private_at(d->thread);

		if (own)
			own->held_stack = held__stack(d->thread, i);
	}
	return 0;
}

/* Told, but not more often than readers can use. */
__noinline int tell(struct pw_deed *d, __u32 type)
{
	struct poolwatch_pool *p;
	struct pw_record *r;

	if (!d)
		return 0;
	p = pool_at(d->pool);
	if (!p || d->now - p->told < PW_TELL_NS)
		return 0;
	p->told = d->now;
	r = emit__begin(type, p, thread_at(d->thread));
	if (!r)
		return 0;
	r->event.held = d->held;
	r->event.site = d->site;
	r->event.held_site = d->held_site;
	r->event.units = d->units;
	emit__end(r);
	return 0;
}

static __always_inline __u32 give_up(struct poolwatch_thread *t, __u32 at)
{
	struct poolwatch_pool *p;

	at &= POOLWATCH_REQUESTS - 1;
	p = pool_at(t->request[at].pool);
	if (p)
		__sync_fetch_and_add(&p->requesting, -1);
	t->request[at].seq = 0;
	t->requests = at;
	return at;
}

/* The same for all that it holds. Return: does it hold anything? */
static __always_inline bool edge__from_holds(struct pw_deed *d, const struct poolwatch_thread *t, const struct pw_private *own)
{
	__u32 n = own->nholds;
	bool holding = false;

	for (__u32 i = 0; i < POOLWATCH_HOLDS; i++) {
		if (i >= n)
			break;
		if (POOLWATCH_HOLD_UNITS(t->hold[i].word)) {
			holding = true;
			edge__from_hold(d, i);
		}
	}
	return holding;
}

__noinline int ledger__request(struct pw_deed *d)
{
	struct poolwatch_request *r;
	struct poolwatch_thread *t;
	struct poolwatch_pool *p;
	struct pw_private *own;
	bool holding;
	__u64 id;
	__u32 n;

	if (!d)
		return -1;
	d->request = PW_NO_SLOT;
	d->edge = 0;
	d->held = d->held_site = 0;
	t = thread_at(d->thread);
	own = private_at(d->thread);
	p = pool_at(d->pool);
	if (!t || !own || !p)
		return -1;
	pool__seen(p, d->available);
	d->full = p->capacity != POOLWATCH_UNKNOWN ? p->in_use + d->units > p->capacity : d->available == 0;
	id = p->head.id;
	__sync_fetch_and_add(&p->requests, 1);
	if (d->full)
		__sync_fetch_and_add(&p->blocked, 1);
	n = t->requests;
	/* The polling request of an earlier try goes on; an old one of another pool was given up. */
	if (n && n <= POOLWATCH_REQUESTS) {
		r = &t->request[(n - 1) & (POOLWATCH_REQUESTS - 1)];
		if (r->tried && r->pool == id) {
			d->request = n - 1;
			return 0;
		}
		if (r->tried && d->now - r->tried > PW_POLL_NS)
			n = give_up(t, n - 1);
	}
	holding = edge__from_holds(d, t, own);
	__sync_fetch_and_add(&p->requesting, 1);
	if (n < POOLWATCH_REQUESTS) {
		r = &t->request[n & (POOLWATCH_REQUESTS - 1)];
		r->seq = 0;
		barrier();
		r->pool = id;
		r->since = d->now;
		r->site = d->site;
		r->tried = 0;
		r->units = d->units;
		r->flags = d->flags | (d->full ? POOLWATCH_REQ_FULL : 0);
		barrier();
		r->seq = ++t->seq;
		t->requests = n + 1;
		d->request = n;
	} else {
		count_loss(POOLWATCH_LOST_DEPTH);
	}
	if (holding && (d->full || (p->capacity == POOLWATCH_UNKNOWN && d->available == POOLWATCH_UNKNOWN)))
		tell(d, POOLWATCH_EV_BLOCKED);
	return 0;
}

static __always_inline void request__end(struct poolwatch_thread *t, struct poolwatch_pool *p, __u32 at)
{
	__u32 n = t->requests;

	__sync_fetch_and_add(&p->requesting, -1);
	if (at >= POOLWATCH_REQUESTS || n <= at)
		return;
	t->request[at].seq = 0;
	if (n > at + 1)
		for (__u32 i = 0; i < POOLWATCH_REQUESTS; i++)
			if (i > at && i < n)
				t->request[i].seq = 0;
	t->requests = at;
}

__noinline int ledger__ended(struct pw_deed *d)
{
	struct poolwatch_thread *t;
	struct poolwatch_pool *p;

	if (!d)
		return -1;
	t = thread_at(d->thread);
	p = pool_at(d->pool);
	if (!t || !p)
		return -1;
	request__end(t, p, d->request);
	return 0;
}

static __always_inline void request__waited(struct poolwatch_pool *p, const struct pw_deed *d, __u64 ns, bool granted)
{
	if (ns > PW_BLOCKED_NS && !(d->flags & POOLWATCH_REQ_WAIT_ON))
		p->blocked_at = p->in_use + (granted ? d->units : 0);
	if (granted)
		hist_add(p->wait, ns);
	else if (!(d->flags & POOLWATCH_REQ_WAIT_ON))
		__sync_fetch_and_add(&p->failures, 1);
	if (d->full && ns > PW_TELL_NS)
		emit__pool(POOLWATCH_EV_WAITED, p, thread_at(d->thread), d->site, ns, granted ? d->units : 0);
}

__noinline int ledger__waited(struct pw_deed *d, __u64 ns, bool granted)
{
	struct poolwatch_pool *p;

	if (!d)
		return -1;
	p = pool_at(d->pool);
	if (!p)
		return -1;
	request__waited(p, d, ns, granted);
	return 0;
}

/* --- grants */

/* The pool has no unit left, or more are out than there can be: then what was said of its capacity is not so. */
__noinline int grant__full(struct pw_deed *d, __s64 in_use)
{
	struct poolwatch_pool *p;

	if (!d)
		return -1;
	p = pool_at(d->pool);
	if (!p || p->capacity == POOLWATCH_UNKNOWN)
		return -1;
	if (in_use > p->capacity) {
		/* Or what was taken for returns of units from before the attach were these. */
		if (p->returned_unknown)
			__sync_fetch_and_or(&p->flags, POOLWATCH_POOL_AMBIGUOUS);
		p->capacity = POOLWATCH_UNKNOWN;
		__sync_fetch_and_and(&p->flags, ~POOLWATCH_POOL_STATED);
		mark_uncertain(d->pool, d->thread);
	} else if (!p->full_since) {
		p->full_since = d->now;
		tell(d, POOLWATCH_EV_FULL);
	}
	return 0;
}

static __always_inline void grant__book(struct poolwatch_thread *t, struct pw_private *own, struct poolwatch_pool *p, struct pw_deed *d)
{
	__u64 before = 0;
	__s64 in_use;
	__u32 depth;
	int at;

	in_use = __sync_fetch_and_add(&p->in_use, d->units) + d->units;
	__sync_fetch_and_add(&p->grants, 1);
	p->last_grant = d->now;
	raise(&p->in_use_max, in_use);
	pool__seen(p, d->available);
	if (p->capacity != POOLWATCH_UNKNOWN && in_use >= p->capacity)
		grant__full(d, in_use);
	at = hold__at(t, own, d->pool);
	if (at < 0)
		at = hold__claim(d->thread, d->pool);
	if (at < 0 || at >= POOLWATCH_HOLDS) {
		__sync_fetch_and_or(&t->flags, POOLWATCH_THREAD_OVERFLOW);
		count_loss(POOLWATCH_LOST_HOLDS);
		mark_uncertain(d->pool, d->thread);
		return;
	}
	if (pw_whole_stacks)
		held__grant(d, at);
	if (!POOLWATCH_HOLD_UNITS(t->hold[at].word)) {
		t->hold[at].since = d->now;
		t->hold[at].site = d->site;
	}
	t->hold[at].resource = d->resource;
	if (hold__change(&t->hold[at].word, d->pool, d->units, &before)) {
		mark_uncertain(d->pool, d->thread);
	} else {
		depth = POOLWATCH_HOLD_UNITS(before) + d->units;
		if (depth > p->depth)
			p->depth = depth;
	}
	if (d->resource && unit__put(d)) {
		count_loss(POOLWATCH_LOST_UNITS);
		mark_uncertain(d->pool, d->thread);
	}
}

__noinline int ledger__grant(struct pw_deed *d)
{
	struct poolwatch_thread *t;
	struct poolwatch_pool *p;
	struct pw_private *own;

	if (!d)
		return -1;
	t = thread_at(d->thread);
	own = private_at(d->thread);
	p = pool_at(d->pool);
	if (!t || !own || !p)
		return -1;
	grant__book(t, own, p, d);
	return 0;
}

__noinline int ledger__returned(struct pw_deed *d, __u64 ns, bool granted)
{
	struct poolwatch_thread *t;
	struct poolwatch_pool *p;
	struct pw_private *own;

	if (!d)
		return -1;
	t = thread_at(d->thread);
	own = private_at(d->thread);
	p = pool_at(d->pool);
	if (!t || !own || !p)
		return -1;
	request__waited(p, d, ns, granted);
	/*
	 * The request ends before its grant is booked: this program may be preempted in between, and a thread seen holding what it
	 * still seems to ask for looks deadlocked. One that for a moment does neither can only prevent a proof.
	 */
	request__end(t, p, d->request);
	if (granted)
		grant__book(t, own, p, d);
	return 0;
}

__noinline int ledger__at_once(struct pw_deed *d)
{
	struct poolwatch_thread *t;
	struct poolwatch_pool *p;
	struct pw_private *own;

	if (!d)
		return -1;
	t = thread_at(d->thread);
	own = private_at(d->thread);
	p = pool_at(d->pool);
	if (!t || !own || !p)
		return -1;
	d->edge = 0;
	__sync_fetch_and_add(&p->requests, 1);
	edge__from_holds(d, t, own);
	hist_add(p->wait, 0);
	grant__book(t, own, p, d);
	return 0;
}
