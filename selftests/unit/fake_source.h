/* SPDX-License-Identifier: GPL-2.0 */
/* Ledgers written by hand, and a source that shows them: what a session would look like. */
#ifndef POOLWATCH_TEST_FAKE_SOURCE_H
#define POOLWATCH_TEST_FAKE_SOURCE_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ledger.h"
#include "source.h"

#define FAKE_SECOND 1000000000ull

static inline void *fake_record(struct ledger *l, enum poolwatch_table table, uint32_t slot, uint32_t tgid)
{
	struct poolwatch_head *head = ledger__room(l, table, 1);

	if (!head)
		abort();
	memset(head, 0, ledger__record_size(table));
	*head = (struct poolwatch_head){ .id = 1ull << 32 | slot, .tgid = tgid };
	ledger__added(l, table, 1);
	return head;
}

static inline struct poolwatch_def *fake_def(struct ledger *l, uint32_t slot, const char *name)
{
	struct poolwatch_def *d = fake_record(l, POOLWATCH_DEFS, slot, 0);

	strncpy(d->name, name, sizeof(d->name) - 1);
	d->capacity = POOLWATCH_UNKNOWN;
	return d;
}

/* Watched from its first instruction: nothing is unknown. */
static inline struct poolwatch_proc *fake_proc(struct ledger *l, uint32_t slot, uint32_t tgid, const char *comm)
{
	struct poolwatch_proc *p = fake_record(l, POOLWATCH_PROCS, slot, tgid);

	strncpy(p->comm, comm, sizeof(p->comm));
	p->flags = POOLWATCH_PROC_FROM_START;
	return p;
}

/* First seen 10 s before the snapshot; its capacity is stated. */
static inline struct poolwatch_pool *fake_pool(struct ledger *l, uint32_t slot, uint32_t tgid, uint32_t def,
					       uint64_t addr, int64_t capacity, int64_t in_use)
{
	struct poolwatch_pool *p = fake_record(l, POOLWATCH_POOLS, slot, tgid);

	p->addr = addr;
	p->def = def;
	p->capacity = capacity;
	p->flags = POOLWATCH_POOL_STATED;
	p->in_use = p->in_use_max = in_use;
	p->available = p->blocked_at = POOLWATCH_UNKNOWN;
	p->created = l->time - 10 * FAKE_SECOND;
	return p;
}

static inline struct poolwatch_thread *fake_thread(struct ledger *l, uint32_t slot, uint32_t tgid, uint32_t tid,
						   const char *comm)
{
	struct poolwatch_thread *t = fake_record(l, POOLWATCH_THREADS, slot, tgid);

	t->owner = t->tid = tid;
	t->start = 1;
	strncpy(t->comm, comm, sizeof(t->comm));
	return t;
}

static inline void fake_hold(struct ledger *l, struct poolwatch_thread *t, uint32_t pool_slot, uint32_t units,
			     uint64_t for_ns, uint64_t site)
{
	for (int i = 0; i < POOLWATCH_HOLDS; i++) {
		if (t->hold[i].word)
			continue;
		t->hold[i] = (struct poolwatch_hold){ .word = POOLWATCH_HOLD_GEN | (uint64_t)units << 20 | pool_slot,
						      .since = l->time - for_ns,
						      .site = site };
		return;
	}
	abort();
}

static inline void fake_request(struct ledger *l, struct poolwatch_thread *t, uint32_t pool_slot, uint64_t for_ns,
				uint64_t site)
{
	t->request[t->requests++] = (struct poolwatch_request){ .seq = ++t->seq,
								.pool = 1ull << 32 | pool_slot,
								.since = l->time - for_ns,
								.site = site,
								.units = 1,
								.flags = POOLWATCH_REQ_FULL };
}

/*
 * A source that shows what @make puts into an empty ledger, whose time is set already and advances by a second a look.
 * @make returns 0, or -errno of the snapshot.
 */
struct fake_source {
	struct source source;
	int (*make)(struct ledger *l, unsigned int look);
	unsigned int looks;
};

static inline int fake_snapshot(struct source *s, unsigned int tables, struct ledger *l)
{
	struct fake_source *f = (struct fake_source *)s;
	int err;

	(void)tables;
	ledger__reset(l);
	l->session = s->session;
	l->time = (1000 + f->looks) * FAKE_SECOND;
	err = f->make(l, f->looks++);
	return err ? err : ledger__index(l);
}

static inline int fake_event_fd(struct source *s)
{
	(void)s;
	return -EOPNOTSUPP;
}

static inline int fake_next_event(struct source *s, struct poolwatch_event *e, uint64_t *missed)
{
	(void)s, (void)e, (void)missed;
	return 0;
}

static inline void fake_close(struct source *s)
{
	(void)s;
}

static inline struct fake_source fake_source(int (*make)(struct ledger *l, unsigned int look))
{
	static const struct source_ops ops = { .mode = "direct",
					       .snapshot = fake_snapshot,
					       .event_fd = fake_event_fd,
					       .next_event = fake_next_event,
					       .close = fake_close };

	return (struct fake_source){ .source = { .ops = &ops, .session = 1, .loader_pid = 0 }, .make = make };
}

#endif
