// SPDX-License-Identifier: GPL-2.0
/*
 * The presets on real libraries, with no definition given: the article's program (take; meet; take; put; put) on each, attached to
 * while it runs and run from its first instruction.
 */
#include <stdlib.h>
#include <string.h>
#include "kselftest_harness.h"
#include "e2e.h"

#define UNITS 4

FIXTURE(library)
{
	struct proc program, watch;
	pid_t tid[UNITS];
	char pid[16];
};

FIXTURE_VARIANT(library)
{
	const char *workload, *pool;
	bool has_units; /* units have handles */
	bool bare; /* nothing in it says what its capacity is: that is known only from its creation */
};

FIXTURE_VARIANT_ADD(library, sem)
{
	.workload = "workload_sem", .pool = "sem", .bare = true,
};

FIXTURE_VARIANT_ADD(library, apr_reslist)
{
	.workload = "workload_apr", .pool = "apr_reslist", .has_units = true,
};

FIXTURE_VARIANT_ADD(library, mongoc)
{
	.workload = "workload_mongoc", .pool = "mongoc", .has_units = true,
};

FIXTURE_SETUP(library)
{
	memset(self, 0, sizeof(*self));
}

FIXTURE_TEARDOWN(library)
{
	proc__free(&self->watch);
	proc__free(&self->program);
}

#define DO(p, order, answer) ASSERT_STREQ(workload__do(p, order), answer)

static int by_number(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

/* Four threads hold one each and ask for another: all are named, with what they hold and where they got it. */
static void expect_all(struct __test_metadata *_metadata, const char *f, const FIXTURE_VARIANT(library) *variant, pid_t *tids)
{
	pid_t tid[UNITS];
	char path[60];

	EXPECT_STREQ(json_str(f, "pool.name"), variant->pool);
	EXPECT_EQ(json_int(f, "pool.capacity"), UNITS);
	EXPECT_EQ(json_int(f, "pool.in_use"), UNITS);
	EXPECT_EQ(json_int(f, "pool.waiters"), UNITS);
	EXPECT_EQ(json_int(f, "pool.unknown"), 0);
	ASSERT_EQ(json_len(f, "threads"), UNITS);
	for (int i = 0; i < UNITS; i++) {
		snprintf(path, sizeof(path), "threads.%d.tid", i);
		tid[i] = json_int(f, path);
		snprintf(path, sizeof(path), "threads.%d.holds", i);
		EXPECT_EQ(json_len(f, path), 1);
		snprintf(path, sizeof(path), "threads.%d.holds.0.site.symbol", i);
		EXPECT_STREQ(json_str(f, path), "first_request");
		snprintf(path, sizeof(path), "threads.%d.holds.0.resource", i);
		EXPECT_EQ(json_int(f, path) > 0, variant->has_units);
		snprintf(path, sizeof(path), "threads.%d.request.site.symbol", i);
		EXPECT_STREQ(json_str(f, path), "next_request");
	}
	qsort(tid, UNITS, sizeof(*tid), by_number);
	qsort(tids, UNITS, sizeof(*tids), by_number);
	EXPECT_EQ(memcmp(tid, tids, sizeof(tid)), 0);
}

/* One thread, then all of them. @certain: the capacity is known for sure, so there is a proof; else it is a stall. */
static void article(struct __test_metadata *_metadata, FIXTURE_DATA(library) *self, const FIXTURE_VARIANT(library) *variant,
		    struct proc *program, bool certain)
{
	const char *f;

	DO(program, "1 take", "1 done 1");
	DO(program, "1 put", "1 done 0");
	DO(program, "1 take", "1 done 1");
	DO(program, "1 take", "1 done 2");
	DO(program, "1 put", "1 done 1");
	DO(program, "1 put", "1 done 0");
	f = poolwatch__finding(&self->watch, "nested", "new");
	ASSERT_NE(f, NULL);
	EXPECT_STREQ(json_str(f, "pool.name"), variant->pool);
	EXPECT_EQ(json_int(f, "pool.capacity"), UNITS);
	ASSERT_EQ(json_len(f, "threads"), 1);
	EXPECT_EQ(json_int(f, "threads.0.tid"), self->tid[0]);
	EXPECT_STREQ(json_str(f, "threads.0.holds.0.site.symbol"), "first_request");
	EXPECT_STREQ(json_str(f, "threads.0.request.site.symbol"), "next_request");
	EXPECT_EQ(json_int(f, "depth"), 2);
	EXPECT_EQ(json_int(f, "safe_threads"), certain ? UNITS - 1 : INT64_MIN);
	for (int i = 1; i <= UNITS; i++)
		ASSERT_NE(workload__do(program, "%d take", i), NULL);
	for (int i = 1; i <= UNITS; i++)
		ASSERT_NE(workload__do(program, "%d ask", i), NULL);
	f = poolwatch__finding(&self->watch, certain ? "deadlock" : "stall", "new");
	ASSERT_NE(f, NULL);
	expect_all(_metadata, f, variant, self->tid);
	EXPECT_STREQ(json_str(f, "proof"), certain ? "reduction" : "(null)");
	if (certain) {
		EXPECT_EQ(json_int(f, "depth"), 2);
		EXPECT_EQ(json_int(f, "nesting_threads"), UNITS);
		EXPECT_EQ(json_int(f, "needed_capacity"), UNITS + 1);
	}
}

TEST_F(library, attach)
{
	ASSERT_EQ(workload__start(&self->program, variant->workload, UNITS), 0);
	ASSERT_EQ(workload__threads(&self->program, UNITS, self->tid), 0);
	snprintf(self->pid, sizeof(self->pid), "%d", self->program.pid);
	ASSERT_EQ(poolwatch__start(&self->watch, "attach", "-p", self->pid, "--json", "--stall", variant->bare ? "1" : "600", NULL), 0);
	ASSERT_TRUE(poolwatch__watches(&self->watch, self->program.pid));
	article(_metadata, self, variant, &self->program, !variant->bare);
	EXPECT_EQ(poolwatch__stop(&self->watch), 3);
	EXPECT_EQ(self->watch.out.n, 2);
}

/* From the first instruction on, the creation is seen. The deadlock ends the program, which would never end itself. */
TEST_F(library, run)
{
	ASSERT_EQ(poolwatch__start(&self->watch, "run", "--json", "--fail-on", "deadlock", "--", e2e__file(variant->workload), "4", NULL), 0);
	ASSERT_NE(proc__expect(&self->watch, "ready"), NULL);
	ASSERT_EQ(workload__threads(&self->watch, UNITS, self->tid), 0);
	article(_metadata, self, variant, &self->watch, true);
	EXPECT_EQ(proc__wait(&self->watch), 3);
	EXPECT_EQ(poolwatch__count(&self->watch, NULL, NULL), 2);
}

/* All threads at once, none holds two. */
TEST_F(library, plain_use_gives_nothing)
{
	ASSERT_EQ(workload__start(&self->program, variant->workload, UNITS), 0);
	ASSERT_EQ(workload__threads(&self->program, UNITS, self->tid), 0);
	snprintf(self->pid, sizeof(self->pid), "%d", self->program.pid);
	ASSERT_EQ(poolwatch__start(&self->watch, "attach", "-p", self->pid, "--json", "--budget", "off", NULL), 0);
	ASSERT_TRUE(poolwatch__watches(&self->watch, self->program.pid));
	for (int i = 1; i <= UNITS; i++)
		ASSERT_EQ(proc__send(&self->program, "%d plain 5000", i), 0);
	for (int i = 1; i <= UNITS; i++)
		ASSERT_NE(proc__line(&self->program), NULL);
	EXPECT_EQ(poolwatch__stop(&self->watch), 0);
	EXPECT_EQ(self->watch.out.n, 0);
}

TEST_HARNESS_MAIN
