// SPDX-License-Identifier: GPL-2.0
/* What becomes of deadlocks that were told: they end, come again, grow, or turn out to be none. */
#include "kselftest_harness.h"
#include "judge_cases.h"
#include "judge_hear.h"

TEST_F(judge, ends_with_its_process)
{
	article(&self->now);
	LOOK();
	self->now.nthreads = 0;
	self->now.npools = 0;
	self->now.procs[0].flags = POOLWATCH_PROC_EXITED;
	LATER(SEC);
	ONLY("recovered deadlock sem count=1");
	SAYING("ended with its process after 2.0 s");
	LATER(SEC);
	QUIET();
}

TEST_F(judge, recovers_by_failure_and_comes_again)
{
	article(&self->now);
	LOOK();
	for (int i = 0; i < 4; i++)
		THREAD(i)->requests = 0;
	POOL(0)->failures = 1;
	LATER(3200 * MS);
	ONLY("recovered deadlock sem count=1");
	SAYING("recovered after 4.2 s; 1 request failed");
	ASSERT_EQ(self->heard.last.recovered_ms, 4200);
	/* Again at once: not told before the pause is over, then as a repeat with its count. */
	for (int i = 0; i < 4; i++) {
		THREAD(i)->requests = 1;
		THREAD(i)->request[0].seq = ++THREAD(i)->seq;
	}
	LATER(SEC);
	QUIET();
	LATER(10 * SEC);
	ONLY("repeated deadlock sem count=2 threads=101,102,103,104");
}

/* The pool was copied before its threads: it does not say yet that a request failed. */
TEST_F(judge, how_it_ended_is_in_the_next_copy)
{
	article(&self->now);
	LOOK();
	THREAD(0)->requests = 0;
	LATER(SEC);
	QUIET();
	POOL(0)->failures = 1;
	LATER(SEC);
	ONLY("recovered deadlock sem count=1");
	SAYING("recovered after 3.0 s; 1 request failed");
}

/* Nothing in the pool says how: told with the look after the first all the same. */
TEST_F(judge, how_it_ended_is_never_seen)
{
	article(&self->now);
	LOOK();
	THREAD(0)->requests = 0;
	LATER(SEC);
	QUIET();
	LATER(SEC);
	ONLY("recovered deadlock sem count=1");
	SAYING("recovered after 3.0 s");
}

/* A unit that comes back from a thread that did not hold it: it was no deadlock. */
TEST_F(judge, retracted)
{
	article(&self->now);
	LOOK();
	POOL(0)->foreign = 1;
	POOL(0)->flags |= POOLWATCH_POOL_AMBIGUOUS;
	LATER(MS);
	QUIET();
	THREAD(0)->requests = 0;
	LATER(MS);
	ONLY("retracted deadlock sem count=1");
	SAYING("not a deadlock: a unit was returned by another thread than its holder");
}

/* Threads that join go with it; parts of it that end do not end it. */
TEST_F(judge, one_deadlock_grows)
{
	article(&self->now);
	LOOK();
	ASSERT_EQ(self->heard.n, 1);
	worker(&self->now, 4, 100, 105, NONE, 0);
	build__pool(&self->now, 1, 100, 0, 1);
	worker(&self->now, 5, 100, 106, 1, 0);
	worker(&self->now, 6, 100, 107, NONE, 1);
	LATER(SEC);
	QUIET();
}

TEST_HARNESS_MAIN
