// SPDX-License-Identifier: GPL-2.0
/* Deadlocks in snapshots written by hand: for each hard case exactly the findings that are right. */
#include "kselftest_harness.h"
#include "judge_cases.h"
#include "judge_hear.h"

TEST_F(judge, article)
{
	article(&self->now);
	LOOK();
	ASSERT_EQ(self->heard.n, 1);
	HEARD(0, "new deadlock sem count=1 threads=101,102,103,104");
	ASSERT_STREQ(self->heard.explanation[0],
		     "4 threads hold 4 of the 4 units of sem, each waits for another, and none can go on");
	ASSERT_EQ(self->heard.last.needed_capacity, 5);
	ASSERT_EQ(self->heard.last.depth, 2);
	ASSERT_EQ(self->heard.last.nesting_threads, 4);
	ASSERT_EQ(self->heard.last.margin, 0);
	ASSERT_EQ(self->heard.last.waiters, 4);
	ASSERT_STREQ(self->heard.last.proof, "reduction");
	/* It stays: told once. */
	self->now.time += SEC;
	LOOK();
	ASSERT_EQ(self->heard.n, 0);
}

TEST_F(judge, one_copy_proves_nothing)
{
	article(&self->now);
	ASSERT_EQ(ledger__index(&self->now), 0);
	ASSERT_EQ(judge__look(self->j, &self->now, NULL, hear, &self->heard), 0);
	ASSERT_EQ(self->heard.n, 0);
}

/* One that has what the others need and asks for nothing can finish: then all can. */
TEST_F(judge, one_can_finish)
{
	article(&self->now);
	THREAD(2)->requests = 0;
	LOOK();
	QUIET();
}

TEST_F(judge, five_units_suffice)
{
	article(&self->now);
	POOL(0)->capacity = 5;
	LOOK();
	QUIET();
}

TEST_F(judge, a_request_made_anew_proves_nothing)
{
	article(&self->now);
	ASSERT_EQ(ledger__index(&self->now), 0);
	build__copy(&self->before, &self->now, 50 * MS);
	self->before.threads[1].request[0].seq = self->before.threads[1].seq = 99;
	ASSERT_EQ(judge__look(self->j, &self->now, &self->before, hear, &self->heard), 0);
	QUIET();
	/* The same with a hold that changed hands and came back. */
	self->before.threads[1].request[0].seq = self->before.threads[1].seq = 1;
	self->before.threads[1].hold[0].word += POOLWATCH_HOLD_GEN;
	ASSERT_EQ(judge__look(self->j, &self->now, &self->before, hear, &self->heard), 0);
	QUIET();
	/* Of another session, or not earlier: no confirmation. */
	self->before.threads[1].hold[0].word -= POOLWATCH_HOLD_GEN;
	self->before.session = 1;
	ASSERT_EQ(judge__look(self->j, &self->now, &self->before, hear, &self->heard), 0);
	QUIET();
	self->before.session = 0;
	self->before.time = self->now.time;
	ASSERT_EQ(judge__look(self->j, &self->now, &self->before, hear, &self->heard), 0);
	QUIET();
	self->before.time--;
	ASSERT_EQ(judge__look(self->j, &self->now, &self->before, hear, &self->heard), 0);
	ASSERT_EQ(self->heard.n, 1);
}

/* Two pools, each other's. */
TEST_F(judge, two_pools)
{
	build__def(&self->now, 1, "db", 0);
	build__pool(&self->now, 0, 100, 0, 1);
	build__pool(&self->now, 1, 100, 1, 1);
	worker(&self->now, 0, 100, 101, 0, 1);
	worker(&self->now, 1, 100, 102, 1, 0);
	LOOK();
	ONLY("new deadlock sem count=1 threads=101,102");
	SAYING("2 threads hold what the others of them need, of 2 pools, and none can go on");
	/*
	 * With a second unit of one of them there is a way out, although the cycle is there: a cycle alone proves
	 * nothing.
	 */
}

TEST_F(judge, a_cycle_is_no_deadlock)
{
	build__pool(&self->now, 0, 100, 0, 1);
	build__pool(&self->now, 1, 100, 0, 2);
	worker(&self->now, 0, 100, 101, 0, 1);
	worker(&self->now, 1, 100, 102, 1, 0);
	worker(&self->now, 2, 100, 103, 1, NONE);
	LOOK();
	QUIET();
}

/* Two processes, one pool shared between them at different addresses, one each. */
TEST_F(judge, across_processes)
{
	struct poolwatch_pool *p;

	build__proc(&self->now, 1, 200, 0);
	p = build__pool(&self->now, 0, 100, 0, 2);
	p->flags |= POOLWATCH_POOL_SHARED;
	p->dev = 7;
	p->ino = 8;
	worker(&self->now, 0, 100, 101, 0, 0);
	worker(&self->now, 1, 200, 201, 0, 0);
	LOOK();
	ONLY("new deadlock sem count=1 threads=101,201");
}

/* Two deadlocks that have nothing to do with one another are two, and who only waits is named after the others. */
TEST_F(judge, components)
{
	build__pool(&self->now, 0, 100, 0, 1);
	build__pool(&self->now, 1, 100, 0, 1);
	worker(&self->now, 0, 100, 109, 0, 0);
	worker(&self->now, 1, 100, 102, 1, 1);
	worker(&self->now, 2, 100, 101, NONE, 0);
	worker(&self->now, 3, 100, 103, NONE, NONE);
	LOOK();
	ASSERT_EQ(self->heard.n, 2);
	HEARD(0, "new deadlock sem count=1 threads=109,101");
	HEARD(1, "new deadlock sem count=1 threads=102");
	ASSERT_STREQ(self->heard.explanation[0],
		     "one thread holds 1 of the 1 unit of sem and waits for it; 1 more thread waits for them");
	ASSERT_STREQ(self->heard.explanation[1], "one thread holds 1 of the 1 unit of sem and waits for it");
}

TEST_F(judge, more_than_there_is)
{
	struct poolwatch_thread *t;

	build__pool(&self->now, 0, 100, 0, 4);
	t = build__thread(&self->now, 0, 100, 101);
	build__request(t, 0, 5, 0x402000);
	LOOK();
	ONLY("new deadlock sem count=1 threads=101");
	SAYING("1 thread asks for more units of sem than its 4: this can never be granted");
}

/*
 * A bare unit came back by the hand of a thread that was there before: it may be any that was taken before that moment. Holds from
 * then prove nothing; those taken since do.
 */
TEST_F(judge, doubted_holds)
{
	article(&self->now);
	POOL(0)->doubted = THREAD(0)->hold[0].since + 1;
	LOOK();
	QUIET();
	for (int i = 0; i < 4; i++)
		THREAD(i)->hold[0].since = POOL(0)->doubted;
	LATER(50 * MS);
	ONLY("new deadlock sem count=1 threads=101,102,103,104");
}

/* Units from before the attach may come back: they prevent a proof and make none. */
TEST_F(judge, unknown_holds)
{
	build__pool(&self->now, 0, 100, 0, 4);
	for (int i = 0; i < 3; i++)
		worker(&self->now, i, 100, 101 + i, 0, 0);
	LOOK();
	QUIET();
	ASSERT_EQ(ledger__capacity(&self->now, POOL(0), &(int64_t){0}), LEDGER_CAPACITY_CERTAIN);
	POOL(0)->capacity = 3;
	LATER(SEC);
	ONLY("new deadlock sem count=1 threads=101,102,103");
}

TEST_F(judge, learned_capacity_proves_nothing)
{
	article(&self->now);
	POOL(0)->capacity = POOLWATCH_UNKNOWN;
	POOL(0)->flags = 0;
	POOL(0)->blocked_at = 4;
	self->now.procs[0].flags = POOLWATCH_PROC_FROM_START;
	LOOK();
	QUIET();
	/* But it is a stall, soon, and says what it would mean. */
	LATER(5 * SEC);
	ONLY("new stall sem count=1 threads=101,102,103,104");
	SAYING("4 threads wait for sem, and nothing was granted for 6.0 s: 4 of at least 4 units are out; "
	       "all holders wait for more of it themselves, so this cannot end if that is all it has");
	/* What was free when nothing could be out is what there is. */
	POOL(0)->available = POOL(0)->most_seen = 4;
	LATER(SEC);
	ONLY("new deadlock sem count=1 threads=101,102,103,104");
}

TEST_F(judge, capacity_that_changes)
{
	article(&self->now);
	POOL(0)->capacity = 8;
	LOOK();
	QUIET();
	POOL(0)->capacity = 4;
	LATER(SEC);
	ONLY("new deadlock sem count=1 threads=101,102,103,104");
	/* Grown: one is granted. */
	POOL(0)->capacity = 5;
	POOL(0)->last_grant = self->now.time;
	THREAD(0)->requests = 0;
	LATER(SEC);
	ONLY("recovered deadlock sem count=1");
	SAYING("recovered after 3.0 s");
	for (int i = 1; i < 4; i++)
		THREAD(i)->requests = 0;
	LATER(SEC);
	QUIET();
	/* Said to be less than what is out: not believed. */
	POOL(0)->capacity = 3;
	POOL(0)->last_grant = self->now.time;
	for (int i = 0; i < 4; i++)
		THREAD(i)->requests = 1;
	LATER(SEC);
	QUIET();
}

/* Each of these alone puts who holds what, or how much there is, in doubt. */
TEST_F(judge, books_in_doubt)
{
	static const uint32_t flags[] = {POOLWATCH_POOL_UNCERTAIN, POOLWATCH_POOL_AMBIGUOUS, POOLWATCH_POOL_SIGNALLING,
					 POOLWATCH_POOL_DESTROYED, POOLWATCH_POOL_ENDED};

	article(&self->now);
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		POOL(0)->flags |= flags[i];
		LATER(MS);
		QUIET();
		POOL(0)->flags &= ~flags[i];
	}
	POOL(0)->foreign = 1;
	LATER(MS);
	QUIET();
	POOL(0)->foreign = 0;
	THREAD(3)->flags = POOLWATCH_THREAD_OVERFLOW;
	LATER(MS);
	QUIET();
	THREAD(3)->flags = 0;
	self->now.defs[0].flags = POOLWATCH_DEF_CONFIRM;
	LATER(MS);
	QUIET();
	self->now.defs[0].flags = POOLWATCH_DEF_OWNER_RES | POOLWATCH_DEF_RESOURCE;
	LATER(MS);
	QUIET();
	self->now.defs[0].flags = 0;
	self->now.defs[0].min_capacity = 5;
	LATER(MS);
	QUIET();
	self->now.defs[0].min_capacity = 0;
	self->now.procs[0].flags = POOLWATCH_PROC_EXITED;
	LATER(MS);
	QUIET();
	self->now.procs[0].flags = 0;
	LATER(MS);
	ONLY("new deadlock sem count=1 threads=101,102,103,104");
}

TEST_F(judge, confirmed)
{
	article(&self->now);
	self->now.defs[0].flags = POOLWATCH_DEF_CONFIRM;
	POOL(0)->flags |= POOLWATCH_POOL_CONFIRMED;
	LOOK();
	ONLY("new deadlock sem count=1 threads=101,102,103,104");
}

TEST_F(judge, anybody_may_return)
{
	article(&self->now);
	self->now.defs[0].flags = POOLWATCH_DEF_OWNER_RES | POOLWATCH_DEF_RESOURCE;
	POOL(0)->flags |= POOLWATCH_POOL_CONFIRMED;
	LOOK();
	ONLY("new deadlock sem count=1 threads=101,102,103,104");
}

/* A thread that ended can give nothing back, but somebody else may do it for it. */
TEST_F(judge, an_ended_holder_proves_nothing)
{
	article(&self->now);
	THREAD(3)->requests = 0;
	THREAD(3)->flags = POOLWATCH_THREAD_EXITED;
	THREAD(3)->exited = T0 - MS;
	LOOK();
	ONLY("new leak sem count=1 threads=104");
}

/* The return of a call that was left by longjmp is never seen; a later call deeper down comes and goes. */
TEST_F(judge, a_lost_return)
{
	article(&self->now);
	THREAD(0)->seq++;
	LOOK();
	QUIET();
}

/* An acquire that calls another pool's needs both. */
TEST_F(judge, acquire_within_acquire)
{
	struct poolwatch_thread *t;

	build__def(&self->now, 1, "inner", 0);
	build__pool(&self->now, 0, 100, 0, 4);
	build__pool(&self->now, 1, 100, 1, 1);
	t = build__thread(&self->now, 0, 100, 101);
	build__hold(&self->now, t, 1, 1, 0x401000);
	build__request(t, 0, 1, 0x402000);
	build__request(t, 1, 1, 0x403000);
	LOOK();
	ONLY("new deadlock inner count=1 threads=101");
}

/* Workers that wait for tasks of their own pool: they take nothing, but need one to be free. */
TEST_F(judge, workers)
{
	self->now.defs[0].flags = POOLWATCH_DEF_WORKER;
	build__pool(&self->now, 0, 100, 0, 2);
	worker(&self->now, 0, 100, 101, 0, 0)->request[0].flags = POOLWATCH_REQ_WAIT_ON;
	worker(&self->now, 1, 100, 102, 0, NONE);
	LOOK();
	QUIET();
	build__request(THREAD(1), 0, 1, 0x402000)->flags = POOLWATCH_REQ_WAIT_ON;
	LATER(SEC);
	ONLY("new deadlock sem count=1 threads=101,102");
}

/* What they wait for is presumed to be their own pool: nothing is proven, but somebody is told. */
TEST_F(judge, workers_of_whom_it_is_presumed)
{
	self->now.defs[0].flags = POOLWATCH_DEF_WORKER | POOLWATCH_DEF_PRESUMED;
	build__pool(&self->now, 0, 100, 0, 2);
	worker(&self->now, 0, 100, 101, 0, 0)->request[0].flags = POOLWATCH_REQ_WAIT_ON;
	worker(&self->now, 1, 100, 102, 0, 0)->request[0].flags = POOLWATCH_REQ_WAIT_ON;
	LOOK();
	LATER(SEC);
	QUIET();
	LATER(60 * SEC);
	ONLY("new stall sem count=1 threads=101,102");
}

/* A poller must have tried again, in vain, since the deadlock was first seen; who stopped trying gave up. */
TEST_F(judge, pollers)
{
	self->now.defs[0].flags = POOLWATCH_DEF_POLL;
	article(&self->now);
	for (int i = 0; i < 4; i++) {
		THREAD(i)->request[0].flags = POOLWATCH_REQ_POLL;
		THREAD(i)->request[0].tried = T0 - MS;
	}
	LOOK();
	QUIET();
	for (int i = 0; i < 3; i++)
		THREAD(i)->request[0].tried = T0 + 150 * MS;
	LATER(200 * MS);
	QUIET();
	THREAD(3)->request[0].tried = T0 + 250 * MS;
	LATER(100 * MS);
	ONLY("new deadlock sem count=1 threads=101,102,103,104");
}

TEST_F(judge, a_poller_that_gave_up)
{
	self->now.defs[0].flags = POOLWATCH_DEF_POLL;
	article(&self->now);
	for (int i = 0; i < 4; i++) {
		THREAD(i)->request[0].flags = POOLWATCH_REQ_POLL;
		THREAD(i)->request[0].tried = T0 - MS;
	}
	LOOK();
	for (int n = 0; n < 30; n++) {
		for (int i = 0; i < 3; i++)
			THREAD(i)->request[0].tried = self->now.time + 50 * MS;
		LATER(100 * MS);
		QUIET();
	}
}

/* One thread is seen to be something else than asleep in its request. */
struct sight {
	uint32_t tid;
	enum judge_presence presence;
};

static enum judge_presence see(void *ctx, const struct poolwatch_thread *t)
{
	const struct sight *s = ctx;

	return t->tid == s->tid ? s->presence : JUDGE_ASLEEP;
}

/* Who only tries is in its request, too, and on a busy machine for long: it must have been seen to sleep in it. */
TEST_F(judge, asleep)
{
	struct sight sight = {103, JUDGE_AWAKE};
	const struct judge_options options = {.presence = see, .presence_ctx = &sight};

	judge__free(self->j);
	ASSERT_EQ(judge__new(&options, &self->j), 0);
	article(&self->now);
	for (int i = 0; i < 3; i++) {
		LATER(50 * MS);
		QUIET();
	}
	sight.tid = 0;
	LATER(50 * MS); /* asked after this copy, it tells with the next */
	QUIET();
	/* Meanwhile another request: what was seen is of no use for it. */
	THREAD(2)->request[0].seq = ++THREAD(2)->seq;
	LATER(50 * MS);
	QUIET();
	LATER(50 * MS);
	ONLY("new deadlock sem count=1 threads=101,102,103,104");
}

/* Who left its request by longjmp is in it by the books, asleep, and yet waits for nothing: it may give back what it holds. */
TEST_F(judge, elsewhere)
{
	struct sight sight = {103, JUDGE_ELSEWHERE};
	const struct judge_options options = {
	    .stall_ns = 5 * SEC, .leak_ns = 60 * SEC, .presence = see, .presence_ctx = &sight};

	judge__free(self->j);
	ASSERT_EQ(judge__new(&options, &self->j), 0);
	article(&self->now);
	for (int i = 0; i < 3; i++) {
		LATER(50 * MS);
		QUIET();
	}
	/* The others wait for it: a stall, of three waiters, and it asks for nothing. */
	LATER(5 * SEC);
	ONLY("new stall sem count=1 threads=101,102,103,104");
	SAYING("3 threads wait for sem, and nothing was granted for 6.1 s: 4 of 4 units are out; "
	       "of 4 holders 3 wait for more of it and 0 for another pool");
	ASSERT_EQ(self->heard.last.waiters, 3);
	/* It does nothing and holds what others wait for. */
	LATER(60 * SEC);
	ONLY("new leak sem count=1 threads=103");
	/* It asks anew, and is in that request. */
	sight.tid = 0;
	THREAD(2)->request[0].seq = ++THREAD(2)->seq;
	LATER(50 * MS);
	LATER(50 * MS);
	HEARD(0, "new deadlock sem count=1 threads=101,102,103,104");
}

/* A deadlock that ends because one of its threads gives up by an exception: no return of its request is ever seen. */
TEST_F(judge, leaves_a_deadlock)
{
	struct sight sight = {0, JUDGE_ASLEEP};
	const struct judge_options options = {.presence = see, .presence_ctx = &sight};

	judge__free(self->j);
	ASSERT_EQ(judge__new(&options, &self->j), 0);
	article(&self->now);
	LATER(50 * MS);
	LATER(50 * MS);
	ONLY("new deadlock sem count=1 threads=101,102,103,104");
	sight = (struct sight){102, JUDGE_ELSEWHERE};
	LATER(50 * MS);
	QUIET();
	LATER(50 * MS);
	ONLY("recovered deadlock sem count=1");
	LATER(50 * MS);
	QUIET();
	/* Awake says nothing new. */
	sight.presence = JUDGE_AWAKE;
	for (int i = 0; i < 3; i++) {
		LATER(50 * MS);
		QUIET();
	}
}

/* Nothing but the records' contents decides: not where they lie. */
TEST_F(judge, slots_do_not_matter)
{
	struct ledger *l = &self->now;

	build__pool(l, 3, 100, 0, 2)->addr = 0x500;
	build__pool(l, 1, 100, 0, 1)->addr = 0x400;
	worker(l, 9, 100, 101, 3, 3);
	worker(l, 2, 100, 104, 1, 1);
	worker(l, 5, 100, 103, 3, 3);
	LOOK();
	ASSERT_EQ(self->heard.n, 2);
	HEARD(0, "new deadlock sem count=1 threads=104");
	HEARD(1, "new deadlock sem count=1 threads=101,103");
}

TEST_F(judge, no_records)
{
	self->now.ndefs = self->now.nprocs = 0;
	LOOK();
	QUIET();
	ASSERT_EQ(judge__tension(&self->now), 0);
	article(&self->now);
	ASSERT_NE(judge__tension(&self->now), 0);
}

/* Records of a hostile or broken source: nothing but their own findings may suffer. */
TEST_F(judge, nonsense)
{
	struct poolwatch_thread *t;

	article(&self->now);
	t = build__thread(&self->now, 4, 100, 105);
	for (int i = 0; i < POOLWATCH_HOLDS; i++)
		t->hold[i].word = ~0ull;
	t->requests = ~0u;
	for (int i = 0; i < POOLWATCH_REQUESTS; i++)
		t->request[i] = (struct poolwatch_request){~0ull, ~0ull, ~0ull, ~0ull, ~0ull, ~0u, ~0u};
	build__pool(&self->now, 0xffffffff, 100, ~0u, INT64_MAX);
	build__edge(&self->now, 0, 100, 77, 77, 1, 2);
	build__edge(&self->now, 1, 100, 78, 77, 1, 2);
	LOOK();
	ONLY("new deadlock sem count=1 threads=101,102,103,104");
}

TEST_HARNESS_MAIN
