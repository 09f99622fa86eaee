// SPDX-License-Identifier: GPL-2.0
/*
 * The article's program on the real libraries of this system, unmodified, watched by the presets that come with poolwatch. Each
 * one three times: a single thread that nests is warned of; as many threads as there are units deadlock, proven; the
 * corrected program yields nothing.
 */
#include <kselftest_harness.h>
#include <sched.h>
#include "follow.h"

#define DIR ".output/selftests/presets/"

FIXTURE(library)
{
	struct follow f;
};

FIXTURE_VARIANT(library)
{
	const char *program[3];
	const char *pool; /* its name; NULL: follow__poco */
	bool learns;	  /* its size can be known only to who saw it made */
};

#define LIBRARY(name, ...) FIXTURE_VARIANT_ADD(library, name) { __VA_ARGS__ }
LIBRARY(sem_unnamed, .learns = true, .program = { DIR "pool_sem" }, .pool = "sem");
LIBRARY(sem_named, .learns = true, .program = { DIR "pool_sem_named" }, .pool = "sem");
LIBRARY(sem_shared, .learns = true, .program = { DIR "pool_sem_shared" }, .pool = "sem");
LIBRARY(sysv, .learns = true, .program = { DIR "pool_sysv" }, .pool = "sysv");
LIBRARY(apr_reslist, .program = { DIR "pool_apr" }, .pool = "apr_reslist");
LIBRARY(mongoc, .program = { DIR "pool_mongoc" }, .pool = "mongoc");
LIBRARY(zdb, .program = { DIR "pool_zdb" }, .pool = "zdb");
LIBRARY(poco, .program = { DIR "pool_poco" });
LIBRARY(qsemaphore5, .learns = true, .program = { DIR "pool_qsem5" }, .pool = "qsemaphore5");
LIBRARY(qsemaphore6, .learns = true, .program = { DIR "pool_qsem6" }, .pool = "qsemaphore6");

FIXTURE_SETUP(library)
{
	char *argv[] = { (char *)variant->program[0], (char *)variant->program[1], NULL };

	/* System V semaphores outlive who is killed, but not their namespace. */
	ASSERT_EQ(0, unshare(CLONE_NEWIPC));
	ASSERT_EQ(0, follow__start(&self->f, argv));
	/* Attached to a pool that is there already, where that says what is to be known of it. */
	if (!variant->learns)
		ASSERT_TRUE(follow__before(&self->f, "setup"));
	ASSERT_EQ(0, follow__watch(&self->f, NULL, false)) TH_LOG("%s", self->f.error.message);
	if (variant->learns)
		ASSERT_TRUE(follow__do(&self->f, "setup"));
}

FIXTURE_TEARDOWN(library)
{
	follow__end(&self->f);
}

TEST_F(library, one_thread_that_nests_is_warned_of)
{
	struct follow *f = &self->f;

	/* A semaphore counts as a pool once a thread has posted what it waited for: not before. */
	ASSERT_TRUE(follow__do(f, "alone"));
	ASSERT_EQ(1, f->nfound) TH_LOG("%s", f->nfound ? f->found[0].pool : "nothing");
	EXPECT_EQ(FINDING_NESTED, f->found[0].kind);
	EXPECT_EQ(FINDING_NEW, f->found[0].event);
	EXPECT_STREQ(variant->pool ?: follow__poco(), f->found[0].pool);
	EXPECT_EQ(4, f->found[0].capacity);
	EXPECT_EQ(2, f->found[0].depth);
	EXPECT_EQ(0, f->found[0].unknown);
	EXPECT_FALSE(f->found[0].uncertain);
}

TEST_F(library, as_many_threads_as_units_deadlock)
{
	struct follow *f = &self->f;
	const struct followed *d;

	/* Whoever confirms a semaphore has to come back from it first. */
	ASSERT_TRUE(follow__do(f, "flat"));
	ASSERT_EQ(0, f->nfound);
	d = follow__stuck(f, "nest");
	ASSERT_NE(NULL, d);
	EXPECT_STREQ(variant->pool ?: follow__poco(), d->pool);
	EXPECT_EQ(4, d->capacity);
	EXPECT_EQ(4, d->in_use);
	EXPECT_EQ(4, d->nthreads);
	EXPECT_EQ(4, d->waiters);
	EXPECT_EQ(0, d->unknown);
	EXPECT_FALSE(d->uncertain);
	/* Nothing else but the warnings that came before it. */
	for (size_t i = 0; i < f->nfound; i++)
		EXPECT_TRUE(&f->found[i] == d || f->found[i].kind == FINDING_NESTED);
}

TEST_F(library, the_corrected_program_yields_nothing)
{
	struct follow *f = &self->f;

	for (int i = 0; i < 3; i++)
		ASSERT_TRUE(follow__do(f, "flat"));
	EXPECT_EQ(0, f->nfound) TH_LOG("%s", f->found[0].pool);
}

TEST_HARNESS_MAIN
