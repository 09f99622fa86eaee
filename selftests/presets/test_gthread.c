// SPDX-License-Identifier: GPL-2.0
/*
 * The article's second program, a pool of workers whose tasks wait for tasks of the same pool, on GLib. What a task waits for is
 * only presumed by the preset: it warns at once, and calls it a stall when nothing goes on. Who states that these
 * waits are for the pool gets the proof.
 */
#include <kselftest_harness.h>
#include "follow.h"

#define PROGRAM ".output/selftests/presets/pool_gthread"

/* The preset without "submit". */
#define STATED                                                                                \
	"pool workers; lib libglib-2.0.so.0; key arg0; done g_async_queue_lock;"              \
	"resize g_thread_pool_push key=u64[arg0+0x18] capacity=s32[arg0+0x30];"               \
	"create g_thread_pool_new_full key=u64[ret+0x18] capacity=s32(arg3) ok=ret!=0;"       \
	"next g_async_queue_pop_unlocked g_async_queue_timeout_pop_unlocked ok=ret!=0;"       \
	"wait-on g_cond_wait key=held"

FIXTURE(gthread)
{
	struct follow f;
};

/* How GLib starts threads. */
FIXTURE_VARIANT(gthread)
{
	char *argument;
};

FIXTURE_VARIANT_ADD(gthread, usual) { NULL };
FIXTURE_VARIANT_ADD(gthread, by_another_thread) { "spawn" };

FIXTURE_SETUP(gthread)
{
	char *argv[] = { PROGRAM, variant->argument, NULL };

	ASSERT_EQ(0, follow__start(&self->f, argv));
}

FIXTURE_TEARDOWN(gthread)
{
	follow__end(&self->f);
}

TEST_F(gthread, one_task_that_waits_for_its_pool_is_warned_of)
{
	struct follow *f = &self->f;

	ASSERT_EQ(0, follow__watch(f, NULL, false)) TH_LOG("%s", f->error.message);
	ASSERT_TRUE(follow__do(f, "setup"));
	ASSERT_TRUE(follow__do(f, "alone"));
	ASSERT_EQ(1, f->nfound);
	EXPECT_EQ(FINDING_NESTED, f->found[0].kind);
	EXPECT_STREQ("gthreadpool", f->found[0].pool);
	EXPECT_EQ(4, f->found[0].capacity);
	EXPECT_EQ(2, f->found[0].depth);
	EXPECT_EQ(0, f->found[0].unknown);
	EXPECT_FALSE(f->found[0].uncertain);
	EXPECT_NE(NULL, strstr(f->found[0].asked, "wait_for pool_gthread.c:")) TH_LOG("%s", f->found[0].asked);
	EXPECT_NE(NULL, strstr(f->found[0].through, "ask_child(pool_gthread) ")) TH_LOG("%s", f->found[0].through);
}

TEST_F(gthread, as_many_as_workers_stall)
{
	struct follow *f = &self->f;
	const struct followed *s;

	f->stall_ns = 100000000;
	ASSERT_EQ(0, follow__watch(f, NULL, false)) TH_LOG("%s", f->error.message);
	ASSERT_TRUE(follow__do(f, "setup"));
	follow__tell(f, "nest");
	ASSERT_TRUE(follow__until(f, NULL, 0, FINDING_STALL));
	s = follow__find(f, FINDING_STALL, FINDING_NEW);
	EXPECT_STREQ("gthreadpool", s->pool);
	EXPECT_EQ(4, s->capacity);
	EXPECT_EQ(4, s->in_use);
	EXPECT_EQ(4, s->waiters);
	EXPECT_EQ(4, s->nthreads);
	EXPECT_EQ(NULL, follow__find(f, FINDING_DEADLOCK, FINDING_NEW));
}

TEST_F(gthread, they_deadlock_where_it_is_stated_what_they_wait_for)
{
	struct follow *f = &self->f;
	const struct followed *d;

	ASSERT_EQ(0, follow__watch(f, STATED, false)) TH_LOG("%s", f->error.message);
	ASSERT_TRUE(follow__do(f, "setup"));
	d = follow__stuck(f, "nest");
	ASSERT_NE(NULL, d);
	EXPECT_STREQ("workers", d->pool);
	EXPECT_EQ(4, d->capacity);
	EXPECT_EQ(4, d->in_use);
	EXPECT_EQ(4, d->nthreads);
	EXPECT_EQ(4, d->waiters);
	EXPECT_EQ(0, d->unknown);
	EXPECT_FALSE(d->uncertain);
}

TEST_F(gthread, tasks_that_wait_for_none_yield_nothing)
{
	struct follow *f = &self->f;

	f->stall_ns = 100000000;
	ASSERT_EQ(0, follow__watch(f, NULL, false)) TH_LOG("%s", f->error.message);
	ASSERT_TRUE(follow__do(f, "setup"));
	for (int i = 0; i < 3; i++) {
		ASSERT_TRUE(follow__do(f, "flat"));
		ASSERT_TRUE(follow__do(f, "shrink"));
	}
	EXPECT_EQ(0, f->nfound) TH_LOG("%s", finding__kind_name(f->found[0].kind));
}

TEST_F(gthread, waiting_for_a_thread_to_start_is_none_for_the_pool)
{
	struct follow *f = &self->f;

	ASSERT_EQ(0, follow__watch(f, NULL, false)) TH_LOG("%s", f->error.message);
	ASSERT_TRUE(follow__do(f, "setup"));
	ASSERT_TRUE(follow__do(f, "many"));
	EXPECT_EQ(0, f->nfound) TH_LOG("%s %s", finding__kind_name(f->found[0].kind), f->found[0].through);
}

TEST_F(gthread, a_pool_that_was_there_is_known_from_its_next_task)
{
	struct follow *f = &self->f;

	ASSERT_TRUE(follow__before(f, "setup"));
	ASSERT_TRUE(follow__before(f, "flat"));
	ASSERT_EQ(0, follow__watch(f, NULL, false)) TH_LOG("%s", f->error.message);
	/* A worker that waits for its next task already is not seen to get that one: each of the four may miss one so. */
	for (int i = 0; i < 5; i++)
		ASSERT_TRUE(follow__do(f, "alone"));
	ASSERT_TRUE(f->nfound || follow__until(f, NULL, 0, FINDING_NESTED));
	ASSERT_EQ(1, f->nfound);
	EXPECT_EQ(FINDING_NESTED, f->found[0].kind);
	EXPECT_EQ(4, f->found[0].capacity);
}

TEST_HARNESS_MAIN
