/* SPDX-License-Identifier: GPL-2.0 */
/* A judge that is listened to: what it emits as lines to compare with. Include after kselftest_harness.h. */
#ifndef POOLWATCH_JUDGE_HEAR_H
#define POOLWATCH_JUDGE_HEAR_H

#include <sanitizer/lsan_interface.h>
#include <stdio.h>
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

	at = snprintf(to, room, "%s %s %s count=%llu", finding__event_name(f->event), finding__kind_name(f->kind),
		      f->pool_name, (unsigned long long)f->count);
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
	const struct judge_options options = {.stall_ns = 5 * SEC, .leak_ns = 60 * SEC, .repeat_ns = 10 * SEC};

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
	ASSERT_EQ(__lsan_do_recoverable_leak_check(), 0);
}

/* Look at self->now, confirmed by itself 50 ms ago. */
#define LOOK()                                                                                                         \
	({                                                                                                             \
		self->heard.n = 0;                                                                                     \
		ASSERT_EQ(ledger__index(&self->now), 0);                                                               \
		ledger__clear(&self->before);                                                                          \
		build__copy(&self->before, &self->now, 50 * MS);                                                       \
		ASSERT_EQ(judge__look(self->j, &self->now, &self->before, hear, &self->heard), 0);                     \
	})

/* The next look is @ns later. */
#define LATER(ns)                                                                                                      \
	({                                                                                                             \
		self->now.time += (ns);                                                                                \
		LOOK();                                                                                                \
	})
#define QUIET() ASSERT_EQ(self->heard.n, 0)

#define HEARD(i, text) ASSERT_STREQ(self->heard.line[i], text)
#define ONLY(text)                                                                                                     \
	({                                                                                                             \
		for (size_t i_ = 1; i_ < self->heard.n; i_++)                                                          \
			TH_LOG("also heard: %s", self->heard.line[i_]);                                                \
		ASSERT_EQ(self->heard.n, 1);                                                                           \
		ASSERT_STREQ(self->heard.line[0], text);                                                               \
	})
#define SAYING(text) ASSERT_STREQ(self->heard.explanation[0], text)

#endif
