/* SPDX-License-Identifier: GPL-2.0 */
/* Snapshots written by hand: records with the fields that matter, ids given by slot. */
#ifndef POOLWATCH_LEDGER_BUILD_H
#define POOLWATCH_LEDGER_BUILD_H

#include <stdlib.h>
#include <string.h>
#include "ledger.h"

#define MS	 1000000ull
#define SEC	 1000000000ull
#define ID(slot) (1ull << 32 | (slot))
#define T0	 (1000 * SEC) /* when the tests' snapshots are taken, unless they say otherwise */

static inline void *build__record(struct ledger *l, enum poolwatch_table table, uint64_t id, uint32_t tgid)
{
	struct poolwatch_head *h = ledger__room(l, table, 1);

	if (!h)
		abort();
	memset(h, 0, ledger__record_size(table));
	h->id = id;
	h->tgid = tgid;
	ledger__added(l, table, 1);
	return h;
}

/* Records move as tables grow: what these return is good until the next record of the same table. */
static inline struct poolwatch_def *build__def(struct ledger *l, uint32_t slot, const char *name, uint32_t flags)
{
	struct poolwatch_def *d = build__record(l, POOLWATCH_DEFS, ID(slot), 0);

	strncpy(d->name, name, sizeof(d->name) - 1);
	d->flags = flags;
	d->capacity = POOLWATCH_UNKNOWN;
	return d;
}

static inline struct poolwatch_proc *build__proc(struct ledger *l, uint32_t slot, uint32_t tgid, uint32_t flags)
{
	struct poolwatch_proc *p = build__record(l, POOLWATCH_PROCS, ID(slot), tgid);

	strcpy(p->comm, "api");
	p->flags = flags;
	p->space = tgid;
	return p;
}

/* A pool of stated capacity, or of unknown if @capacity is POOLWATCH_UNKNOWN. */
static inline struct poolwatch_pool *build__pool(struct ledger *l, uint32_t slot, uint32_t tgid, uint32_t def,
						 int64_t capacity)
{
	struct poolwatch_pool *p = build__record(l, POOLWATCH_POOLS, ID(slot), tgid);

	p->addr = 0x10000 + slot * 0x100;
	p->def = def;
	p->space = tgid;
	p->capacity = capacity;
	p->available = p->blocked_at = POOLWATCH_UNKNOWN;
	p->flags = capacity > 0 ? POOLWATCH_POOL_STATED : 0;
	return p;
}

static inline struct poolwatch_thread *build__thread(struct ledger *l, uint32_t slot, uint32_t tgid, uint32_t tid)
{
	struct poolwatch_thread *t = build__record(l, POOLWATCH_THREADS, ID(slot), tgid);

	t->owner = t->tid = tid;
	t->space = tgid;
	t->start = tid;
	strcpy(t->comm, "worker");
	return t;
}

static inline uint64_t hold_word(uint32_t pool, uint32_t units, uint64_t flags)
{
	return (uint64_t)pool | (uint64_t)units << 20 | flags | POOLWATCH_HOLD_GEN;
}

/* Books in_use of the pool, too, if it is in the snapshot already. */
static inline void build__hold(struct ledger *l, struct poolwatch_thread *t, uint32_t pool, uint32_t units,
			       uint64_t site)
{
	int i = 0;

	while (t->hold[i].word)
		i++;
	t->hold[i] = (struct poolwatch_hold){.word = hold_word(pool, units, 0), .since = T0 - 2 * SEC, .site = site};
	for (size_t k = 0; k < l->npools; k++)
		if ((uint32_t)l->pools[k].head.id == pool) {
			l->pools[k].in_use += units;
			if (l->pools[k].in_use_max < l->pools[k].in_use)
				l->pools[k].in_use_max = l->pools[k].in_use;
		}
}

static inline struct poolwatch_request *build__request(struct poolwatch_thread *t, uint32_t pool, uint32_t units,
						       uint64_t site)
{
	struct poolwatch_request *r = &t->request[t->requests++];

	*r = (struct poolwatch_request){
	    .seq = ++t->seq, .pool = ID(pool), .since = T0 - SEC, .site = site, .units = units};
	return r;
}

static inline struct poolwatch_edge *build__edge(struct ledger *l, uint32_t slot, uint32_t tgid, uint32_t from,
						 uint32_t to, uint64_t from_site, uint64_t to_site)
{
	struct poolwatch_edge *e = build__record(l, POOLWATCH_EDGES, ID(slot), tgid);

	e->from = ID(from);
	e->to = ID(to);
	e->from_site = from_site;
	e->to_site = to_site;
	e->count = 1;
	e->first = e->last = T0 - SEC;
	e->depth = from == to ? 2 : 1;
	e->tid = tgid + 1;
	return e;
}

/* The same snapshot, taken @earlier ns before. */
static inline void build__copy(struct ledger *to, const struct ledger *from, uint64_t earlier)
{
	const void *const records[POOLWATCH_TABLES] = {from->defs,    from->procs, from->pools,
						       from->threads, from->edges, from->counters};
	const size_t n[POOLWATCH_TABLES] = {from->ndefs,    from->nprocs, from->npools,
					    from->nthreads, from->nedges, from->ncounters};

	memset(to, 0, sizeof(*to));
	to->session = from->session;
	to->time = from->time - earlier;
	for (int i = 0; i < POOLWATCH_TABLES; i++) {
		void *room = n[i] ? ledger__room(to, i, n[i]) : NULL;

		if (!n[i])
			continue;
		if (!room)
			abort();
		memcpy(room, records[i], n[i] * ledger__record_size(i));
		ledger__added(to, i, n[i]);
	}
	if (ledger__index(to))
		abort();
}

#endif
