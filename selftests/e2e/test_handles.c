// SPDX-License-Identifier: GPL-2.0
/* Units with handles: those that come again and again, and more that never do than there is room for. */
#include <signal.h>
#include <string.h>
#include "kselftest_harness.h"
#include "e2e.h"

#define ROOM 65536 /* handles known at once */

FIXTURE(handles)
{
	struct proc program, watch, show;
	char pid[16];
};

FIXTURE_SETUP(handles)
{
	char *argv[] = { (char *)e2e__file("handles"), NULL };

	memset(self, 0, sizeof(*self));
	ASSERT_EQ(proc__start(&self->program, argv), 0);
	ASSERT_NE(proc__expect(&self->program, "ready"), NULL);
	snprintf(self->pid, sizeof(self->pid), "%d", self->program.pid);
	ASSERT_EQ(poolwatch__start(&self->watch, "attach", "-p", self->pid, "--budget", "off", "--json", "--pool",
				   "pool slots; lib exe; key arg0; capacity 2; acquire take_unit ok=ret==0 resource=u64[arg1]; "
				   "release put_unit resource=arg1", NULL), 0);
	ASSERT_TRUE(poolwatch__watches(&self->watch, self->program.pid));
}

FIXTURE_TEARDOWN(handles)
{
	proc__free(&self->show);
	proc__free(&self->watch);
	proc__free(&self->program);
}

#define DO(...)                                                            \
	do {                                                               \
		ASSERT_EQ(proc__send(&self->program, __VA_ARGS__), 0);     \
		ASSERT_NE(proc__expect(&self->program, "done"), NULL);     \
	} while (0)

#define EXPECT_POOL(n_grants, n_in_use)                                                                        \
	do {                                                                                                   \
		const char *p_;                                                                                \
		proc__free(&self->show);                                                                       \
		ASSERT_EQ(poolwatch__run(&self->show, "show", "pools", "-p", self->pid, "--json", NULL), 0);   \
		ASSERT_EQ(self->show.out.n, 1);                                                                \
		p_ = self->show.out.lines[0];                                                                  \
		EXPECT_EQ(json_int(p_, "grants"), n_grants);                                                   \
		EXPECT_EQ(json_int(p_, "releases"), (n_grants) - (n_in_use));                                  \
		EXPECT_EQ(json_int(p_, "in_use"), n_in_use);                                                   \
		EXPECT_EQ(json_int(p_, "capacity"), 2);                                                        \
		EXPECT_STREQ(json_str(p_, "uncertain_for_ns"), "(null)");                                      \
	} while (0)

TEST_F(handles, more_than_there_is_room_for)
{
	DO("hold");
	DO("new %d", ROOM + 1000);
	EXPECT_POOL(1 + ROOM + 1000, 1);
	/* The one that was held all the time is known still. */
	DO("give");
	EXPECT_POOL(1 + ROOM + 1000, 0);
	DO("same 100");
	EXPECT_POOL(1 + ROOM + 1100, 0);
	EXPECT_EQ(poolwatch__stop(&self->watch), 3);
	/* While it held one, it asked for others: of one pair of places, and that is all. */
	EXPECT_EQ(poolwatch__count(&self->watch, "nested", "new"), 1);
	EXPECT_EQ(self->watch.out.n, 1);
}

TEST_F(handles, the_same_again)
{
	DO("same 1000");
	EXPECT_POOL(1000, 0);
	/* Nobody holds it twice, and once returned it is nobody's. */
	DO("hold");
	EXPECT_POOL(1001, 1);
	DO("give");
	EXPECT_POOL(1001, 0);
	EXPECT_EQ(poolwatch__stop(&self->watch), 0);
	EXPECT_EQ(self->watch.out.n, 0);
}

TEST_HARNESS_MAIN
