// SPDX-License-Identifier: GPL-2.0
/*
 * Pools from which nothing came back yet, in snapshots written by hand: who asks again where it took its unit may have handed that
 * one on, and is not blamed before JUDGE_HANDED_ON_NS; who asks elsewhere is, at once.
 */
#include "kselftest_harness.h"
#include "judge_hear.h"

#define LOOP  0x401000
#define INNER 0x402000

/* One unit, held by the one thread that asks for another, since a moment. */
static void asks_again(struct ledger *l, uint64_t site)
{
	struct poolwatch_thread *t;

	build__pool(l, 0, 100, 0, 1);
	t = build__thread(l, 0, 100, 101);
	build__hold(l, t, 0, 1, LOOP);
	build__request(t, 0, 1, site)->since = T0 - 100 * MS;
}

TEST_F(judge, who_asks_elsewhere_is_told_at_once)
{
	asks_again(&self->now, INNER);
	LOOK();
	ONLY("new deadlock sem count=1 threads=101");
}

TEST_F(judge, who_asks_again_at_the_same_place_has_time)
{
	asks_again(&self->now, LOOP);
	LOOK();
	QUIET();
	ASSERT_TRUE(judge__is_undecided(self->j));
	LATER(2900 * MS - 1);
	QUIET();
	LATER(1);
	ONLY("new deadlock sem count=1 threads=101");
	ASSERT_FALSE(judge__is_undecided(self->j));
}

TEST_F(judge, where_takers_return_nobody_hands_on)
{
	asks_again(&self->now, LOOP);
	self->now.pools[0].flags |= POOLWATCH_POOL_CONFIRMED;
	LOOK();
	ONLY("new deadlock sem count=1 threads=101");
}

TEST_F(judge, the_first_comes_back_by_another_hand)
{
	asks_again(&self->now, LOOP);
	LOOK();
	self->now.pools[0].foreign = 1;
	LATER(4 * SEC);
	QUIET();
}

/* Two pools, taken the other way round by two threads through one function of theirs. */
TEST_F(judge, one_doubtful_hold_is_enough)
{
	build__pool(&self->now, 0, 100, 0, 1)->flags |= POOLWATCH_POOL_CONFIRMED;
	build__pool(&self->now, 1, 100, 0, 1);
	for (int i = 0; i < 2; i++) {
		struct poolwatch_thread *t = build__thread(&self->now, i, 100, 101 + i);

		build__hold(&self->now, t, i, 1, LOOP);
		build__request(t, !i, 1, LOOP)->since = T0 - 100 * MS;
	}
	LOOK();
	QUIET();
	LATER(2900 * MS);
	ONLY("new deadlock sem count=1 threads=101,102");
}

TEST_F(judge, nested_at_the_same_place_has_time)
{
	struct poolwatch_edge *e;

	build__pool(&self->now, 0, 100, 0, 10);
	e = build__edge(&self->now, 0, 100, 0, 0, LOOP, LOOP);
	e->first = e->last = T0 - 100 * MS;
	LOOK();
	QUIET();
	LATER(2900 * MS - 1);
	QUIET();
	LATER(1);
	ONLY("new nested sem count=1 threads=101");
}

TEST_F(judge, nested_at_the_same_place_is_told_once_a_unit_is_back)
{
	struct poolwatch_edge *e;

	build__pool(&self->now, 0, 100, 0, 10)->flags |= POOLWATCH_POOL_CONFIRMED;
	e = build__edge(&self->now, 0, 100, 0, 0, LOOP, LOOP);
	e->first = e->last = T0;
	LOOK();
	ONLY("new nested sem count=1 threads=101");
}

TEST_HARNESS_MAIN
