// SPDX-License-Identifier: GPL-2.0
/*
 * System V semaphores beyond the article's program (test_libraries.c): several in a set, processes that share it, units
 * that the kernel gives back, and a set that was there before.
 */
#include <kselftest_harness.h>
#include <sched.h>
#include "follow.h"

#define PROGRAM ".output/selftests/presets/pool_sysv"

FIXTURE(sysv)
{
	struct follow f, other;
	int set; /* its number */
};

FIXTURE_SETUP(sysv)
{
	char *argv[] = { PROGRAM, NULL };

	/* Killed, programs leave their sets behind: they end with their namespace. */
	ASSERT_EQ(0, unshare(CLONE_NEWIPC));
	memset(&self->other, 0, sizeof(self->other));
	ASSERT_EQ(0, follow__start(&self->f, argv));
}

FIXTURE_TEARDOWN(sysv)
{
	self->other.watch = NULL;
	follow__end(&self->other);
	follow__end(&self->f);
}

/* Make the set, by @how, with or without a watch. */
static bool setup(struct follow *f, const char *how, int *set)
{
	char line[64] = "";

	if (!(f->watch ? follow__do(f, how) : follow__before(f, how)))
		return false;
	follow__tell(f, "set");
	if (!fgets(line, sizeof(line), f->out))
		return false;
	*set = atoi(line);
	return fgets(line, sizeof(line), f->out) != NULL;
}

TEST_F(sysv, semaphores_of_a_set_are_pools_of_their_own)
{
	struct follow *f = &self->f;

	ASSERT_EQ(0, follow__watch(f, "sysv", false)) TH_LOG("%s", f->error.message);
	ASSERT_TRUE(setup(f, "values", &self->set));
	/* Both are confirmed, and neither is a signal: what is given back in one call was taken in one. */
	ASSERT_TRUE(follow__do(f, "both"));
	ASSERT_TRUE(follow__do(f, "apart"));
	ASSERT_TRUE(follow__do(f, "both"));
	EXPECT_EQ(0, f->nfound) TH_LOG("%s", finding__kind_name(f->found[0].kind));
	ASSERT_TRUE(follow__do(f, "alone"));
	ASSERT_EQ(1, f->nfound);
	EXPECT_EQ(FINDING_NESTED, f->found[0].kind);
	EXPECT_EQ(4, f->found[0].capacity);
}

TEST_F(sysv, one_pool_for_two_processes)
{
	struct follow *f = &self->f, *other = &self->other;
	char *argv[] = { PROGRAM, NULL }, line[64];
	const struct followed *d;

	ASSERT_EQ(0, follow__watch(f, "sysv", false)) TH_LOG("%s", f->error.message);
	ASSERT_TRUE(setup(f, "setup", &self->set));
	ASSERT_EQ(0, follow__start(other, argv));
	snprintf(line, sizeof(line), "use %d", self->set);
	ASSERT_TRUE(follow__before(other, line));
	ASSERT_EQ(0, watch__add(f->watch, (uint32_t)other->pid, 0, &f->error)) TH_LOG("%s", f->error.message);
	ASSERT_TRUE(follow__do(f, "flat"));
	ASSERT_TRUE(follow__before(other, "keep"));
	fclose(other->in);
	other->in = NULL;
	ASSERT_TRUE(follow__until(f, NULL, 0, FINDING_LEAK));
	d = follow__find(f, FINDING_LEAK, FINDING_NEW);
	EXPECT_STREQ("sysv", d->pool);
	EXPECT_EQ(4, d->capacity);
	EXPECT_EQ(1, d->in_use);
}

TEST_F(sysv, what_the_kernel_gives_back_is_no_leak)
{
	struct follow *f = &self->f, *other = &self->other;
	char *argv[] = { PROGRAM, NULL }, line[64];
	const struct followed *d;
	int status;

	ASSERT_EQ(0, follow__watch(f, "sysv", false)) TH_LOG("%s", f->error.message);
	ASSERT_TRUE(setup(f, "setup", &self->set));
	ASSERT_EQ(0, follow__start(other, argv));
	snprintf(line, sizeof(line), "use %d", self->set);
	ASSERT_TRUE(follow__before(other, line));
	ASSERT_EQ(0, watch__add(f->watch, (uint32_t)other->pid, 0, &f->error)) TH_LOG("%s", f->error.message);
	ASSERT_TRUE(follow__before(other, "undo"));
	/* Killed: what it took is given back, and the set stays. */
	ASSERT_EQ(0, kill(other->pid, SIGKILL));
	ASSERT_EQ(other->pid, waitpid(other->pid, &status, 0));
	other->pid = 0;
	/* All four units are there. */
	ASSERT_TRUE(follow__do(f, "flat"));
	EXPECT_EQ(0, f->nfound) TH_LOG("%s", finding__kind_name(f->found[0].kind));
	d = follow__stuck(f, "nest");
	ASSERT_NE(NULL, d);
	EXPECT_EQ(4, d->in_use);
	EXPECT_EQ(4, d->nthreads);
	EXPECT_FALSE(d->uncertain);
}

/* Nobody says what it had: what was out when somebody waited is known, and that is no proof. */
TEST_F(sysv, a_set_that_was_there_stalls)
{
	struct follow *f = &self->f;
	const struct followed *s;

	f->stall_ns = 100000000;
	ASSERT_TRUE(setup(f, "setup", &self->set));
	ASSERT_EQ(0, follow__watch(f, "sysv", false)) TH_LOG("%s", f->error.message);
	ASSERT_TRUE(follow__do(f, "flat"));
	follow__tell(f, "nest");
	ASSERT_TRUE(follow__until(f, NULL, 0, FINDING_STALL));
	s = follow__find(f, FINDING_STALL, FINDING_NEW);
	EXPECT_STREQ("sysv", s->pool);
	EXPECT_EQ(4, s->in_use);
	EXPECT_EQ(4, s->waiters);
	EXPECT_EQ(NULL, follow__find(f, FINDING_DEADLOCK, FINDING_NEW));
}

TEST_HARNESS_MAIN
