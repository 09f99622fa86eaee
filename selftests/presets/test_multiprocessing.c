// SPDX-License-Identifier: GPL-2.0
/* Python's multiprocessing.Semaphore, on Debian's Python: a pool that two processes share, each with two threads that take of it. */
#include <kselftest_harness.h>
#include "follow.h"

#define PROGRAM "selftests/presets/mp_semaphore.py"

FIXTURE(shared)
{
	struct follow f;
};

FIXTURE_VARIANT(shared)
{
	bool before; /* the semaphore was there before */
};

/* Its process is watched when it makes the semaphore, and its children as they come. */
FIXTURE_VARIANT_ADD(shared, followed) { .before = false };
/* Each of those who use it is attached to by its number. */
FIXTURE_VARIANT_ADD(shared, attached) { .before = true };

static bool watch_children(struct follow *f)
{
	char path[64];
	unsigned int pid, n = 0;
	FILE *list;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", f->pid, f->pid);
	list = fopen(path, "re");
	while (list && fscanf(list, "%u", &pid) == 1)
		n += !watch__add(f->watch, pid, 0, &f->error);
	if (list)
		fclose(list);
	return n == 2;
}

FIXTURE_SETUP(shared)
{
	struct follow *f = &self->f;
	char *argv[] = { "/usr/bin/python3", PROGRAM, NULL };

	ASSERT_EQ(0, follow__start(f, argv));
	ASSERT_TRUE(!variant->before || follow__before(f, "setup"));
	ASSERT_EQ(0, follow__watch(f, NULL, !variant->before)) TH_LOG("%s", f->error.message);
	ASSERT_TRUE(variant->before ? watch_children(f) : follow__do(f, "setup")) TH_LOG("%s", f->error.message);
	ASSERT_TRUE(follow__until_watched(f, 3));
}

FIXTURE_TEARDOWN(shared)
{
	follow__end(&self->f);
}

TEST_F(shared, one_process_that_nests_is_warned_of)
{
	struct follow *f = &self->f;

	ASSERT_TRUE(follow__do(f, "alone"));
	ASSERT_EQ(1, f->nfound);
	EXPECT_EQ(FINDING_NESTED, f->found[0].kind);
	EXPECT_STREQ("sem", f->found[0].pool);
	EXPECT_EQ(4, f->found[0].capacity);
	EXPECT_EQ(2, f->found[0].depth);
}

TEST_F(shared, two_processes_deadlock)
{
	struct follow *f = &self->f;
	const struct followed *d;

	/* Whoever confirms a semaphore has to come back from it first. */
	ASSERT_TRUE(follow__do(f, "flat"));
	ASSERT_EQ(0, f->nfound);
	/* A size that was learned, of processes that may have taken units before, proves nothing. */
	if (variant->before)
		return;
	d = follow__stuck(f, "nest");
	ASSERT_NE(NULL, d);
	EXPECT_STREQ("sem", d->pool);
	EXPECT_EQ(4, d->capacity);
	EXPECT_EQ(4, d->in_use);
	EXPECT_EQ(4, d->nthreads);
	EXPECT_EQ(4, d->waiters);
	EXPECT_EQ(0, d->unknown);
	EXPECT_FALSE(d->uncertain);
}

TEST_HARNESS_MAIN
