// SPDX-License-Identifier: GPL-2.0
/* Nested requests in snapshots written by hand: once for each place in the code, with the sizing rule's numbers. */
#include "kselftest_harness.h"
#include "judge_hear.h"

#define POOL(i) (&self->now.pools[i])

TEST_F(judge, nested)
{
	struct poolwatch_pool *p = build__pool(&self->now, 0, 100, 0, 10);

	p->depth = 2;
	p->nesting_max = 4;
	build__edge(&self->now, 0, 100, 0, 0, 0x401000, 0x402000)->count = 7;
	LOOK();
	ASSERT_EQ(self->heard.n, 1);
	HEARD(0, "new nested sem count=7 threads=101");
	ASSERT_STREQ(self->heard.explanation[0],
		     "a thread that holds 1 unit of sem asks for another: safe for up to 9 threads nesting at once, "
		     "4 seen; 10 of them need 11 units");
	ASSERT_EQ(self->heard.last.margin, 5);
	ASSERT_EQ(self->heard.last.safe_threads, 9);
}

TEST_F(judge, nested_by_a_task_that_presumably_waits_for_its_own_pool)
{
	self->now.defs[0].flags = POOLWATCH_DEF_WORKER | POOLWATCH_DEF_PRESUMED;
	build__pool(&self->now, 0, 100, 0, 4)->nesting_max = 1;
	build__edge(&self->now, 0, 100, 0, 0, 0x401000, 0x402000);
	LOOK();
	ASSERT_EQ(self->heard.n, 1);
	ASSERT_STREQ(self->heard.explanation[0],
		     "a task on a worker of sem gave it tasks and waits, presumably for these: safe for up to 3 threads nesting at once, "
		     "1 seen; 4 of them need 5 units");
	ASSERT_TRUE(self->heard.last.worker);
}

TEST_F(judge, nested_is_told_by_code)
{
	build__pool(&self->now, 0, 100, 0, 10)->nesting_max = 4;
	build__pool(&self->now, 1, 100, 0, 3)->nesting_max = 1;
	build__edge(&self->now, 0, 100, 0, 0, 0x401000, 0x402000)->count = 7;
	build__edge(&self->now, 1, 100, 1, 1, 0x401000, 0x402000)->count = 2;
	build__edge(&self->now, 2, 100, 1, 1, 0x401000, 0x403000)->tid = 105;
	LOOK();
	ASSERT_EQ(self->heard.n, 2);
	HEARD(0, "new nested sem count=9 threads=101");
	HEARD(1, "new nested sem count=1 threads=105");
	ASSERT_STREQ(self->heard.explanation[0],
		     "a thread that holds 1 unit of sem asks for another: safe for up to 2 threads nesting at once, "
		     "1 seen; 3 of them need 4 units");
	self->now.edges[0].count = 8;
	LATER(SEC);
	QUIET();
	LATER(10 * SEC);
	ONLY("repeated nested sem count=10 threads=101");
	/* The pause doubles. */
	self->now.edges[0].count = 9;
	LATER(11 * SEC);
	QUIET();
	LATER(10 * SEC);
	ONLY("repeated nested sem count=11 threads=101");
}

TEST_F(judge, nested_sizing)
{
	static const struct {
		int64_t capacity, threads, safe, needed, margin;
		uint32_t depth;
	} cases[] = {
	    {10, 4, 9, 11, 5, 2}, {4, 4, 3, 5, 0, 2},
	    {1, 1, 0, 2, 0, 2},	  {2, 1, 1, 3, 0, 2},
	    {10, 1, 4, 11, 3, 3}, {10, 4, 3, 13, 0, 4},
	    {3, 1, 1, 5, 0, 3},	  {POOLWATCH_UNKNOWN, 4, POOLWATCH_UNKNOWN, 5, POOLWATCH_UNKNOWN, 2},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct poolwatch_pool *p;

		ledger__reset(&self->now);
		self->now.time = T0 + i * SEC;
		build__def(&self->now, i, "sem", 0);
		p = build__pool(&self->now, 0, 100, i, cases[i].capacity);
		p->nesting_max = cases[i].threads;
		build__edge(&self->now, 0, 100, 0, 0, 0x401000, 0x402000)->depth = cases[i].depth;
		LOOK();
		ASSERT_EQ(self->heard.n, 1);
		ASSERT_EQ(self->heard.last.safe_threads, cases[i].safe);
		ASSERT_EQ(self->heard.last.needed_capacity, cases[i].needed);
		ASSERT_EQ(self->heard.last.margin, cases[i].margin);
		ASSERT_EQ(self->heard.last.nesting_threads, cases[i].threads);
	}
}

/* A semaphore is a pool once it is confirmed; a signalling one never was. */
TEST_F(judge, nested_waits_for_confirmation)
{
	self->now.defs[0].flags = POOLWATCH_DEF_CONFIRM;
	build__pool(&self->now, 0, 100, 0, 4);
	build__edge(&self->now, 0, 100, 0, 0, 0x401000, 0x402000);
	LOOK();
	QUIET();
	POOL(0)->flags |= POOLWATCH_POOL_CONFIRMED;
	LATER(SEC);
	ONLY("new nested sem count=1 threads=101");
	POOL(0)->flags |= POOLWATCH_POOL_SIGNALLING;
	LATER(SEC);
	ONLY("retracted nested sem count=1");
	SAYING("not a pool after all: threads post it that never waited for it");
	LATER(SEC);
	QUIET();
}

TEST_F(judge, nested_in_doubt)
{
	build__pool(&self->now, 0, 100, 0, 4);
	build__edge(&self->now, 0, 100, 0, 0, 0x401000, 0x402000);
	LOOK();
	ONLY("new nested sem count=1 threads=101");
	POOL(0)->flags |= POOLWATCH_POOL_AMBIGUOUS;
	LATER(SEC);
	ONLY("retracted nested sem count=1");
	SAYING("who holds its units is not known after all: threads release what others have taken");
}

TEST_HARNESS_MAIN
