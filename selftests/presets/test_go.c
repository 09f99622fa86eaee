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

#define TAKEN "main.nested go_sql.go:100"
#define ASKED "main.nested go_sql.go:107"
/* What was inlined cannot be told from a stripped program: there the line is that of the function it is in, or none. */
FIXTURE_VARIANT_ADD(go, plain) { DIR "go_sql", TAKEN, ASKED };
FIXTURE_VARIANT_ADD(go, pie) { DIR "go_sql_pie", TAKEN, ASKED };
FIXTURE_VARIANT_ADD(go, stripped) { DIR "go_sql_stripped", "main.nested go_sql.go:0", ASKED };

/* Other builds, of which the one thing or the other is not the same: the same findings. */
FIXTURE(build)
{
	struct follow f;
};

FIXTURE_VARIANT(build)
{
	const char *program;
	const char *held, *asked;
	const char *refused; /* NULL: it is watched */
};

FIXTURE_VARIANT_ADD(build, pie_stripped) { DIR "go_sql_pie_stripped", "main.nested go_sql.go:0", ASKED };
FIXTURE_VARIANT_ADD(build, newer) { DIR "go_sql_newer", TAKEN, ASKED };
FIXTURE_VARIANT_ADD(build, newer_stripped)
{
	DIR "go_sql_newer_stripped",
	.refused = "where that keeps the number of a goroutine is not known, and the program has no debugging information",
};

FIXTURE_SETUP(build)
{
	char *argv[] = { (char *)variant->program, NULL };

	ASSERT_EQ(0, setenv("GOMAXPROCS", "2", 1));
	ASSERT_EQ(0, follow__start(&self->f, argv));
}

FIXTURE_TEARDOWN(build)
{
	follow__end(&self->f);
}

TEST_F(build, is_watched_or_refused)
{
	struct follow *f = &self->f;
	const struct followed *d;

	if (variant->refused) {
		EXPECT_EQ(-EOPNOTSUPP, follow__watch(f, "go-sql", false));
		EXPECT_NE(NULL, strstr(f->error.message, "is a program of Go go1.99")) TH_LOG("%s", f->error.message);
		EXPECT_NE(NULL, strstr(f->error.message, variant->refused)) TH_LOG("%s", f->error.message);
		return;
	}
	ASSERT_EQ(0, follow__watch(f, "go-sql", false)) TH_LOG("%s", f->error.message);
	EXPECT_EQ(NULL, strstr(f->notices, "learned")) TH_LOG("%s", f->notices);
	ASSERT_TRUE(follow__do(f, "alone"));
	ASSERT_EQ(1, f->nfound);
	EXPECT_EQ(FINDING_NESTED, f->found[0].kind);
	EXPECT_EQ(4, f->found[0].capacity);
	EXPECT_STREQ(variant->held, f->found[0].held);
	EXPECT_STREQ(variant->asked, f->found[0].asked);
	d = follow__stuck(f, "nest");
	ASSERT_NE(NULL, d);
	EXPECT_EQ(4, d->capacity);
	EXPECT_EQ(4, d->nthreads);
	EXPECT_FALSE(d->uncertain);
}

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

/* Step the watch until @is of what the ledger says is so. */
static bool until(struct follow *f, bool (*is)(const struct ledger *l))
{
	uint64_t end = follow__clock() + FOLLOW_GIVE_UP_S * 1000000000ull;
	struct pollfd fd = { .fd = watch__fd(f->watch), .events = POLLIN };
	struct source *s = watch__source(f->watch);
	struct ledger l = { 0 };
	bool so = false;

	while (!so && follow__clock() < end) {
		if (poll(&fd, 1, watch__timeout_ms(f->watch)) < 0 || watch__step(f->watch) || s->ops->snapshot(s, SOURCE_ALL_TABLES, &l))
			break;
		so = is(&l);
	}
	ledger__clear(&l);
	return so;
}

static bool four_were_seen_elsewhere(const struct ledger *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->nthreads; i++)
		n += l->threads[i].requests && l->threads[i].left == l->threads[i].seq;
	return n == 4;
}

static bool nobody_asks(const struct ledger *l)
{
	for (size_t i = 0; i < l->npools; i++)
		if (l->pools[i].requesting)
			return false;
	return !l->nthreads;
}

/*
 * The driver panics while it opens a connection; the goroutines go on, with those that they hold. In the books they hold all there are, and
 * ask for more.
 */
TEST_F(go, requests_left_by_a_panic_are_no_deadlock)
{
	struct follow *f = &self->f;
	struct ledger l = { 0 };
	struct source *s;

	f->stall_ns = 100000000;
	watch__free(f->watch);
	spec__clear(&f->spec);
	ASSERT_EQ(0, follow__watch(f, NULL, false)) TH_LOG("%s", f->error.message);
	ASSERT_TRUE(follow__do(f, "leave"));
	ASSERT_TRUE(until(f, four_were_seen_elsewhere));
	ASSERT_EQ(0, watch__drain(f->watch));
	/* To ask while one holds was wrong all the same. */
	ASSERT_EQ(1, f->nfound);
	EXPECT_EQ(FINDING_NESTED, f->found[0].kind);
	/* What they do next ends those requests. */
	ASSERT_TRUE(follow__do(f, "end"));
	EXPECT_EQ(1, f->nfound);
	s = watch__source(f->watch);
	ASSERT_EQ(0, s->ops->snapshot(s, SOURCE_ALL_TABLES, &l));
	EXPECT_TRUE(nobody_asks(&l));
	ledger__clear(&l);
	/* One that waits for a connection is told from those. */
	ASSERT_NE(NULL, follow__stuck(f, "nest"));
}

/* Goroutines that ended in the driver, or after it panicked, and one that went on without asking again. */
TEST_F(go, requests_of_nobody_end)
{
	struct follow *f = &self->f;

	ASSERT_TRUE(follow__do(f, "leave and end"));
	ASSERT_TRUE(until(f, nobody_asks));
	EXPECT_EQ(0, f->nfound) TH_LOG("%s", f->found[0].pool);
	ASSERT_NE(NULL, follow__stuck(f, "nest"));
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
