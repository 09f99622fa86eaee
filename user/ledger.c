// SPDX-License-Identifier: GPL-2.0
/* A snapshot in memory: its tables, its indexes, and what follows from a single record (see ledger.h). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "ledger.h"

/*
 * Slots fit 20 bits, as in hold words. A record that says otherwise is not indexed, so that no reader's memory follows
 * it.
 */
#define MAX_SLOT 0xfffffu

static const size_t record_size[POOLWATCH_TABLES] = {
    [POOLWATCH_DEFS] = sizeof(struct poolwatch_def),   [POOLWATCH_PROCS] = sizeof(struct poolwatch_proc),
    [POOLWATCH_POOLS] = sizeof(struct poolwatch_pool), [POOLWATCH_THREADS] = sizeof(struct poolwatch_thread),
    [POOLWATCH_EDGES] = sizeof(struct poolwatch_edge), [POOLWATCH_COUNTERS] = sizeof(struct poolwatch_counter),
};

struct ledger_table {
	void **records;
	size_t *n;
};

static struct ledger_table ledger_table(struct ledger *l, enum poolwatch_table table)
{
	switch (table) {
	case POOLWATCH_DEFS:
		return (struct ledger_table){(void **)&l->defs, &l->ndefs};
	case POOLWATCH_PROCS:
		return (struct ledger_table){(void **)&l->procs, &l->nprocs};
	case POOLWATCH_POOLS:
		return (struct ledger_table){(void **)&l->pools, &l->npools};
	case POOLWATCH_THREADS:
		return (struct ledger_table){(void **)&l->threads, &l->nthreads};
	case POOLWATCH_EDGES:
		return (struct ledger_table){(void **)&l->edges, &l->nedges};
	default:
		return (struct ledger_table){(void **)&l->counters, &l->ncounters};
	}
}

size_t ledger__record_size(enum poolwatch_table table)
{
	return table < POOLWATCH_TABLES ? record_size[table] : 0;
}

void *ledger__room(struct ledger *l, enum poolwatch_table table, size_t n)
{
	struct ledger_table t = ledger_table(l, table);
	size_t size = record_size[table], want = *t.n + n;

	if (want > l->room[table] || !*t.records) {
		size_t room = l->room[table] * 2;
		void *grown;

		if (room < want)
			room = want;
		if (room < 16)
			room = 16;
		grown = reallocarray(*t.records, room, size);
		if (!grown)
			return NULL;
		*t.records = grown;
		l->room[table] = room;
	}
	return (char *)*t.records + *t.n * size;
}

void ledger__added(struct ledger *l, enum poolwatch_table table, size_t n)
{
	*ledger_table(l, table).n += n;
}

void ledger__reset(struct ledger *l)
{
	l->ndefs = l->nprocs = l->npools = l->nthreads = l->nedges = l->ncounters = 0;
	l->pool_slots = l->def_slots = 0;
	l->time = 0;
}

void ledger__clear(struct ledger *l)
{
	for (int i = 0; i < POOLWATCH_TABLES; i++)
		free(*ledger_table(l, i).records);
	free(l->pool_by_slot);
	free(l->def_by_slot);
	*l = (struct ledger){0};
}

/* Records begin with their head, whatever their table. */
static int compare_slots(const void *a, const void *b)
{
	uint64_t x = ((const struct poolwatch_head *)a)->id, y = ((const struct poolwatch_head *)b)->id;

	if ((uint32_t)x != (uint32_t)y)
		return (uint32_t)x < (uint32_t)y ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Slot order without free slots. A source copies in slot order; sorting makes what follows independent of that. */
static void table_tidy(struct ledger *l, enum poolwatch_table table)
{
	struct ledger_table t = ledger_table(l, table);
	size_t size = record_size[table], kept = 0;
	bool sorted = true;
	char *base = *t.records;

	for (size_t i = 0; i < *t.n; i++) {
		if (!((struct poolwatch_head *)(base + i * size))->id)
			continue;
		if (kept != i)
			memcpy(base + kept * size, base + i * size, size);
		if (kept && compare_slots(base + (kept - 1) * size, base + kept * size) > 0)
			sorted = false;
		kept++;
	}
	*t.n = kept;
	if (!sorted)
		qsort(base, kept, size, compare_slots);
}

static int index_slots(const void *records, size_t n, size_t size, uint32_t **index, size_t *slots)
{
	const char *base = records;
	uint32_t *made;
	size_t need = 0;

	for (size_t i = n; i-- && !need;) {
		uint32_t slot = (uint32_t)((const struct poolwatch_head *)(base + i * size))->id;

		if (slot <= MAX_SLOT)
			need = slot + 1;
	}
	made = reallocarray(*index, need ? need : 1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	memset(made, 0, (need ? need : 1) * sizeof(*made));
	for (size_t i = 0; i < n; i++) {
		uint32_t slot = (uint32_t)((const struct poolwatch_head *)(base + i * size))->id;

		if (slot < need)
			made[slot] = i + 1;
	}
	*index = made;
	*slots = need;
	return 0;
}

int ledger__index(struct ledger *l)
{
	int err;

	for (int i = 0; i < POOLWATCH_TABLES; i++)
		table_tidy(l, i);
	err = index_slots(l->pools, l->npools, sizeof(*l->pools), &l->pool_by_slot, &l->pool_slots);
	if (err)
		return err;
	return index_slots(l->defs, l->ndefs, sizeof(*l->defs), &l->def_by_slot, &l->def_slots);
}

const struct poolwatch_pool *ledger__pool_at(const struct ledger *l, uint32_t slot)
{
	return slot < l->pool_slots && l->pool_by_slot[slot] ? &l->pools[l->pool_by_slot[slot] - 1] : NULL;
}

const struct poolwatch_pool *ledger__pool(const struct ledger *l, uint64_t id)
{
	const struct poolwatch_pool *p = ledger__pool_at(l, (uint32_t)id);

	return p && p->head.id == id ? p : NULL;
}

const struct poolwatch_def *ledger__def(const struct ledger *l, uint32_t slot)
{
	return slot < l->def_slots && l->def_by_slot[slot] ? &l->defs[l->def_by_slot[slot] - 1] : NULL;
}

const struct poolwatch_proc *ledger__proc(const struct ledger *l, uint32_t tgid, uint32_t space)
{
	for (size_t i = 0; i < l->nprocs; i++)
		if (l->procs[i].head.tgid == tgid && l->procs[i].space == space)
			return &l->procs[i];
	return NULL;
}

/* Of a shared pool a process that is not watched may hold some. */
bool ledger__seen_from_start(const struct ledger *l, const struct poolwatch_pool *p)
{
	const struct poolwatch_proc *proc;

	if (p->flags & POOLWATCH_POOL_CREATED)
		return true;
	if (p->flags & POOLWATCH_POOL_SHARED)
		return false;
	proc = ledger__proc(l, p->head.tgid, p->space);
	return proc && proc->flags & POOLWATCH_PROC_FROM_START;
}

uint32_t ledger__held(const struct poolwatch_pool *p, const struct poolwatch_hold *h)
{
	return h->since < p->doubted ? 0 : POOLWATCH_HOLD_UNITS(h->word);
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

enum ledger_capacity ledger__capacity(const struct ledger *l, const struct poolwatch_pool *p, int64_t *capacity)
{
	int64_t least = larger(p->in_use, p->in_use_max);
	enum ledger_capacity how = LEDGER_CAPACITY_LEARNED;

	if (p->capacity > 0 && p->capacity < 1ll << 31) {
		/* Less than what is in use: it is not so, or no longer, and nothing better is known. */
		if (p->capacity < p->in_use)
			return LEDGER_CAPACITY_UNKNOWN;
		*capacity = p->capacity;
		return p->flags & POOLWATCH_POOL_STATED ? LEDGER_CAPACITY_CERTAIN : LEDGER_CAPACITY_LEARNED;
	}
	if (p->available >= 0) {
		least = larger(least, larger(p->available, p->most_seen));
		if (ledger__seen_from_start(l, p))
			how = LEDGER_CAPACITY_CERTAIN;
	} else if (p->blocked_at > 0) {
		least = larger(least, p->blocked_at);
	} else {
		return LEDGER_CAPACITY_UNKNOWN;
	}
	if (least <= 0)
		return LEDGER_CAPACITY_UNKNOWN;
	*capacity = least;
	return how;
}

int64_t ledger__unknown_units(const struct ledger *l, const struct poolwatch_pool *p)
{
	int64_t capacity, unknown;

	if (ledger__capacity(l, p, &capacity) != LEDGER_CAPACITY_CERTAIN || p->available < 0 ||
	    ledger__seen_from_start(l, p))
		return 0;
	/* What was out when it was first seen, less what has come back of that. */
	unknown = capacity - p->available - (int64_t)p->returned_unknown;
	if (unknown > capacity - p->in_use)
		unknown = capacity - p->in_use;
	return unknown > 0 ? unknown : 0;
}

bool ledger__is_pool(const struct ledger *l, const struct poolwatch_pool *p)
{
	const struct poolwatch_def *d = ledger__def(l, p->def);
	int64_t capacity;

	if (p->flags & (POOLWATCH_POOL_SIGNALLING | POOLWATCH_POOL_DESTROYED | POOLWATCH_POOL_ENDED))
		return false;
	if (!d)
		return true;
	if (d->flags & POOLWATCH_DEF_DETACHED)
		return false;
	/* Nobody ever waits for it. */
	if (p->capacity == POOLWATCH_UNLIMITED)
		return false;
	if (d->flags & POOLWATCH_DEF_CONFIRM && !(p->flags & POOLWATCH_POOL_CONFIRMED))
		return false;
	if (d->min_capacity > 1 && ledger__capacity(l, p, &capacity) != LEDGER_CAPACITY_UNKNOWN &&
	    capacity < d->min_capacity)
		return false;
	return true;
}

uint64_t ledger__quantile(const uint64_t buckets[POOLWATCH_BUCKETS], double q)
{
	double total = 0, want, below = 0;

	for (int i = 0; i < POOLWATCH_BUCKETS; i++)
		total += buckets[i];
	if (!total)
		return 0;
	want = total * (q < 0 ? 0 : q > 1 ? 1 : q);
	for (int i = 0; i < POOLWATCH_BUCKETS; i++) {
		double low = i ? (double)(1ull << (i - 1)) : 0;

		if (!buckets[i])
			continue;
		/* Bucket 0 is exactly 0 ns; bucket i is as wide as its lower bound. */
		if (below + buckets[i] >= want)
			return low + low * (want - below) / buckets[i];
		below += buckets[i];
	}
	return 1ull << (POOLWATCH_BUCKETS - 1);
}
