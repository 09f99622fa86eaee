/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A snapshot of the ledger in memory: copies of its tables, with the indexes that the judge and the views need. Pure:
 * it is filled by a source (source.h) or by a test.
 */
#ifndef POOLWATCH_LEDGER_H
#define POOLWATCH_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../kmod/uapi/linux/poolwatch.h"

/* All arrays hold records in use only (head.id != 0), in slot order. */
struct ledger {
	uint64_t time; /* CLOCK_MONOTONIC ns when the copy began */
	uint32_t session;
	struct poolwatch_def *defs;
	struct poolwatch_proc *procs;
	struct poolwatch_pool *pools;
	struct poolwatch_thread *threads;
	struct poolwatch_edge *edges;
	struct poolwatch_counter *counters;
	size_t ndefs, nprocs, npools, nthreads, nedges, ncounters;
	size_t room[POOLWATCH_TABLES]; /* records allocated, per table */
	uint32_t *pool_by_slot;	       /* index + 1 into pools, by slot; 0: none */
	uint32_t *def_by_slot;
	size_t pool_slots, def_slots;
};

/* Size in bytes of one record of @table. */
size_t ledger__record_size(enum poolwatch_table table);

/* Make room for @n more records of @table. Return: where the next goes, or NULL (ENOMEM). Follow with ledger__added. */
void *ledger__room(struct ledger *l, enum poolwatch_table table, size_t n);
void ledger__added(struct ledger *l, enum poolwatch_table table, size_t n);

/* Forget the records, keep the memory. */
void ledger__reset(struct ledger *l);
void ledger__clear(struct ledger *l);

/* Build the indexes, once all records are in. Return: 0 or -ENOMEM. */
int ledger__index(struct ledger *l);

/* By head.id (as in requests and edges); NULL if it is not in the snapshot. */
const struct poolwatch_pool *ledger__pool(const struct ledger *l, uint64_t id);
/* By slot (as in hold words); NULL if free. */
const struct poolwatch_pool *ledger__pool_at(const struct ledger *l, uint32_t slot);
const struct poolwatch_def *ledger__def(const struct ledger *l, uint32_t slot);
const struct poolwatch_proc *ledger__proc(const struct ledger *l, uint32_t tgid, uint32_t space);

/* The capacity to judge by, and how it is known. */
enum ledger_capacity {
	LEDGER_CAPACITY_UNKNOWN,
	/*
	 * What was outstanding when a request took long, or at least is out or free: a lower bound, and no more than
	 * that. A call may take long for another reason (a connection being opened), so this proves nothing, however
	 * early the attach.
	 */
	LEDGER_CAPACITY_LEARNED,
	/* Stated; or read as free (`available`) in a pool seen from its beginning, when nothing could be out. */
	LEDGER_CAPACITY_CERTAIN,
};
enum ledger_capacity ledger__capacity(const struct ledger *l, const struct poolwatch_pool *p, int64_t *capacity);

/* Nobody can hold a unit of it that the ledger does not know of. */
bool ledger__seen_from_start(const struct ledger *l, const struct poolwatch_pool *p);

/* The units of @h, a hold of @p, if it has any that are surely still held: none may have come back by another's hand. */
uint32_t ledger__held(const struct poolwatch_pool *p, const struct poolwatch_hold *h);

/* Units that exist but that nobody was seen to take: capacity - free - in_use where that can be known, else 0. */
int64_t ledger__unknown_units(const struct ledger *l, const struct poolwatch_pool *p);

/*
 * Whether this is a pool to judge at all: not signalling, not below its definition's minimum, confirmed where its
 * definition asks for that, not destroyed or ended.
 */
bool ledger__is_pool(const struct ledger *l, const struct poolwatch_pool *p);

/* The quantile (0..1) of a histogram in ns, interpolated within its bucket; 0 if nothing was counted. */
uint64_t ledger__quantile(const uint64_t buckets[POOLWATCH_BUCKETS], double q);

#endif
