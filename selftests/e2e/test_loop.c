// SPDX-License-Identifier: GPL-2.0
/* A probe in a loop, the cheapest place that an acquire had: each call is booked once, however often it comes by. */
#include <signal.h>
#include <string.h>
#include "kselftest_harness.h"
#include "e2e.h"

FIXTURE(loop)
{
	struct proc program, watch, show;
	char pid[16];
};

FIXTURE_VARIANT(loop)
{
	const char *pool;
};

#define POOL(ret) "pool slots; lib exe; key arg0; capacity 2; acquire take_slot ok=ret!=0 ret=" ret "; release put_slot"

FIXTURE_VARIANT_ADD(loop, uretprobe)
{
	.pool = POOL("uretprobe"),
};

FIXTURE_VARIANT_ADD(loop, sites)
{
	.pool = POOL("sites"),
};

FIXTURE_SETUP(loop)
{
	char *argv[] = { (char *)e2e__file("loop"), NULL };

	memset(self, 0, sizeof(*self));
	ASSERT_EQ(proc__start(&self->program, argv), 0);
	ASSERT_NE(proc__expect(&self->program, "ready"), NULL);
	snprintf(self->pid, sizeof(self->pid), "%d", self->program.pid);
}

FIXTURE_TEARDOWN(loop)
{
	proc__free(&self->show);
	proc__free(&self->watch);
	proc__free(&self->program);
}

/* The probe is where this test thinks it is: a compiler that lays the loop out otherwise would make it worthless. */
TEST_F(loop, stands_in_it)
{
	const char *p = NULL;

	ASSERT_EQ(poolwatch__run(&self->show, "probe", "-p", self->pid, "--pool", variant->pool, "--json", NULL), 0);
	for (size_t i = 0; i < self->show.out.n; i++)
		if (!strcmp(json_str(self->show.out.lines[i], "symbol"), "take_slot"))
			p = self->show.out.lines[i];
	ASSERT_NE(p, NULL);
	EXPECT_TRUE(json_true(p, "emulated"));
	EXPECT_TRUE(json_true(p, "repeats"));
	EXPECT_EQ(strncmp(json_str(p, "instruction"), "je ", 3), 0);
}

TEST_F(loop, books_a_call_once)
{
	const char *p;

	ASSERT_EQ(poolwatch__start(&self->watch, "attach", "-p", self->pid, "--pool", variant->pool, "--json", NULL), 0);
	ASSERT_TRUE(poolwatch__watches(&self->watch, self->program.pid));
	ASSERT_EQ(proc__send(&self->program, "pair 100"), 0);
	ASSERT_NE(proc__expect(&self->program, "done 100"), NULL);
	ASSERT_EQ(poolwatch__run(&self->show, "show", "pools", "-p", self->pid, "--json", NULL), 0);
	ASSERT_EQ(self->show.out.n, 1);
	p = self->show.out.lines[0];
	EXPECT_EQ(json_int(p, "requests"), 100);
	EXPECT_EQ(json_int(p, "grants"), 100);
	EXPECT_EQ(json_int(p, "releases"), 100);
	EXPECT_EQ(json_int(p, "nested"), 0);
	EXPECT_EQ(json_int(p, "in_use"), 0);

	/* Another call while the first unit is held is a call of its own. */
	ASSERT_EQ(proc__send(&self->program, "nest"), 0);
	ASSERT_NE(proc__expect(&self->program, "done 2"), NULL);
	ASSERT_EQ(proc__send(&self->program, "fail"), 0);
	ASSERT_NE(proc__expect(&self->program, "done 0"), NULL);
	proc__free(&self->show);
	ASSERT_EQ(poolwatch__run(&self->show, "show", "pools", "-p", self->pid, "--json", "-a", NULL), 0);
	ASSERT_EQ(self->show.out.n, 2);
	for (size_t i = 0; i < 2; i++) {
		p = self->show.out.lines[i];
		if (json_int(p, "failures")) {
			EXPECT_EQ(json_int(p, "requests"), 1);
			EXPECT_EQ(json_int(p, "failures"), 1);
			EXPECT_EQ(json_int(p, "grants"), 0);
		} else {
			EXPECT_EQ(json_int(p, "requests"), 102);
			EXPECT_EQ(json_int(p, "nested"), 1);
		}
		EXPECT_EQ(json_int(p, "in_use"), 0);
		EXPECT_EQ(json_int(p, "waiters"), 0);
	}

	/* And nothing was lost: what came again was no request that had no end, nor a return of nothing. */
	proc__free(&self->show);
	ASSERT_EQ(poolwatch__run(&self->show, "show", "stats", "-p", self->pid, "--json", "-a", NULL), 0);
	EXPECT_GT(self->show.out.n, 0);
	for (size_t i = 0; i < self->show.out.n; i++) {
		const char *cause = json_str(self->show.out.lines[i], "cause");

		if (!strcmp(cause, "retired_requests") || !strcmp(cause, "unmatched_returns"))
			EXPECT_EQ(json_int(self->show.out.lines[i], "count"), 0);
	}
	EXPECT_EQ(poolwatch__stop(&self->watch), 3);
	EXPECT_EQ(poolwatch__count(&self->watch, "nested", "new"), 1);
	EXPECT_EQ(self->watch.out.n, 1);
}

TEST_HARNESS_MAIN
