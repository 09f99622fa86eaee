// SPDX-License-Identifier: GPL-2.0
/*
 * Go's database/sql, watched by goroutine without a definition: the article's program, its corrected form, and a busy one
 * that does nothing wrong; built as for development, stripped, and position-independent.
 */
#include <kselftest_harness.h>
#include "follow.h"

#define DIR ".output/selftests/presets/"

#define HANDED_OVER 4000 /* each time, by as many goroutines */
#define HANDINGS 5

FIXTURE(go)
{
	struct follow f;
};

FIXTURE_VARIANT(go)
{
	const char *program;
	const char *held, *asked; /* where the first connection is taken, and whose call asks for the second */
};

#define TAKEN "main.nested go_sql.go:87"
#define ASKED "main.nested go_sql.go:94"
/* What was inlined cannot be told from a stripped program: there the line is that of the function it is in, or none. */
FIXTURE_VARIANT_ADD(go, plain) { DIR "go_sql", TAKEN, ASKED };
FIXTURE_VARIANT_ADD(go, pie) { DIR "go_sql_pie", TAKEN, ASKED };
FIXTURE_VARIANT_ADD(go, stripped) { DIR "go_sql_stripped", "main.nested go_sql.go:0", ASKED };

FIXTURE_SETUP(go)
{
	char *argv[] = { (char *)variant->program, NULL };

	ASSERT_EQ(0, setenv("GOMAXPROCS", "2", 1));
	ASSERT_EQ(0, follow__start(&self->f, argv));
	ASSERT_EQ(0, follow__watch(&self->f, NULL, false)) TH_LOG("%s", self->f.error.message);
}

FIXTURE_TEARDOWN(go)
{
	follow__end(&self->f);
}

TEST_F(go, one_goroutine_that_nests_is_warned_of)
{
	struct follow *f = &self->f;

	ASSERT_TRUE(follow__do(f, "alone"));
	ASSERT_EQ(1, f->nfound);
	EXPECT_EQ(FINDING_NESTED, f->found[0].kind);
	EXPECT_STREQ("go-sql", f->found[0].pool);
	EXPECT_EQ(4, f->found[0].capacity);
	EXPECT_EQ(2, f->found[0].depth);
	EXPECT_FALSE(f->found[0].uncertain);
	EXPECT_EQ(1, f->found[0].goroutine);
	EXPECT_STREQ(variant->held, f->found[0].held);
	EXPECT_STREQ(variant->asked, f->found[0].asked);
}

TEST_F(go, as_many_goroutines_as_connections_deadlock)
{
	struct follow *f = &self->f;
	const struct followed *d = follow__stuck(f, "nest");

	ASSERT_NE(NULL, d);
	EXPECT_STREQ("go-sql", d->pool);
	EXPECT_EQ(4, d->capacity);
	EXPECT_EQ(4, d->in_use);
	EXPECT_EQ(4, d->nthreads);
	EXPECT_EQ(4, d->waiters);
	EXPECT_FALSE(d->uncertain);
	EXPECT_NE(0, d->goroutine);
	EXPECT_STREQ(variant->held, d->held);
	EXPECT_STREQ(variant->asked, d->asked);
	for (size_t i = 0; i < f->nfound; i++)
		EXPECT_TRUE(&f->found[i] == d || f->found[i].kind == FINDING_NESTED);
}

TEST_F(go, the_corrected_program_yields_nothing)
{
	struct follow *f = &self->f;

	for (int i = 0; i < 3; i++)
		ASSERT_TRUE(follow__do(f, "flat"));
	EXPECT_EQ(0, f->nfound) TH_LOG("%s", f->found[0].pool);
}

/*
 * Stacks grow and move, goroutines change threads, deadlines pass so that others roll back, connections break or cannot be
 * opened: the books are right after all of it, and the program, which checks itself, says that it is done.
 */
TEST_F(go, a_busy_correct_program_yields_nothing)
{
	struct follow *f = &self->f;
	struct ledger l = { 0 };
	struct source *s;

	ASSERT_TRUE(follow__do(f, "busy"));
	EXPECT_EQ(0, f->nfound) TH_LOG("%s, held at %s, asked at %s", f->found[0].pool, f->found[0].held, f->found[0].asked);
	s = watch__source(f->watch);
	ASSERT_EQ(0, s->ops->snapshot(s, SOURCE_ALL_TABLES, &l));
	ASSERT_EQ(1, l.npools);
	EXPECT_EQ(4, l.pools[0].capacity);
	EXPECT_EQ(0, l.pools[0].in_use);
	EXPECT_EQ(0, l.pools[0].requesting);
	EXPECT_EQ(l.pools[0].requests, l.pools[0].grants + l.pools[0].failures);
	EXPECT_LT(4000, l.pools[0].requests);
	EXPECT_FALSE(l.pools[0].flags & POOLWATCH_POOL_UNCERTAIN);
	ledger__clear(&l);
}

static uint64_t lost(const struct ledger *l, enum poolwatch_cause cause)
{
	for (size_t i = 0; i < l->ncounters; i++)
		if ((uint32_t)l->counters[i].head.id == cause)
			return l->counters[i].count;
	return UINT64_MAX;
}

/* More goroutines than there is room for, of whose connections others dispose: nothing of them is kept, and nothing is lost. */
TEST_F(go, connections_handed_over_leave_nothing)
{
	struct follow *f = &self->f;
	struct ledger l = { 0 };
	struct source *s;

	for (int i = 0; i < HANDINGS; i++)
		ASSERT_TRUE(follow__do(f, "handover"));
	EXPECT_EQ(0, f->nfound) TH_LOG("%s, held at %s, asked at %s", f->found[0].pool, f->found[0].held, f->found[0].asked);
	s = watch__source(f->watch);
	ASSERT_EQ(0, s->ops->snapshot(s, SOURCE_ALL_TABLES, &l));
	ASSERT_EQ(1, l.npools);
	EXPECT_EQ(HANDINGS * HANDED_OVER, l.pools[0].requests);
	EXPECT_EQ(HANDINGS * HANDED_OVER, l.pools[0].grants);
	EXPECT_EQ(HANDINGS * HANDED_OVER, l.pools[0].releases);
	EXPECT_EQ(HANDINGS * HANDED_OVER, l.pools[0].foreign);
	EXPECT_EQ(0, l.pools[0].in_use);
	EXPECT_EQ(0, l.pools[0].requesting);
	EXPECT_EQ(0, l.nthreads);
	EXPECT_EQ(0, lost(&l, POOLWATCH_LOST_THREADS));
	EXPECT_EQ(0, lost(&l, POOLWATCH_UNMATCHED_RETURNS));
	EXPECT_EQ(0, lost(&l, POOLWATCH_UNMATCHED_RELEASES));
	ledger__clear(&l);
	/* Who nests is still seen to. */
	ASSERT_TRUE(follow__do(f, "alone"));
	ASSERT_EQ(1, f->nfound);
	EXPECT_EQ(FINDING_NESTED, f->found[0].kind);
	EXPECT_EQ(1, f->found[0].goroutine);
}

/* Without a limit nobody ever waits: to ask for a second connection is no danger. */
TEST_F(go, a_pool_without_a_limit_is_none)
{
	struct follow *f = &self->f;

	ASSERT_TRUE(follow__do(f, "unlimited"));
	ASSERT_TRUE(follow__do(f, "alone"));
	EXPECT_EQ(0, f->nfound) TH_LOG("%s", f->found[0].pool);
	/* A limit that is set later is seen. */
	ASSERT_TRUE(follow__do(f, "limited"));
	ASSERT_TRUE(follow__do(f, "alone"));
	ASSERT_EQ(1, f->nfound);
	EXPECT_EQ(FINDING_NESTED, f->found[0].kind);
	EXPECT_EQ(4, f->found[0].capacity);
}

TEST_HARNESS_MAIN
