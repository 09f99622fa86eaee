// SPDX-License-Identifier: GPL-2.0
/* What exceptions do to the books: an acquire that throws has failed, holds nothing, and is not lost. */
#include <kselftest_harness.h>
#include "follow.h"

FIXTURE(poco)
{
	struct follow f;
	struct ledger now;
};

FIXTURE_SETUP(poco)
{
	char *argv[] = { ".output/selftests/presets/pool_poco", NULL };

	memset(&self->now, 0, sizeof(self->now));
	ASSERT_EQ(0, follow__start(&self->f, argv));
	ASSERT_TRUE(follow__before(&self->f, "setup"));
	ASSERT_EQ(0, follow__watch(&self->f, follow__poco(), false)) TH_LOG("%s", self->f.error.message);
}

FIXTURE_TEARDOWN(poco)
{
	ledger__clear(&self->now);
	follow__end(&self->f);
}

TEST_F(poco, a_try_that_throws_has_failed)
{
	struct source *s = watch__source(self->f.watch);
	const struct poolwatch_pool *p;

	ASSERT_TRUE(follow__do(&self->f, "give-up"));
	EXPECT_EQ(0, self->f.nfound) TH_LOG("%s", finding__kind_name(self->f.found[0].kind));
	ASSERT_EQ(0, s->ops->snapshot(s, ~0u, &self->now));
	ASSERT_EQ(1, self->now.npools);
	p = self->now.pools;
	EXPECT_EQ(5, p->requests);
	EXPECT_EQ(4, p->grants);
	EXPECT_EQ(1, p->failures);
	EXPECT_EQ(4, p->releases);
	EXPECT_EQ(0, p->in_use);
	EXPECT_EQ(4, p->capacity);
	EXPECT_FALSE(p->flags & POOLWATCH_POOL_UNCERTAIN);
	for (size_t i = 0; i < self->now.nthreads; i++)
		for (int k = 0; k < POOLWATCH_HOLDS; k++)
			EXPECT_EQ(0, POOLWATCH_HOLD_UNITS(self->now.threads[i].hold[k].word));
	/* Seen to be left where it was caught, not found missing later. */
	for (size_t cause = 0; cause < self->now.ncounters; cause++)
		EXPECT_EQ(0, self->now.counters[cause].count);
}

TEST_HARNESS_MAIN
