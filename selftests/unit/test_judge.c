// SPDX-License-Identifier: GPL-2.0
/* The judge on snapshots written by hand: for each hard case exactly the findings that are right. */
#include <stdio.h>
#include "kselftest_harness.h"
#include "finding.h"
#include "judge.h"
#include "ledger_build.h"

#define MAX_SAID 64

/* What was emitted, one line each: "EVENT KIND pool=NAME count=N threads=TID,TID..." and the last finding's words. */
struct heard {
	size_t n;
	char line[MAX_SAID][200];
	char explanation[MAX_SAID][300];
	struct finding last; /* scalars only */
};

static int hear(void *ctx, struct finding *f)
{
	struct heard *h = ctx;
	char *to = h->line[h->n];
	size_t room = sizeof(h->line[0]), at;

	at = snprintf(to, room, "%s %s %s count=%llu", finding__event_name(f->event), finding__kind_name(f->kind), f->pool_name,
		      (unsigned long long)f->count);
	for (size_t i = 0; i < f->nthreads && at < room; i++)
		at += snprintf(to + at, room - at, "%s%u", i ? "," : " threads=", f->threads[i].tid);
	snprintf(h->explanation[h->n], sizeof(h->explanation[0]), "%s", f->explanation ? f->explanation : "(none)");
	h->last = *f;
	h->n++;
	return 0;
}

FIXTURE(judge)
{
	struct ledger now, before;
	struct judge *j;
	struct heard heard;
};

FIXTURE_SETUP(judge)
{
	const struct judge_options options = { .stall_ns = 5 * SEC, .leak_ns = 60 * SEC, .repeat_ns = 10 * SEC };

	memset(self, 0, sizeof(*self));
	self->now.time = T0;
	ASSERT_EQ(judge__new(&options, &self->j), 0);
	build__def(&self->now, 0, "sem", 0);
	build__proc(&self->now, 0, 100, 0);
}

FIXTURE_TEARDOWN(judge)
{
	judge__free(self->j);
	ledger__clear(&self->now);
	ledger__clear(&self->before);
}

/* Look at self->now, confirmed by itself 50 ms ago. */
#define LOOK()                                                                                                   \
	({                                                                                                       \
		self->heard.n = 0;                                                                               \
		ASSERT_EQ(ledger__index(&self->now), 0);                                                         \
		ledger__clear(&self->before);                                                                    \
		build__copy(&self->before, &self->now, 50 * MS);                                                 \
		ASSERT_EQ(judge__look(self->j, &self->now, &self->before, hear, &self->heard), 0);               \
	})

#define HEARD(i, text) ASSERT_STREQ(self->heard.line[i], text)

/* The article's: each of four threads holds one of four units and asks for another. */
static void article(struct ledger *l)
{
	build__pool(l, 0, 100, 0, 4);
	for (int i = 0; i < 4; i++) {
		struct poolwatch_thread *t = build__thread(l, i, 100, 101 + i);

		build__hold(l, t, 0, 1, 0x401000);
		build__request(t, 0, 1, 0x402000);
	}
}

TEST_F(judge, article)
{
	article(&self->now);
	LOOK();
	ASSERT_EQ(self->heard.n, 1);
	HEARD(0, "new deadlock sem count=1 threads=101,102,103,104");
	ASSERT_STREQ(self->heard.explanation[0], "4 threads hold 4 of the 4 units of sem, each waits for another, and none can go on");
	ASSERT_EQ(self->heard.last.needed_capacity, 5);
	ASSERT_EQ(self->heard.last.depth, 2);
	ASSERT_EQ(self->heard.last.nesting_threads, 4);
	ASSERT_EQ(self->heard.last.margin, 0);
	ASSERT_EQ(self->heard.last.waiters, 4);
	ASSERT_STREQ(self->heard.last.proof, "reduction");
	/* It stays: told once. */
	self->now.time += SEC;
	LOOK();
	ASSERT_EQ(self->heard.n, 0);
}

TEST_F(judge, one_copy_proves_nothing)
{
	article(&self->now);
	ASSERT_EQ(ledger__index(&self->now), 0);
	ASSERT_EQ(judge__look(self->j, &self->now, NULL, hear, &self->heard), 0);
	ASSERT_EQ(self->heard.n, 0);
}

TEST_F(judge, nested)
{
	struct poolwatch_pool *p = build__pool(&self->now, 0, 100, 0, 10);

	p->depth = 2;
	p->nesting_max = 4;
	build__edge(&self->now, 0, 100, 0, 0, 0x401000, 0x402000)->count = 7;
	LOOK();
	ASSERT_EQ(self->heard.n, 1);
	HEARD(0, "new nested sem count=7 threads=101");
	ASSERT_STREQ(self->heard.explanation[0], "a thread that holds 1 unit of sem asks for another: safe for up to 9 threads nesting at once, "
						 "4 seen; 10 of them need 11 units");
	ASSERT_EQ(self->heard.last.margin, 5);
	ASSERT_EQ(self->heard.last.safe_threads, 9);
}

TEST_HARNESS_MAIN
