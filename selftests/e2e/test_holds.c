// SPDX-License-Identifier: GPL-2.0
/* Who holds what, after every way in which a request ends: the books, as "poolwatch show" reads them from beside. */
#include <signal.h>
#include <string.h>
#include "kselftest_harness.h"
#include "e2e.h"

#define UNITS 2
#define THREADS 3

FIXTURE(holds)
{
	struct proc program, watch, show;
	pid_t tid[THREADS];
	char pid[16];
};

FIXTURE_VARIANT(holds)
{
	const char *workload, *pool;
};

FIXTURE_VARIANT_ADD(holds, own)
{
	.workload = "workload_own",
	.pool = "pool slots; lib exe; key arg0; capacity 2; acquire take_slot try_slot timed_slot ok=s32(ret)==0; release put_slot",
};

FIXTURE_VARIANT_ADD(holds, sem)
{
	.workload = "workload_sem",
	.pool = "pool slots; lib libc.so.6; key arg0; capacity 2; acquire sem_wait sem_trywait sem_timedwait ok=s32(ret)==0; release sem_post",
};

FIXTURE_SETUP(holds)
{
	memset(self, 0, sizeof(*self));
	ASSERT_EQ(workload__start(&self->program, variant->workload, UNITS), 0);
	ASSERT_EQ(workload__threads(&self->program, THREADS, self->tid), 0);
	snprintf(self->pid, sizeof(self->pid), "%d", self->program.pid);
	ASSERT_EQ(poolwatch__start(&self->watch, "attach", "-p", self->pid, "--pool", variant->pool, "--json", NULL), 0);
	ASSERT_TRUE(poolwatch__watches(&self->watch, self->program.pid));
}

FIXTURE_TEARDOWN(holds)
{
	proc__free(&self->show);
	proc__free(&self->watch);
	proc__free(&self->program);
}

/* One row of "show @what" of this process and no other, or a row in which nothing is found. */
#define SHOW(what)                                                                                                  \
	({                                                                                                          \
		proc__free(&self->show);                                                                            \
		EXPECT_EQ(poolwatch__run(&self->show, "show", what, "-p", self->pid, "--json", NULL), 0);           \
		EXPECT_EQ(self->show.out.n, 1);                                                                     \
		self->show.out.n ? self->show.out.lines[0] : "";                                                    \
	})
/* How many threads hold or wait. */
#define THREADS_SHOWN()                                                                                             \
	({                                                                                                          \
		proc__free(&self->show);                                                                            \
		EXPECT_EQ(poolwatch__run(&self->show, "show", "threads", "-p", self->pid, "--json", NULL), 0);      \
		self->show.out.n;                                                                                   \
	})
#define EXPECT_POOL(requests, grants, failures, releases, in_use)            \
	do {                                                                 \
		const char *p_ = SHOW("pools");                              \
		EXPECT_EQ(json_int(p_, "requests"), requests);               \
		EXPECT_EQ(json_int(p_, "grants"), grants);                   \
		EXPECT_EQ(json_int(p_, "failures"), failures);               \
		EXPECT_EQ(json_int(p_, "releases"), releases);               \
		EXPECT_EQ(json_int(p_, "in_use"), in_use);                   \
		EXPECT_EQ(json_int(p_, "waiters"), 0);                       \
		EXPECT_EQ(json_int(p_, "capacity"), UNITS);                  \
		EXPECT_STREQ(json_str(p_, "uncertain_for_ns"), "(null)");    \
	} while (0)

#define DO(order, answer) ASSERT_STREQ(workload__do(&self->program, order), answer)

/* The end of the watch, and that it told nothing. */
#define EXPECT_NOTHING()                                    \
	do {                                                \
		EXPECT_EQ(poolwatch__stop(&self->watch), 0); \
		EXPECT_EQ(self->watch.out.n, 0);            \
	} while (0)

TEST_F(holds, failed_tries_hold_nothing)
{
	DO("1 take", "1 done 1");
	DO("2 take", "2 done 1");
	for (int i = 0; i < 10; i++)
		DO("3 try", "3 failed 0");
	EXPECT_POOL(12, 2, 10, 0, 2);
	EXPECT_EQ(THREADS_SHOWN(), 2);
	DO("1 put", "1 done 0");
	DO("3 try", "3 done 1");
	EXPECT_POOL(13, 3, 10, 1, 2);
	DO("2 put", "2 done 0");
	DO("3 put", "3 done 0");
	EXPECT_POOL(13, 3, 10, 3, 0);
	EXPECT_EQ(THREADS_SHOWN(), 0);
	EXPECT_NOTHING();
}

TEST_F(holds, timeouts_hold_nothing)
{
	DO("1 take", "1 done 1");
	DO("2 take", "2 done 1");
	DO("3 timed 20", "3 failed 0");
	DO("3 timed 0", "3 failed 0");
	EXPECT_POOL(4, 2, 2, 0, 2);
	EXPECT_EQ(THREADS_SHOWN(), 2);
	DO("1 put", "1 done 0");
	DO("3 timed 60000", "3 done 1");
	DO("3 put", "3 done 0");
	DO("2 put", "2 done 0");
	EXPECT_POOL(5, 3, 2, 3, 0);
	EXPECT_NOTHING();
}

/* A try that fails is a nested request all the same: with a blocking call it would wait. It is told as what it is, and nobody holds two. */
TEST_F(holds, a_failed_nested_try_holds_one)
{
	DO("1 take", "1 done 1");
	DO("2 take", "2 done 1");
	DO("1 try", "1 failed 1");
	EXPECT_POOL(3, 2, 1, 0, 2);
	DO("1 put", "1 done 0");
	DO("2 put", "2 done 0");
	EXPECT_POOL(3, 2, 1, 2, 0);
	EXPECT_EQ(poolwatch__stop(&self->watch), 3);
	EXPECT_EQ(poolwatch__count(&self->watch, "nested", "new"), 1);
	EXPECT_EQ(self->watch.out.n, 1);
}

TEST_F(holds, who_holds_and_who_waits)
{
	const char *t;

	DO("1 take", "1 done 1");
	DO("2 take", "2 done 1");
	ASSERT_NE(workload__do(&self->program, "3 ask"), NULL);
	/* The request is made when the books say so. */
	do
		t = SHOW("pools");
	while (json_int(t, "requests") < 3);
	EXPECT_EQ(json_int(t, "waiters"), 1);
	EXPECT_EQ(THREADS_SHOWN(), 3);
	for (size_t i = 0; i < self->show.out.n; i++) {
		t = self->show.out.lines[i];
		if (json_int(t, "tid") == self->tid[2]) {
			EXPECT_EQ(json_len(t, "holds"), 0);
			EXPECT_EQ(json_int(t, "request.count"), 1);
			EXPECT_STREQ(json_str(t, "request.site.symbol"), "first_request");
		} else {
			EXPECT_TRUE(json_int(t, "tid") == self->tid[0] || json_int(t, "tid") == self->tid[1]);
			EXPECT_EQ(json_len(t, "holds"), 1);
			EXPECT_EQ(json_int(t, "holds.0.count"), 1);
			EXPECT_STREQ(json_str(t, "holds.0.site.symbol"), "first_request");
			EXPECT_STREQ(json_str(t, "request"), "(null)");
		}
	}
	ASSERT_EQ(proc__send(&self->program, "1 put"), 0);
	ASSERT_NE(proc__expect(&self->program, "3 done 1"), NULL);
	DO("2 put", "2 done 0");
	DO("3 put", "3 done 0");
	EXPECT_POOL(3, 3, 0, 3, 0);
	EXPECT_NOTHING();
}

/*
 * Leaving an acquire by siglongjmp: the request is over with the next one of that thread, at the latest. (A condition variable
 * does not survive that: the pool of our own is spared.)
 */
TEST_F(holds, a_jump_out_of_acquire)
{
	if (!strcmp(variant->workload, "workload_own"))
		return;
	DO("1 take", "1 done 1");
	DO("2 take", "2 done 1");
	ASSERT_EQ(proc__send(&self->program, "3 jump"), 0);
	while (json_int(SHOW("pools"), "requests") < 3)
		;
	ASSERT_EQ(proc__send(&self->program, "signal 3"), 0);
	ASSERT_NE(proc__expect(&self->program, "3 jumped 0"), NULL);
	DO("1 put", "1 done 0");
	DO("3 take", "3 done 1");
	EXPECT_EQ(THREADS_SHOWN(), 2);
	DO("3 put", "3 done 0");
	DO("2 put", "2 done 0");
	EXPECT_EQ(THREADS_SHOWN(), 0);
	EXPECT_EQ(json_int(SHOW("pools"), "in_use"), 0);
	EXPECT_NOTHING();
}

/* Cancelled while it waits: it never got a unit, and nobody leaks. Had its cleanup handler not run, "put" would block. */
TEST_F(holds, cancelled_in_acquire)
{
	DO("1 take", "1 done 1");
	DO("2 take", "2 done 1");
	ASSERT_NE(workload__do(&self->program, "3 ask"), NULL);
	while (json_int(SHOW("pools"), "requests") < 3)
		;
	DO("cancel 3", "cancelled 3");
	DO("1 put", "1 done 0");
	DO("2 put", "2 done 0");
	EXPECT_EQ(THREADS_SHOWN(), 0);
	EXPECT_EQ(json_int(SHOW("pools"), "in_use"), 0);
	EXPECT_EQ(json_int(SHOW("pools"), "waiters"), 0);
	EXPECT_NOTHING();
}

TEST_F(holds, a_thread_ends_while_holding)
{
	const char *f;

	DO("3 take", "3 done 1");
	DO("3 exit", "3 ended");
	f = poolwatch__finding(&self->watch, "leak", "new");
	ASSERT_NE(f, NULL);
	EXPECT_STREQ(json_str(f, "severity"), "warning");
	ASSERT_EQ(json_len(f, "threads"), 1);
	EXPECT_EQ(json_int(f, "threads.0.tid"), self->tid[2]);
	ASSERT_EQ(json_len(f, "threads.0.holds"), 1);
	EXPECT_EQ(json_int(f, "threads.0.holds.0.count"), 1);
	EXPECT_STREQ(json_str(f, "threads.0.holds.0.site.symbol"), "first_request");
	EXPECT_EQ(poolwatch__stop(&self->watch), 3);
	EXPECT_EQ(self->watch.out.n, 1);
}

TEST_HARNESS_MAIN
