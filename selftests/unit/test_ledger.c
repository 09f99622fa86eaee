// SPDX-License-Identifier: GPL-2.0
/* The ledger in memory: indexes, capacities, quantiles. */
#include "kselftest_harness.h"
#include "ledger_build.h"

FIXTURE(ledger)
{
	struct ledger l;
};

FIXTURE_SETUP(ledger)
{
	memset(self, 0, sizeof(*self));
	self->l.time = T0;
	build__def(&self->l, 0, "sem", 0);
}

FIXTURE_TEARDOWN(ledger)
{
	ledger__clear(&self->l);
}

TEST_F(ledger, record_sizes)
{
	ASSERT_EQ(ledger__record_size(POOLWATCH_DEFS), sizeof(struct poolwatch_def));
	ASSERT_EQ(ledger__record_size(POOLWATCH_PROCS), sizeof(struct poolwatch_proc));
	ASSERT_EQ(ledger__record_size(POOLWATCH_POOLS), sizeof(struct poolwatch_pool));
	ASSERT_EQ(ledger__record_size(POOLWATCH_THREADS), sizeof(struct poolwatch_thread));
	ASSERT_EQ(ledger__record_size(POOLWATCH_EDGES), sizeof(struct poolwatch_edge));
	ASSERT_EQ(ledger__record_size(POOLWATCH_COUNTERS), sizeof(struct poolwatch_counter));
	ASSERT_EQ(ledger__record_size(POOLWATCH_TABLES), 0);
}

TEST_F(ledger, index)
{
	struct ledger *l = &self->l;

	/* Out of order, with holes, one free slot, one slot beyond what a hold can name. */
	build__pool(l, 70, 1, 0, 7);
	build__pool(l, 3, 1, 0, 3);
	build__pool(l, 9, 1, 0, 9)->head.id = 0;
	build__pool(l, 0xfffff, 1, 0, 5);
	build__pool(l, 0x100000, 1, 0, 6);
	ASSERT_EQ(ledger__index(l), 0);
	ASSERT_EQ(l->npools, 4);
	ASSERT_EQ(l->pools[0].capacity, 3);
	ASSERT_EQ(l->pools[3].capacity, 6);
	ASSERT_EQ(ledger__pool(l, ID(70))->capacity, 7);
	ASSERT_EQ(ledger__pool(l, ID(0xfffff))->capacity, 5);
	ASSERT_EQ(ledger__pool(l, ID(0x100000)), NULL);
	ASSERT_EQ(ledger__pool(l, ID(70) + (1ull << 32)), NULL);
	ASSERT_EQ(ledger__pool_at(l, 70)->capacity, 7);
	ASSERT_EQ(ledger__pool_at(l, 9), NULL);
	ASSERT_EQ(ledger__pool_at(l, ~0u), NULL);
	ASSERT_STREQ(ledger__def(l, 0)->name, "sem");
	ASSERT_EQ(ledger__def(l, 1), NULL);
	/* Again, with others: nothing of the first stays. */
	ledger__reset(l);
	ASSERT_EQ(ledger__pool_at(l, 70), NULL);
	build__pool(l, 2, 1, 0, 2);
	ASSERT_EQ(ledger__index(l), 0);
	ASSERT_EQ(ledger__pool_at(l, 70), NULL);
	ASSERT_EQ(ledger__pool_at(l, 2)->capacity, 2);
	ledger__reset(l);
	ASSERT_EQ(ledger__index(l), 0);
	ASSERT_EQ(ledger__pool_at(l, 2), NULL);
}

TEST_F(ledger, room_grows)
{
	for (uint32_t i = 0; i < 1000; i++)
		build__pool(&self->l, 999 - i, 1, 0, i + 1);
	ASSERT_EQ(ledger__index(&self->l), 0);
	for (uint32_t i = 0; i < 1000; i++)
		ASSERT_EQ(ledger__pool(&self->l, ID(i))->capacity, 1000 - i);
}

TEST_F(ledger, proc)
{
	build__proc(&self->l, 0, 100, 0);
	build__proc(&self->l, 1, 100, 0)->space = 2;
	ASSERT_EQ(ledger__proc(&self->l, 100, 2), &self->l.procs[1]);
	ASSERT_EQ(ledger__proc(&self->l, 100, 100), &self->l.procs[0]);
	ASSERT_EQ(ledger__proc(&self->l, 100, 3), NULL);
	ASSERT_EQ(ledger__proc(&self->l, 101, 100), NULL);
}

TEST_F(ledger, capacity)
{
	struct poolwatch_pool *p = build__pool(&self->l, 0, 100, 0, 4);
	int64_t c = -77;

	build__proc(&self->l, 0, 100, 0);
	ASSERT_EQ(ledger__capacity(&self->l, p, &c), LEDGER_CAPACITY_CERTAIN);
	ASSERT_EQ(c, 4);
	p->flags = 0;
	ASSERT_EQ(ledger__capacity(&self->l, p, &c), LEDGER_CAPACITY_LEARNED);
	p->flags = POOLWATCH_POOL_STATED;
	/* Implausible: unknown, and the output is left alone. */
	c = -77;
	p->in_use = 5;
	ASSERT_EQ(ledger__capacity(&self->l, p, &c), LEDGER_CAPACITY_UNKNOWN);
	p->in_use = 0;
	p->capacity = 0;
	ASSERT_EQ(ledger__capacity(&self->l, p, &c), LEDGER_CAPACITY_UNKNOWN);
	p->capacity = 1ll << 31;
	ASSERT_EQ(ledger__capacity(&self->l, p, &c), LEDGER_CAPACITY_UNKNOWN);
	p->capacity = POOLWATCH_UNKNOWN;
	ASSERT_EQ(ledger__capacity(&self->l, p, &c), LEDGER_CAPACITY_UNKNOWN);
	ASSERT_EQ(c, -77);
}

TEST_F(ledger, capacity_learned)
{
	struct poolwatch_pool *p = build__pool(&self->l, 0, 100, 0, POOLWATCH_UNKNOWN);
	struct poolwatch_proc *proc = build__proc(&self->l, 0, 100, POOLWATCH_PROC_FROM_START);
	int64_t c;

	/* A call took long when 3 were out: that many there are, at least; 5 were out at some time. */
	p->blocked_at = 3;
	ASSERT_EQ(ledger__capacity(&self->l, p, &c), LEDGER_CAPACITY_LEARNED);
	ASSERT_EQ(c, 3);
	p->in_use_max = 5;
	ASSERT_EQ(ledger__capacity(&self->l, p, &c), LEDGER_CAPACITY_LEARNED);
	ASSERT_EQ(c, 5);
	/* Read as free when nothing could be out. */
	p->available = 8;
	p->most_seen = 8;
	ASSERT_EQ(ledger__capacity(&self->l, p, &c), LEDGER_CAPACITY_CERTAIN);
	ASSERT_EQ(c, 8);
	/* Attached later, units may have been out. */
	proc->flags = 0;
	ASSERT_EQ(ledger__capacity(&self->l, p, &c), LEDGER_CAPACITY_LEARNED);
	p->flags = POOLWATCH_POOL_CREATED;
	ASSERT_EQ(ledger__capacity(&self->l, p, &c), LEDGER_CAPACITY_CERTAIN);
	/* Of a shared pool a process that nobody watches may hold some. */
	p->flags = POOLWATCH_POOL_SHARED;
	proc->flags = POOLWATCH_PROC_FROM_START;
	ASSERT_EQ(ledger__capacity(&self->l, p, &c), LEDGER_CAPACITY_LEARNED);
}

TEST_F(ledger, unknown_units)
{
	struct poolwatch_pool *p = build__pool(&self->l, 0, 100, 0, 10);

	build__proc(&self->l, 0, 100, 0);
	ASSERT_EQ(ledger__unknown_units(&self->l, p), 0);
	p->available = 6;
	ASSERT_EQ(ledger__unknown_units(&self->l, p), 4);
	p->returned_unknown = 1;
	ASSERT_EQ(ledger__unknown_units(&self->l, p), 3);
	p->in_use = 8;
	ASSERT_EQ(ledger__unknown_units(&self->l, p), 2);
	p->returned_unknown = 9;
	ASSERT_EQ(ledger__unknown_units(&self->l, p), 0);
	p->returned_unknown = 0;
	self->l.procs[0].flags = POOLWATCH_PROC_FROM_START;
	ASSERT_EQ(ledger__unknown_units(&self->l, p), 0);
}

TEST_F(ledger, is_pool)
{
	struct poolwatch_pool *p = build__pool(&self->l, 0, 100, 0, 4);
	static const uint32_t never[] = { POOLWATCH_POOL_SIGNALLING, POOLWATCH_POOL_DESTROYED, POOLWATCH_POOL_ENDED };

	ASSERT_EQ(ledger__index(&self->l), 0);
	p = self->l.pools;
	ASSERT_TRUE(ledger__is_pool(&self->l, p));
	for (size_t i = 0; i < 3; i++) {
		p->flags = POOLWATCH_POOL_STATED | never[i];
		ASSERT_FALSE(ledger__is_pool(&self->l, p));
	}
	p->flags = POOLWATCH_POOL_STATED;
	self->l.defs[0].min_capacity = 5;
	ASSERT_FALSE(ledger__is_pool(&self->l, p));
	self->l.defs[0].min_capacity = 4;
	ASSERT_TRUE(ledger__is_pool(&self->l, p));
	self->l.defs[0].flags = POOLWATCH_DEF_CONFIRM;
	ASSERT_FALSE(ledger__is_pool(&self->l, p));
	p->flags |= POOLWATCH_POOL_CONFIRMED;
	ASSERT_TRUE(ledger__is_pool(&self->l, p));
	self->l.defs[0].flags = POOLWATCH_DEF_DETACHED;
	ASSERT_FALSE(ledger__is_pool(&self->l, p));
	p->def = 7;
	ASSERT_TRUE(ledger__is_pool(&self->l, p));
}

TEST_F(ledger, quantile)
{
	uint64_t b[POOLWATCH_BUCKETS] = { 0 };

	ASSERT_EQ(ledger__quantile(b, 0.5), 0);
	b[0] = 10;
	ASSERT_EQ(ledger__quantile(b, 0.99), 0);
	/* 90 in [512, 1024), 10 in [2048, 4096): the halves lie where they should. */
	b[0] = 0;
	b[10] = 90;
	b[12] = 10;
	ASSERT_EQ(ledger__quantile(b, 0.0), 512);
	ASSERT_EQ(ledger__quantile(b, 0.45), 768);
	ASSERT_EQ(ledger__quantile(b, 0.9), 1024);
	ASSERT_EQ(ledger__quantile(b, 0.95), 3072);
	ASSERT_EQ(ledger__quantile(b, 1.0), 4096);
	ASSERT_EQ(ledger__quantile(b, 7.0), 4096);
	ASSERT_EQ(ledger__quantile(b, -1.0), 512);
	memset(b, 0, sizeof(b));
	b[POOLWATCH_BUCKETS - 1] = 1;
	ASSERT_EQ(ledger__quantile(b, 1.0), 1ull << (POOLWATCH_BUCKETS - 1));
	b[1] = 1;
	b[POOLWATCH_BUCKETS - 1] = 0;
	ASSERT_EQ(ledger__quantile(b, 0.5), 1);
}

TEST_HARNESS_MAIN
