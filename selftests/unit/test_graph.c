// SPDX-License-Identifier: GPL-2.0
/* The drawn ledger, to the byte. */
#include <errno.h>
#include <stdio.h>
#include "graph.h"
#include "../../bpf/stacks.h"
#include "ledger_build.h"
#include "kselftest_harness.h"

/*
 * 0x100s: a function of the user's; 0x200s: one with hostile characters; 0x300s: stripped; 0x400s: inlined twice; else
 * none.
 */
static int frames(void *ctx, uint32_t tgid, uint64_t site, struct finding_frame **out, size_t *n)
{
	struct finding_frame *f = calloc(2, sizeof(*f));

	*n = 1;
	f[0].address = site;
	f[0].user_code = true;
	switch (site >> 8) {
	case 1:
		f[0].symbol = strdup("fetch");
		f[0].module = strdup("api");
		f[0].file = strdup("api.c");
		f[0].line = (uint32_t)site & 0xff;
		break;
	case 2:
		f[0].symbol = strdup("a;\"b\\\033[1m");
		f[0].module = strdup("x\ny");
		break;
	case 3:
		f[0].module = strdup("api");
		f[0].offset = site;
		break;
	case PW_STACK_ID >> 8: /* numbers of stacks; 3 is not known */
		if (site == (PW_STACK_ID | 3)) {
			free(f);
			return -ENOENT;
		}
		/* fall through */
	case 4:
		f[0].symbol = strdup("inner");
		f[0].inlined = true;
		f[0].user_code = false;
		f[1].symbol = strdup("outer");
		f[1].user_code = true;
		*n = 2;
		break;
	default:
		free(f);
		return -ENOENT;
	}
	*out = f;
	return 0;
}

static const struct graph_names names = { frames, NULL };

FIXTURE(graph)
{
	struct ledger l;
	char *text;
	size_t len;
	FILE *out;
};

FIXTURE_SETUP(graph)
{
	memset(&self->l, 0, sizeof(self->l));
	self->l.time = T0;
	self->text = NULL;
	self->out = open_memstream(&self->text, &self->len);
	build__def(&self->l, 1, "db", 0);
	build__def(&self->l, 2, "worker", 0);
	build__pool(&self->l, 1, 7, 1, 4);
	build__pool(&self->l, 2, 7, 2, 2);
	build__pool(&self->l, 3, 7, 2, POOLWATCH_UNKNOWN);
}

FIXTURE_TEARDOWN(graph)
{
	fclose(self->out);
	free(self->text);
	ledger__clear(&self->l);
}

TEST_F(graph, empty)
{
	ASSERT_EQ(0, ledger__index(&self->l));
	EXPECT_EQ(0, graph__dot(self->out, &self->l, 0, &names));
	fflush(self->out);
	EXPECT_STREQ("digraph poolwatch {\n\tnode [fontname=\"monospace\"];\n}\n", self->text);
}

TEST_F(graph, nested)
{
	build__edge(&self->l, 1, 7, 1, 1, 0x110, 0x120)->count = 5;
	ASSERT_EQ(0, ledger__index(&self->l));
	EXPECT_EQ(0, graph__dot(self->out, &self->l, 0, &names));
	fflush(self->out);
	EXPECT_STREQ("digraph poolwatch {\n\tnode [fontname=\"monospace\"];\n"
		     "\tpool0 [shape=box, label=\"db\\n0x10100 of 7\\n0 of 4 in use\"];\n"
		     "\tsite0 [label=\"fetch\\napi.c:16\"];\n"
		     "\tsite1 [label=\"fetch\\napi.c:32\"];\n"
		     "\tpool0 -> site0 [label=\"taken 5\", class=\"cycle\", color=red, penwidth=2];\n"
		     "\tsite0 -> site1 [label=\"then 5\", class=\"cycle\", color=red, penwidth=2];\n"
		     "\tsite1 -> pool0 [label=\"asked 5\", class=\"cycle\", color=red, penwidth=2];\n"
		     "}\n",
		     self->text);
}

/* db and worker lead to each other; the third hangs on the cycle, but is not of it. */
TEST_F(graph, cycle_of_two)
{
	build__edge(&self->l, 1, 7, 1, 2, 0x110, 0x120)->count = 2;
	build__edge(&self->l, 2, 7, 2, 1, 0x200, 0x300)->count = 3;
	build__edge(&self->l, 3, 7, 2, 3, 0x200, 0x500)->count = 4;
	build__edge(&self->l, 4, 7, 2, 99, 0x200, 0x500); /* a pool that is gone */
	ASSERT_EQ(0, ledger__index(&self->l));
	EXPECT_EQ(0, graph__dot(self->out, &self->l, 0, &names));
	fflush(self->out);
	EXPECT_STREQ("digraph poolwatch {\n\tnode [fontname=\"monospace\"];\n"
		     "\tpool0 [shape=box, label=\"db\\n0x10100 of 7\\n0 of 4 in use\"];\n"
		     "\tpool1 [shape=box, label=\"worker\\n0x10200 of 7\\n0 of 2 in use\"];\n"
		     "\tpool2 [shape=box, label=\"worker\\n0x10300 of 7\\n0 in use\"];\n"
		     "\tsite0 [label=\"fetch\\napi.c:16\"];\n"
		     "\tsite1 [label=\"fetch\\napi.c:32\"];\n"
		     "\tsite2 [label=\"a;\\\"b\\\\\\\\\\\\x1b[1m\\nx\\\\x0ay\"];\n"
		     "\tsite3 [label=\"+0x300\\napi\"];\n"
		     "\tsite4 [label=\"0x500\"];\n"
		     "\tpool0 -> site0 [label=\"taken 2\", class=\"cycle\", color=red, penwidth=2];\n"
		     "\tpool1 -> site2 [label=\"taken 7\", class=\"cycle\", color=red, penwidth=2];\n"
		     "\tsite0 -> site1 [label=\"then 2\", class=\"cycle\", color=red, penwidth=2];\n"
		     "\tsite1 -> pool1 [label=\"asked 2\", class=\"cycle\", color=red, penwidth=2];\n"
		     "\tsite2 -> site3 [label=\"then 3\", class=\"cycle\", color=red, penwidth=2];\n"
		     "\tsite2 -> site4 [label=\"then 4\"];\n"
		     "\tsite3 -> pool0 [label=\"asked 3\", class=\"cycle\", color=red, penwidth=2];\n"
		     "\tsite4 -> pool2 [label=\"asked 4\"];\n"
		     "}\n",
		     self->text);
}

/* A long row of pools, each leading to the next: no cycle, and no stack of calls as long. */
TEST_F(graph, long_row)
{
	const uint32_t n = 20000;

	for (uint32_t i = 4; i < n; i++)
		build__pool(&self->l, i, 7, 1, 1);
	for (uint32_t i = 1; i < n - 1; i++)
		build__edge(&self->l, i, 7, i, i + 1, 0x500, 0x600);
	ASSERT_EQ(0, ledger__index(&self->l));
	EXPECT_EQ(0, graph__dot(self->out, &self->l, 0, NULL));
	fflush(self->out);
	EXPECT_EQ(NULL, strstr(self->text, "cycle"));
	build__edge(&self->l, n, 7, n - 1, 1, 0x500, 0x600);
	ASSERT_EQ(0, ledger__index(&self->l));
	rewind(self->out);
	EXPECT_EQ(0, graph__dot(self->out, &self->l, 0, NULL));
	fflush(self->out);
	EXPECT_EQ(NULL, strstr(self->text, "\"taken 1\"]"));
}

TEST_F(graph, folded)
{
	struct poolwatch_thread *t = build__thread(&self->l, 1, 7, 11);

	build__hold(&self->l, t, 1, 1, 0x400);
	build__hold(&self->l, t, 2, 3, 0x200);
	t = build__thread(&self->l, 2, 7, 12);
	build__hold(&self->l, t, 1, 1, 0x400);
	t->hold[0].since = T0 - SEC;
	t = build__thread(&self->l, 3, 7, 13);
	strcpy(t->comm, "a;b c");
	build__hold(&self->l, t, 1, 1, 0x500);
	t->hold[0].since = T0 - 1500;
	t = build__thread(&self->l, 4, 7, 14);
	build__hold(&self->l, t, 3, 0, 0x100); /* has used it */
	ASSERT_EQ(0, ledger__index(&self->l));
	EXPECT_EQ(0, graph__folded(self->out, &self->l, 0, &names, NULL, 0));
	fflush(self->out);
	EXPECT_STREQ("a:b c;0x500;db 1\n"
		     "worker;a:\"b\\\\\\x1b[1m;worker 6000000\n"
		     "worker;outer;inner;db 3000000\n",
		     self->text);
}

/* By stack, since the watch began: of all sessions' processes, pools that are none left out, one stack with two numbers once. */
TEST_F(graph, folded_times)
{
	const struct held_time times[] = {
		{ .tgid = 7, .def = 1, .pool = ID(1), .place = PW_STACK_ID | 1, .us = 1000 },
		{ .tgid = 7, .def = 1, .pool = ID(1), .place = PW_STACK_ID | 2, .us = 200 },
		{ .tgid = 7, .def = 1, .pool = 0, .place = PW_STACK_ID | 1, .us = 30 }, /* pools that are gone */
		{ .tgid = 7, .def = 1, .pool = ID(1), .place = PW_STACK_ID | 3, .us = 4 },
		{ .tgid = 7, .def = 1, .pool = ID(1), .place = 0x100, .us = 5 },
		{ .tgid = 7, .def = 1, .pool = ID(9), .place = 0x100, .us = 60 }, /* gone since the snapshot */
		{ .tgid = 7, .def = 2, .pool = ID(2), .place = PW_STACK_ID | 1, .us = 7 },
		{ .tgid = 7, .def = 2, .pool = ID(3), .place = PW_STACK_ID | 1, .us = 80 }, /* only signals */
		{ .tgid = 7, .def = 2, .pool = ID(2), .place = PW_STACK_ID | 2, .us = 0 },
		{ .tgid = 8, .def = 1, .pool = ID(1), .place = PW_STACK_ID | 1, .us = 9 },
	};
	const size_t n = sizeof(times) / sizeof(times[0]);

	self->l.pools[2].flags |= POOLWATCH_POOL_SIGNALLING;
	build__proc(&self->l, 1, 7, 0);
	strcpy(build__proc(&self->l, 2, 8, 0)->comm, "b;c");
	/* What is held now is in the times. */
	build__hold(&self->l, build__thread(&self->l, 1, 7, 11), 1, 1, 0x400);
	ASSERT_EQ(0, ledger__index(&self->l));
	EXPECT_EQ(0, graph__folded(self->out, &self->l, 7, &names, times, n));
	EXPECT_EQ(0, graph__folded(self->out, &self->l, 8, &names, times, n));
	EXPECT_EQ(0, graph__folded(self->out, &self->l, 9, &names, times, n));
	fflush(self->out);
	EXPECT_STREQ("api;[unknown stack];db 4\n"
		     "api;fetch;db 5\n"
		     "api;outer;inner;db 1230\n"
		     "api;outer;inner;worker 7\n"
		     "b:c;outer;inner;db 9\n",
		     self->text);
}

/* What the programs book, and what a reader makes of it, also in the middle of a change. */
TEST(held_ticks)
{
	const uint64_t start = 5000 * SEC;
	uint64_t ticks = 0, units = 0, now = PW_TICKS(start), later = PW_TICKS(start + 512 * 100);

	EXPECT_EQ(0, pw_held_ticks(ticks, units, now));
	units += 3;
	/* Counted, its time not yet taken down. */
	EXPECT_EQ(0, pw_held_ticks(ticks, units, now));
	ticks -= now * 3;
	EXPECT_EQ(0, pw_held_ticks(ticks, units, now));
	EXPECT_EQ(600, pw_held_ticks(ticks, units, later));
	ticks += later;
	/* Given back, still counted. */
	EXPECT_EQ(600, pw_held_ticks(ticks, units, later));
	units -= 1;
	EXPECT_EQ(600, pw_held_ticks(ticks, units, later));
	EXPECT_EQ(1000, pw_held_ticks(ticks, units, later + 200));
	ticks += 2 * (later + 200);
	units -= 2;
	EXPECT_EQ(1000, pw_held_ticks(ticks, units, later + 100000));
	/* A clock that was read a moment before the grant. */
	EXPECT_EQ(0, pw_held_ticks(-later, 1, later - 5));
	/* A thousand threads for ten days. */
	EXPECT_EQ(1000 * (864000 * SEC >> PW_TICK_SHIFT), pw_held_ticks(-1000 * later, 1000, later + (864000 * SEC >> PW_TICK_SHIFT)));
}

TEST_F(graph, one_process)
{
	build__edge(&self->l, 1, 7, 1, 1, 0x110, 0x120);
	build__hold(&self->l, build__thread(&self->l, 1, 7, 11), 1, 1, 0x110);
	ASSERT_EQ(0, ledger__index(&self->l));
	EXPECT_EQ(0, graph__dot(self->out, &self->l, 8, &names));
	EXPECT_EQ(0, graph__folded(self->out, &self->l, 8, &names, NULL, 0));
	EXPECT_EQ(0, graph__folded(self->out, &self->l, 7, &names, NULL, 0));
	fflush(self->out);
	EXPECT_STREQ("digraph poolwatch {\n\tnode [fontname=\"monospace\"];\n}\nworker;fetch;db 2000000\n", self->text);
}

TEST_F(graph, full_disk)
{
	FILE *full = fopen("/dev/full", "w");

	setbuf(full, NULL);
	ASSERT_EQ(0, ledger__index(&self->l));
	EXPECT_EQ(-EIO, graph__dot(full, &self->l, 0, NULL));
	fclose(full);
}

TEST_HARNESS_MAIN
