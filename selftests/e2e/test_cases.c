// SPDX-License-Identifier: GPL-2.0
/*
 * The hard cases on this kernel: for each exactly the findings that are right, by kind, event, threads and number,
 * while other threads use a pool of the same definition as they should (cases.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "kselftest_harness.h"
#include "e2e.h"
#include "cases_watch.h"

/* The capacity changes at run time: two more units end it. */
TEST_F(cases, nest_and_resize)
{
	const char *f;

	PROGRAM();
	WATCH(SLOTS);
	FORMS("nest", 2);
	f = FINDING("deadlock", "new");
	NAMES(f, 2);
	ASSERT_EQ(json_int(f, "pool.capacity"), 2);
	ASSERT_EQ(json_int(f, "needed_capacity"), 3);
	DO("rescue", "rescued");
	f = FINDING("deadlock", "recovered");
	TOLD("nested new", "deadlock new", "deadlock recovered");
}

TEST_F(cases, two_pools)
{
	const char *f;

	PROGRAM();
	WATCH(SLOTS);
	FORMS("circle", 2);
	f = FINDING("deadlock", "new");
	NAMES(f, 2);
	ASSERT_EQ((int)json_len(f, "pools"), 2);
	TOLD("order new", "deadlock new");
}

/*
 * The same circle, but somebody who runs has what one of them needs: a cycle is no deadlock. It is a stall when it
 * lasts.
 */
TEST_F(cases, a_way_out)
{
	int blamed = 0;

	PROGRAM();
	WATCH(SLOTS, "--stall", "1");
	FORMS("way_out", 2);
	for (int i = 0; i < 2; i++) {
		const char *f = FINDING("stall", "new");

		/* What each does, where it is to blame: the one that lives waits for orders, the others for one another. */
		for (int k = 0; k < (int)json_len(f, "threads"); k++) {
			char tid[40], doing[40];

			snprintf(tid, sizeof(tid), "threads.%d.tid", k);
			snprintf(doing, sizeof(doing), "threads.%d.doing", k);
			blamed += json_int(f, tid) == self->program.pid;
			ASSERT_EQ(strncmp(json_str(f, doing),
					  json_int(f, tid) == self->program.pid ? "sleeping in read(0)" : "sleeping in futex(0x",
					  19), 0) TH_LOG("%s", json_str(f, doing));
		}
	}
	ASSERT_EQ(blamed, 1);
	DO("let_go", "all ended");
	for (int i = 0; i < 2; i++)
		FINDING("stall", "recovered");
	TOLD("order new", "stall new", "stall new", "stall recovered", "stall recovered");
}

TEST_F(cases, learned_capacity)
{
	const char *f;

	PROGRAM();
	WATCH(LEARN, "--stall", "1");
	FORMS("nest", 2);
	f = FINDING("stall", "new");
	NAMES(f, 2);
	DO("rescue", "rescued");
	FINDING("stall", "recovered");
	TOLD("nested new", "stall new", "stall recovered");
}

TEST_F(cases, polling)
{
	const char *f;

	PROGRAM();
	WATCH(POLLS);
	FORMS("poll", 2);
	f = FINDING("deadlock", "new");
	NAMES(f, 2);
	DO("give_up", "gave up");
	FINDING("deadlock", "recovered");
	TOLD("nested new", "deadlock new", "deadlock recovered");
}

/* Handles: exact, whoever returns them. But units that others return may come back at any time: a stall, no proof. */
TEST_F(cases, foreign_release_by_handle)
{
	const char *f;

	PROGRAM();
	WATCH(CONNS, "--stall", "1");
	FORMS("keep", 1);
	DO("return", "returned");
	FORMS("conn", 2);
	f = FINDING("stall", "new");
	NAMES(f, 2);
	DO("rescue", "rescued");
	FINDING("stall", "recovered");
	TOLD("nested new", "stall new", "stall recovered");
}

TEST_F(cases, deadlock_by_handle)
{
	const char *f;

	PROGRAM();
	WATCH(CONNS);
	FORMS("conn", 2);
	f = FINDING("deadlock", "new");
	NAMES(f, 2);
	TOLD("nested new", "deadlock new");
}

/* Counts: whose unit comes back cannot be told, and nothing is made up. */
TEST_F(cases, foreign_release_by_count)
{
	PROGRAM();
	WATCH(SLOTS);
	DO("post", "posted");
	TOLD();
}

/* The same by a thread that was there before the attach: it may return what it took then, or what another has taken since. */
TEST_F(cases, foreign_release_by_count_of_an_older_thread)
{
	PROGRAM();
	DO("consumer", "ready");
	WATCH(SLOTS);
	DO("feed", "fed");
	TOLD();
}

/* A hand-off by design: "owner resource" says that it is nobody's fault, and no holder is blamed, not even one that ended. */
TEST_F(cases, handed_off)
{
	PROGRAM();
	WATCH(CONNS "; owner resource", "--stall", "1", "--leak", "1");
	DO("hand", "handed");
	TOLD();
}

/* If every unit came back by the hand that took it, nobody hands on here, whatever the definition allows. */
TEST_F(cases, handed_off_by_nobody)
{
	const char *f;

	PROGRAM();
	WATCH(CONNS "; owner resource");
	DO("own", "given back");
	FORMS("conn", 2);
	f = FINDING("deadlock", "new");
	NAMES(f, 2);
	TOLD("nested new", "deadlock new");
}

/* It stays one: when all its units are out and more are asked for, somebody may still return one for another. */
TEST_F(cases, handed_off_and_nested)
{
	const char *f;

	PROGRAM();
	WATCH(CONNS "; owner resource", "--stall", "1");
	DO("hand", "handed");
	FORMS("conn", 2);
	f = FINDING("stall", "new");
	NAMES(f, 2);
	DO("rescue", "rescued");
	FINDING("stall", "recovered");
	TOLD("stall new", "stall recovered");
}

/* By bare count, and the first is long under way: who asks for the next meanwhile is no deadlock and does not nest. */
TEST_F(cases, handed_off_late)
{
	PROGRAM();
	WATCH(SLOTS);
	DO("late", "late ended");
	TOLD();
}

TEST_F(cases, held_before_the_attach)
{
	const char *f;

	PROGRAM();
	DO("before", "taken");
	WATCH(SLOTS, "--stall", "1");
	FORMS("nest", 2);
	f = FINDING("stall", "new");
	NAMES(f, 2);
	ASSERT_EQ(json_int(f, "pool.unknown"), 1);
	DO("after", "all ended");
	FINDING("stall", "recovered");
	TOLD("nested new", "stall new", "stall recovered");
}

/*
 * More pools than a hold set can name: the thread does deadlock with itself, but its books are not good enough to say
 * so.
 */
TEST_F(cases, too_many_pools)
{
	PROGRAM();
	WATCH(SLOTS, "--stall", "1");
	FORMS("many", 1);
	FINDING("stall", "new");
	ASSERT_EQ(poolwatch__stop(&self->watch), 3);
	ASSERT_EQ(poolwatch__count(&self->watch, "deadlock", NULL), 0);
	ASSERT_EQ(poolwatch__count(&self->watch, "stall", "new"), 1);
	ASSERT_EQ(poolwatch__count(&self->watch, "nested", "new"), 1);
	ASSERT_EQ(poolwatch__count(&self->watch, "leak", NULL), 0);
}

TEST_F(cases, leak_and_return)
{
	const char *f;

	PROGRAM();
	WATCH(CONNS);
	ASSERT_EQ(sscanf(DO("leave", "left"), "left %d", &self->tid[0]), 1);
	f = FINDING("leak", "new");
	NAMES(f, 1);
	DO("return", "returned");
	FINDING("leak", "recovered");
	TOLD("leak new", "leak recovered");
}

TEST_F(cases, kept_for_long)
{
	const char *f;

	PROGRAM();
	WATCH(CONNS, "--leak", "1");
	FORMS("keep", 1);
	f = FINDING("leak", "new");
	NAMES(f, 1);
	DO("return", "returned");
	FINDING("leak", "recovered");
	TOLD("leak new", "leak recovered");
}

/* One pool, in memory that two processes map at different addresses. */
TEST_F(cases, shared_between_processes)
{
	const char *f;
	int child;

	PROGRAM("shared");
	ASSERT_EQ(sscanf(self->program.out.lines[0], "child %d", &child), 1);
	snprintf(self->pid, sizeof(self->pid), "%d,%d", self->program.pid, child);
	WATCH(SLOTS);
	ASSERT_TRUE(poolwatch__watches(&self->watch, child));
	ASSERT_EQ(proc__send(&self->program, "shared"), 0);
	f = FINDING("deadlock", "new");
	ASSERT_EQ((int)json_len(f, "threads"), 2);
	ASSERT_EQ(json_int(f, "threads.0.pid") + json_int(f, "threads.1.pid"), self->program.pid + child);
	ASSERT_NE(json_int(f, "threads.0.pid"), json_int(f, "threads.1.pid"));
	/* It is the same code that nests, in both: a child that did not exec has it at the same addresses. */
	TOLD("nested new", "deadlock new");
}

/* A semaphore that counts items is no pool, however often somebody waits on it twice. */
TEST_F(cases, signalling)
{
	PROGRAM();
	WATCH("sem");
	DO("items", "eaten");
	TOLD();
}

TEST_F(cases, signalling_after_all)
{
	PROGRAM();
	WATCH("sem");
	DO("confirm", "confirmed");
	FINDING("nested", "new");
	DO("signal", "signalled");
	FINDING("nested", "retracted");
	TOLD("nested new", "nested retracted");
}

/* Workers that wait for tasks of their own pool. */
TEST_F(cases, tasks_wait_for_tasks)
{
	const char *f;

	PROGRAM();
	WATCH(TASKS);
	FORMS("tasks", 2);
	f = FINDING("deadlock", "new");
	NAMES(f, 2);
	ASSERT_EQ(json_int(f, "pool.capacity"), 2);
	TOLD("nested new", "deadlock new");
}

/*
 * A busy program that does nothing wrong: it waits on conditions, hands permits on, tries, times out, comes and goes.
 * CASES_SECONDS says for how long it is watched.
 */
static const char *seconds(void)
{
	return getenv("CASES_SECONDS") ?: "3";
}

/* It may be longer than a wait for anything else. */
static int wait_long(struct __test_metadata *_metadata, struct proc *p)
{
	int status;

	for (long left = atol(seconds()); (status = proc__wait(p)) == -ETIMEDOUT && left > 0; left -= E2E_LIMIT)
		;
	for (size_t i = 0; i < p->out.n; i++)
		TH_LOG("told: %s", p->out.lines[i]);
	return status;
}

TEST_F_TIMEOUT(cases, nothing_wrong, 86400)
{
	PROGRAM();
	WATCH(SLOTS, "--stall", "1", "--for", seconds());
	ASSERT_EQ(wait_long(_metadata, &self->watch), 0);
	ASSERT_EQ(self->watch.out.n, 0);
}

TEST_F_TIMEOUT(cases, nothing_wrong_with_semaphores, 86400)
{
	PROGRAM();
	WATCH("sem", "--stall", "1", "--for", seconds());
	ASSERT_EQ(wait_long(_metadata, &self->watch), 0);
	ASSERT_EQ(self->watch.out.n, 0);
}

TEST_HARNESS_MAIN
