// SPDX-License-Identifier: GPL-2.0
/* Stalls, leaks and orders of pools in snapshots written by hand. */
#include "kselftest_harness.h"
#include "judge_hear.h"

#define THREAD(i) (&self->now.threads[i])
#define POOL(i)	  (&self->now.pools[i])

/* Three units, all out: two held by threads that do something else, one by a thread that waits for the db. 104 waits.
 */
static void busy_pool(struct ledger *l)
{
	build__def(l, 1, "db", 0);
	build__pool(l, 0, 100, 0, 3)->last_grant = T0 - 6 * SEC;
	build__pool(l, 1, 100, 1, 2);
	for (int i = 0; i < 3; i++)
		build__hold(l, build__thread(l, i, 100, 103 - i), 0, 1, 0x401000);
	build__request(&l->threads[0], 1, 1, 0x402000);
	build__request(build__thread(l, 3, 100, 104), 0, 1, 0x402000)->since = T0 - 9 * SEC;
}

TEST_F(judge, stall)
{
	busy_pool(&self->now);
	LOOK();
	/* Holders first, then waiters. */
	ONLY("new stall sem count=1 threads=101,102,103,104");
	SAYING("1 thread waits for sem, and nothing was granted for 6.0 s: 3 of 3 units are out; "
	       "of 3 holders 0 wait for more of it and 1 for another pool");
	ASSERT_EQ(self->heard.last.severity, FINDING_ERROR);
	ASSERT_EQ(self->heard.last.waiters, 1);
	LATER(SEC);
	QUIET();
	/* One is granted: it goes on. */
	POOL(0)->last_grant = self->now.time;
	LATER(SEC);
	ONLY("recovered stall sem count=1");
	SAYING("recovered after 8.0 s");
}

/* Two that waited before the attach: who holds the units is not known, and it is said how much is. */
TEST_F(judge, stall_from_before)
{
	build__pool(&self->now, 0, 100, 0, 2);
	for (int i = 0; i < 2; i++) {
		struct poolwatch_request *r = build__request(build__thread(&self->now, i, 100, 101 + i), 0, 1, 0x402000);

		r->flags = POOLWATCH_REQ_BEFORE | POOLWATCH_REQ_FULL;
		r->since = T0 - 6 * SEC;
	}
	LOOK();
	ONLY("new stall sem count=1 threads=101,102");
	SAYING("2 threads wait for sem, and nothing was granted for 6.0 s: 0 of 2 units are out, 2 more were taken "
	       "before the attach, by whom is not known; 2 of those that wait did so before the attach: what they hold "
	       "from then is not known");
	ASSERT_EQ(self->heard.last.unknown, 2);
}

TEST_F(judge, no_stall)
{
	/* Granted meanwhile. */
	busy_pool(&self->now);
	POOL(0)->last_grant = T0 - 4 * SEC;
	LOOK();
	QUIET();
	/* Not waiting long. */
	POOL(0)->last_grant = 0;
	THREAD(3)->request[0].since = T0 - 4 * SEC;
	LOOK();
	QUIET();
	/* Seen from its beginning, and not all of it is out: the call takes long for another reason. */
	THREAD(3)->request[0].since = T0 - 9 * SEC;
	self->now.procs[0].flags = POOLWATCH_PROC_FROM_START;
	POOL(0)->capacity = 4;
	LOOK();
	QUIET();
	/* Of one that was there before, the rest may be out as well. */
	self->now.procs[0].flags = 0;
	LOOK();
	ONLY("new stall sem count=1 threads=101,102,103,104");
	SAYING("1 thread waits for sem, and nothing was granted for 9.0 s: 3 of 4 units are out, 1 more was taken "
	       "before the attach, by whom is not known; "
	       "of 3 holders 0 wait for more of it and 1 for another pool");
}

TEST_F(judge, stall_with_unknown_holds)
{
	busy_pool(&self->now);
	POOL(0)->capacity = 5;
	POOL(0)->available = 3;
	LOOK();
	ONLY("new stall sem count=1 threads=101,102,103,104");
	SAYING("1 thread waits for sem, and nothing was granted for 6.0 s: 3 of 5 units are out, 2 more were taken "
	       "before the attach, by whom is not known; "
	       "of 3 holders 0 wait for more of it and 1 for another pool");
	ASSERT_EQ(self->heard.last.unknown, 2);
}

TEST_F(judge, stall_of_doubtful_books)
{
	busy_pool(&self->now);
	POOL(0)->flags |= POOLWATCH_POOL_AMBIGUOUS;
	LOOK();
	ONLY("new stall sem count=1 threads=101,102,103,104");
	ASSERT_TRUE(self->heard.last.uncertain);
	POOL(0)->flags |= POOLWATCH_POOL_SIGNALLING;
	LATER(SEC);
	ONLY("retracted stall sem count=1");
}

/* What is told as a deadlock is not told as a stall, too; and a stall that becomes one goes on as that. */
TEST_F(judge, stall_or_deadlock)
{
	build__pool(&self->now, 0, 100, 0, 2);
	for (int i = 0; i < 2; i++) {
		struct poolwatch_thread *t = build__thread(&self->now, i, 100, 101 + i);

		build__hold(&self->now, t, 0, 1, 0x401000);
		build__request(t, 0, 1, 0x402000)->since = T0 - 9 * SEC;
	}
	POOL(0)->flags |= POOLWATCH_POOL_UNCERTAIN;
	LOOK();
	ONLY("new stall sem count=1 threads=101,102");
	POOL(0)->flags &= ~POOLWATCH_POOL_UNCERTAIN;
	LATER(SEC);
	ONLY("new deadlock sem count=1 threads=101,102");
	LATER(SEC);
	QUIET();
}

TEST_F(judge, no_stall_threshold)
{
	const struct judge_options options = {0};

	judge__free(self->j);
	ASSERT_EQ(judge__new(&options, &self->j), 0);
	busy_pool(&self->now);
	LOOK();
	QUIET();
}

/* --- leaks */

static struct poolwatch_thread *ended(struct ledger *l, uint32_t slot, uint32_t tid, uint64_t site)
{
	struct poolwatch_thread *t = build__thread(l, slot, 100, tid);

	build__hold(l, t, 0, 1, site);
	t->flags = POOLWATCH_THREAD_EXITED;
	t->exited = T0 - SEC;
	return t;
}

TEST_F(judge, leak_by_exit)
{
	build__pool(&self->now, 0, 100, 0, 4);
	ended(&self->now, 0, 101, 0x401000);
	LOOK();
	ONLY("new leak sem count=1 threads=101");
	SAYING("a thread ended while it held 1 unit of sem, which nobody has returned");
	/* More of the same, and one of another place. */
	ended(&self->now, 1, 102, 0x401000);
	ended(&self->now, 2, 103, 0x405000);
	LATER(11 * SEC);
	ASSERT_EQ(self->heard.n, 2);
	if (strncmp(self->heard.line[0], "new", 3)) {
		HEARD(0, "repeated leak sem count=2 threads=101,102");
		HEARD(1, "new leak sem count=1 threads=103");
	} else {
		HEARD(0, "new leak sem count=1 threads=103");
		HEARD(1, "repeated leak sem count=2 threads=101,102");
	}
	/* Returned after all. */
	THREAD(0)->hold[0].word = hold_word(0, 0, 0);
	LATER(SEC);
	QUIET();
	THREAD(1)->hold[0].word = hold_word(0, 0, 0);
	LATER(SEC);
	ONLY("recovered leak sem count=2");
	SAYING("returned after all after 14.0 s");
}

TEST_F(judge, leak_by_age)
{
	build__pool(&self->now, 0, 100, 0, 4);
	build__hold(&self->now, build__thread(&self->now, 0, 100, 101), 0, 1, 0x401000);
	LOOK();
	QUIET();
	LATER(57 * SEC);
	QUIET();
	LATER(SEC);
	ONLY("new leak sem count=1 threads=101");
	SAYING("1 unit of sem has been held for up to 60 s by 1 thread that waits for nothing");
	THREAD(0)->hold[0].word = hold_word(0, 0, 0);
	LATER(SEC);
	ONLY("recovered leak sem count=1");
}

/* A hold that is old because its holder waits is not a leak. */
TEST_F(judge, no_leak_while_waiting)
{
	build__def(&self->now, 1, "db", 0);
	build__pool(&self->now, 0, 100, 0, 4);
	build__pool(&self->now, 1, 100, 1, 4)->flags |= POOLWATCH_POOL_CREATED;
	build__hold(&self->now, build__thread(&self->now, 0, 100, 101), 0, 1, 0x401000);
	build__request(THREAD(0), 1, 1, 0x402000);
	LATER(100 * SEC);
	QUIET();
}

/* Who returns it cannot be told, or anybody may: the end of a thread says nothing. */
TEST_F(judge, no_leak_in_doubt)
{
	build__pool(&self->now, 0, 100, 0, 4)->flags |= POOLWATCH_POOL_AMBIGUOUS;
	ended(&self->now, 0, 101, 0x401000);
	LOOK();
	QUIET();
	POOL(0)->flags = POOLWATCH_POOL_STATED;
	self->now.defs[0].flags = POOLWATCH_DEF_RESOURCE | POOLWATCH_DEF_OWNER_RES;
	LOOK();
	QUIET();
	self->now.defs[0].flags = POOLWATCH_DEF_CONFIRM;
	LOOK();
	QUIET();
	self->now.defs[0].flags = 0;
	LOOK();
	ONLY("new leak sem count=1 threads=101");
	POOL(0)->flags |= POOLWATCH_POOL_AMBIGUOUS;
	LATER(SEC);
	ONLY("retracted leak sem count=1");
}

static struct poolwatch_event exit_event(uint16_t type, uint32_t units)
{
	return (struct poolwatch_event){.size = sizeof(struct poolwatch_event),
					.type = type,
					.time = T0 - SEC,
					.tgid = 200,
					.tid = 201,
					.pool = ID(0),
					.site = 0x401000,
					.units = units,
					.comm = "child"};
}

/* A process that died with a unit of a shared pool: its records go, the pool stays. */
TEST_F(judge, leak_of_a_dead_process)
{
	struct poolwatch_event exit = exit_event(POOLWATCH_EV_EXIT, 2), gone = exit_event(POOLWATCH_EV_PROC_EXIT, 0),
			       back = exit_event(POOLWATCH_EV_RETURNED, 1);

	build__pool(&self->now, 0, 100, 0, 4)->flags |= POOLWATCH_POOL_SHARED;
	LOOK();
	QUIET();
	ASSERT_EQ(judge__event(self->j, &exit), 0);
	ASSERT_EQ(judge__event(self->j, &gone), 0);
	LATER(SEC);
	ONLY("new leak sem count=1 threads=201");
	SAYING("a thread ended while it held 2 units of sem, which nobody has returned");
	ASSERT_EQ(judge__event(self->j, &back), 0);
	LATER(SEC);
	QUIET();
	ASSERT_EQ(judge__event(self->j, &back), 0);
	LATER(SEC);
	ONLY("recovered leak sem count=1");
}

/* Returned before anybody looked: nothing to tell. */
TEST_F(judge, no_leak_if_returned_at_once)
{
	struct poolwatch_event exit = exit_event(POOLWATCH_EV_EXIT, 1), back = exit_event(POOLWATCH_EV_RETURNED, 1);

	build__pool(&self->now, 0, 100, 0, 4);
	ASSERT_EQ(judge__event(self->j, &exit), 0);
	ASSERT_EQ(judge__event(self->j, &back), 0);
	LOOK();
	QUIET();
}

/* The thread's record tells it, and its event is not counted as another. */
TEST_F(judge, leak_told_once)
{
	struct poolwatch_event exit = exit_event(POOLWATCH_EV_EXIT, 1);

	exit.tgid = 100;
	exit.tid = 101;
	build__pool(&self->now, 0, 100, 0, 4);
	ended(&self->now, 0, 101, 0x401000);
	ASSERT_EQ(judge__event(self->j, &exit), 0);
	LOOK();
	ONLY("new leak sem count=1 threads=101");
	/* The record went: returned. */
	self->now.nthreads = 0;
	LATER(SEC);
	ONLY("recovered leak sem count=1");
}

/* --- orders */

static void two_definitions(struct ledger *l)
{
	build__def(l, 1, "db", 0);
	build__def(l, 2, "http", 0);
	build__pool(l, 0, 100, 1, 10);
	build__pool(l, 1, 100, 2, 10);
	build__pool(l, 2, 100, 1, 10);
}

TEST_F(judge, order)
{
	two_definitions(&self->now);
	build__edge(&self->now, 0, 100, 0, 1, 0x401000, 0x402000)->count = 5;
	LOOK();
	QUIET();
	build__edge(&self->now, 1, 100, 1, 0, 0x403000, 0x404000)->tid = 107;
	LATER(SEC);
	ONLY("new order db count=1 threads=101,107");
	SAYING("http is asked for while holding db, db is asked for while holding http: "
	       "threads that do this at the same time can wait for one another for ever");
	ASSERT_EQ(self->heard.last.severity, FINDING_WARNING);
	LATER(SEC);
	QUIET();
}

/* By classes: another pool of the same definition closes the circle as well. */
TEST_F(judge, order_by_class)
{
	two_definitions(&self->now);
	build__edge(&self->now, 0, 100, 0, 1, 0x401000, 0x402000);
	build__edge(&self->now, 1, 100, 1, 2, 0x403000, 0x404000);
	LOOK();
	ONLY("new order db count=1 threads=101,101");
}

/* But two pools of one class in one order are a hierarchy; in both orders they are not. */
TEST_F(judge, order_within_a_class)
{
	two_definitions(&self->now);
	build__edge(&self->now, 0, 100, 0, 2, 0x401000, 0x402000);
	LOOK();
	QUIET();
	build__edge(&self->now, 1, 100, 2, 0, 0x401000, 0x402000)->tid = 102;
	LOOK();
	ONLY("new order db count=1 threads=101,102");
}

/* Automatic presets say nothing of what a semaphore is for: each stands for itself. */
TEST_F(judge, order_of_semaphores)
{
	two_definitions(&self->now);
	self->now.defs[1].flags = POOLWATCH_DEF_CONFIRM;
	for (int i = 0; i < 3; i++)
		POOL(i)->flags |= POOLWATCH_POOL_CONFIRMED;
	build__edge(&self->now, 0, 100, 0, 1, 0x401000, 0x402000);
	build__edge(&self->now, 1, 100, 1, 2, 0x403000, 0x404000);
	LOOK();
	QUIET();
	build__edge(&self->now, 2, 100, 2, 0, 0x403000, 0x404000);
	LOOK();
	ONLY("new order http count=1 threads=101,101,101");
}

TEST_F(judge, order_not_between_processes)
{
	two_definitions(&self->now);
	build__proc(&self->now, 1, 200, 0);
	POOL(2)->head.tgid = POOL(2)->space = 200;
	build__edge(&self->now, 0, 100, 0, 1, 0x401000, 0x402000);
	build__edge(&self->now, 1, 100, 1, 2, 0x403000, 0x404000);
	LOOK();
	QUIET();
}

/* Three in a circle, and a way beside it: one circle, told from the same one first wherever the records lie. */
TEST_F(judge, order_of_three)
{
	static const uint32_t edges[4][2] = {{0, 1}, {1, 2}, {2, 0}, {0, 3}};

	for (uint32_t turn = 0; turn < 4; turn++) {
		ledger__reset(&self->now);
		self->now.time = T0 + turn * SEC;
		for (uint32_t i = 0; i < 4; i++) {
			char name[8];

			snprintf(name, sizeof(name), "p%u", i);
			build__def(&self->now, i, name, 0);
			build__pool(&self->now, i, 100, i, 10);
		}
		for (uint32_t i = 0; i < 4; i++) {
			uint32_t e = (i + turn) % 4;

			build__edge(&self->now, i, 100, edges[e][0], edges[e][1], 0x401000, 0x402000)->tid = 101 + e;
		}
		LOOK();
		if (turn) {
			QUIET();
			continue;
		}
		ONLY("new order p0 count=1 threads=101,102,103");
		SAYING("p1 is asked for while holding p0, p2 is asked for while holding p1, p0 is asked for while "
		       "holding p2: "
		       "threads that do this at the same time can wait for one another for ever");
	}
}

TEST_HARNESS_MAIN
