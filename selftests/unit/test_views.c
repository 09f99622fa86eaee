// SPDX-License-Identifier: GPL-2.0
#include "kselftest_harness.h"
#include "capture.h"
#include "fake_source.h"
#include "histogram.h"
#include "sessions.h"
#include "views.h"

#define SECOND FAKE_SECOND
#define MS     1000000ull

static const void *pointers[64];

static const char *pools_text(const struct views *v, const char *columns)
{
	struct table_choice choice;
	FILE *out = capture();
	char why[160];

	for (size_t i = 0; i < v->npools; i++)
		pointers[i] = &v->pools[i];
	if (table__choose(&views_pools, columns, &choice, why, sizeof(why)) ||
	    table__print(out, &choice, pointers, v->npools, &(struct table_options){ .no_headings = true }))
		return NULL;
	return captured_text(out);
}

static const char *threads_text(const struct views *v, const char *columns)
{
	struct table_choice choice;
	FILE *out = capture();
	char why[160];

	for (size_t i = 0; i < v->nthreads; i++)
		pointers[i] = &v->threads[i];
	if (table__choose(&views_threads, columns, &choice, why, sizeof(why)) ||
	    table__print(out, &choice, pointers, v->nthreads, &(struct table_options){ .no_headings = true }))
		return NULL;
	return captured_text(out);
}

/* Pool "db" of three, all its holders waiting for a second unit; "sem" of four, two in use. */
static void deadlock(struct ledger *l, uint64_t time)
{
	struct poolwatch_pool *p;

	ledger__reset(l);
	l->time = time;
	l->session = 3;
	fake_def(l, 0, "db");
	fake_def(l, 1, "sem");
	fake_proc(l, 0, 100, "api");
	p = fake_pool(l, 0, 100, 0, 0xd0, 3, 3);
	p->depth = 2;
	p->nesting = p->nesting_max = 3;
	p->nested = 3;
	p->grants = 50;
	p->created = time - 10 * SECOND;
	p = fake_pool(l, 1, 100, 1, 0xe0, 4, 2);
	p->grants = 100 + (time - 1000 * SECOND) / SECOND * 20;
	p->hold[21] = 10; /* 1 to 2 ms */
	p->wait[11] = p->grants - 100;
	for (uint32_t i = 0; i < 3; i++) {
		struct poolwatch_thread *t = fake_thread(l, i, 100, 101 + i, "worker");

		fake_hold(l, t, 0, 1, 812 * MS, 0x400100);
		fake_request(l, t, 0, 640 * MS + i * MS, 0x400200);
	}
	fake_hold(l, fake_thread(l, 3, 100, 104, "main"), 1, 2, 5 * SECOND, 0x400300);
	fake_thread(l, 4, 100, 105, "idle");
	ledger__index(l);
}

FIXTURE(two_looks)
{
	struct ledger before, now;
	struct views v;
};

FIXTURE_SETUP(two_looks)
{
	deadlock(&self->before, 1000 * SECOND);
	deadlock(&self->now, 1001 * SECOND);
}

FIXTURE_TEARDOWN(two_looks)
{
	views__clear(&self->v);
	ledger__clear(&self->before);
	ledger__clear(&self->now);
}

TEST_F(two_looks, pools)
{
	const struct views_options o = { .threads = true };

	ASSERT_EQ(views__make(&self->v, &self->now, &self->before, "direct", &o), 0);
	ASSERT_STREQ(
		pools_text(
			&self->v,
			"name,pid,comm,key,capacity,in_use,waiters,holders,oldest_wait,oldest_hold,state,session,mode"),
		"db   100  api  0xd0  3  3  3  3  642ms  812ms  DEADLOCK  3  direct\n"
		"sem  100  api  0xe0  4  2  0  1      -   5.0s  ok        3  direct\n");
	ASSERT_STREQ(
		pools_text(&self->v,
			   "name,rate,mean_rate,hold_p50,wait_p50,recent_wait_p99,nested,depth,margin,needed,free"),
		"db    0  5.0      -      -      -  3  2  0  4  0\n"
		"sem  20   12  1.5ms  1.5us  2.0us  0  0  -  -  2\n");
}

TEST_F(two_looks, threads)
{
	const struct views_options o = { .threads = true };

	ASSERT_EQ(views__make(&self->v, &self->now, &self->before, "direct", &o), 0);
	ASSERT_STREQ(threads_text(&self->v, NULL), "101  100  worker  DEADLOCK  db      812ms  db  640ms  0x400200\n"
						   "102  100  worker  DEADLOCK  db      812ms  db  641ms  0x400200\n"
						   "103  100  worker  DEADLOCK  db      812ms  db  642ms  0x400200\n"
						   "104  100  main    holds     sem x2   5.0s  -       -  0x400300\n");
}

/* The objects are those of a finding, and more. */
TEST_F(two_looks, json)
{
	struct table_choice choice;
	FILE *out;

	ASSERT_EQ(
		views__make(&self->v, &self->now, &self->before, "direct", &(struct views_options){ .threads = true }),
		0);
	table__choose_all(&views_threads, &choice);
	pointers[0] = &self->v.threads[0];
	out = capture();
	table__json(out, &views_threads, &choice, pointers, 1);
	ASSERT_STREQ(
		captured_text(out),
		"{\"type\":\"thread\",\"tid\":101,\"pid\":100,\"comm\":\"worker\",\"holds\":[{\"pool\":\"db\",\"key\":\"0xd0\",\"count\":1,"
		"\"for_ms\":812,\"resource\":null,\"site\":{\"symbol\":null,\"offset\":0,\"module\":null,\"file\":null,\"line\":null,"
		"\"address\":\"0x400100\",\"inlined\":false}}],\"request\":{\"pool\":\"db\",\"key\":\"0xd0\",\"count\":1,\"for_ms\":640,"
		"\"site\":{\"symbol\":null,\"offset\":0,\"module\":null,\"file\":null,\"line\":null,\"address\":\"0x400200\","
		"\"inlined\":false}},\"stack\":[],\"goroutine\":null,\"doing\":null,\"state\":\"DEADLOCK\",\"units\":1,\"pools\":\"db\","
		"\"hold_age_ns\":812000000,\"wants\":\"db\",\"wants_key\":\"0xd0\",\"wait_age_ns\":640000000,"
		"\"site\":{\"symbol\":null,\"offset\":0,\"module\":null,\"file\":null,\"line\":null,\"address\":\"0x400200\","
		"\"inlined\":false},\"session\":3,\"mode\":\"direct\"}\n");
	table__choose_all(&views_pools, &choice);
	pointers[0] = &self->v.pools[0];
	out = capture();
	table__json(out, &views_pools, &choice, pointers, 1);
	ASSERT_EQ(
		strncmp(captured_text(out),
			"{\"type\":\"pool\",\"name\":\"db\",\"key\":\"0xd0\",\"capacity\":3,\"in_use\":3,\"waiters\":3,"
			"\"unknown\":0,\"id\":\"0x100000000\",\"pid\":100,\"comm\":\"api\",\"state\":\"DEADLOCK\",",
			132),
		0)
	TH_LOG("%s", captured);
}

TEST_F(two_looks, one_snapshot_proves_nothing)
{
	ASSERT_EQ(views__make(&self->v, &self->now, NULL, "direct", &(struct views_options){ 0 }), 0);
	ASSERT_STREQ(pools_text(&self->v, "name,state,rate,recent_wait_p99"), "db   full  -  -\n"
									      "sem  ok    -  -\n");
}

TEST_F(two_looks, a_thread_that_moved_is_no_proof)
{
	self->before.threads[1].request[0].seq++;
	ASSERT_EQ(views__make(&self->v, &self->now, &self->before, "direct", &(struct views_options){ 0 }), 0);
	ASSERT_STREQ(pools_text(&self->v, "name,state"), "db   full\nsem  ok\n");
	self->before.threads[1].request[0].seq--;
	self->before.threads[0].hold[0].word += POOLWATCH_HOLD_GEN;
	ASSERT_EQ(views__make(&self->v, &self->now, &self->before, "direct", &(struct views_options){ 0 }), 0);
	ASSERT_STREQ(pools_text(&self->v, "name,state"), "db   full\nsem  ok\n");
	self->before.threads[0].hold[0].word -= POOLWATCH_HOLD_GEN;
	/* another thread in the same slot */
	self->before.threads[2].head.id += 1ull << 32;
	ASSERT_EQ(views__make(&self->v, &self->now, &self->before, "direct", &(struct views_options){ 0 }), 0);
	ASSERT_STREQ(pools_text(&self->v, "name,state"), "db   full\nsem  ok\n");
}

TEST_F(two_looks, states)
{
	struct poolwatch_pool *p = &self->now.pools[0];
	struct views_options o = { .stall_ns = 600 * MS };

	/* a thread that only waits, so that nothing is proven */
	self->now.threads[1].hold[0].word = 0;
	ASSERT_EQ(views__make(&self->v, &self->now, NULL, "direct", &o), 0);
	ASSERT_STREQ(pools_text(&self->v, "name,state"), "db   STALL\nsem  ok\n");
	p->last_grant = self->now.time - 500 * MS;
	ASSERT_EQ(views__make(&self->v, &self->now, NULL, "direct", &o), 0);
	ASSERT_STREQ(pools_text(&self->v, "name,state"), "db   full\nsem  ok\n");
	p->in_use = 2;
	self->now.pools[1].in_use = 3;
	ASSERT_EQ(views__make(&self->v, &self->now, NULL, "direct", &o), 0);
	ASSERT_STREQ(pools_text(&self->v, "name,state"), "db   busy\nsem  busy\n");
	p->flags |= POOLWATCH_POOL_UNCERTAIN;
	p->uncertain_since = self->now.time - 2 * SECOND;
	self->now.pools[1].flags |= POOLWATCH_POOL_SIGNALLING;
	ASSERT_EQ(views__make(&self->v, &self->now, NULL, "direct", &o), 0);
	ASSERT_STREQ(pools_text(&self->v, "name,state,uncertain_for"), "db  uncertain  2.0s\n");
	o.all = true;
	ASSERT_EQ(views__make(&self->v, &self->now, NULL, "direct", &o), 0);
	ASSERT_STREQ(pools_text(&self->v, "name,state"), "db   uncertain\nsem  no pool\n");
	p->flags = 0;
	p->capacity = POOLWATCH_UNKNOWN;
	ASSERT_EQ(views__make(&self->v, &self->now, NULL, "direct", &o), 0);
	ASSERT_STREQ(pools_text(&self->v, "name,state,capacity,capacity_is,margin,free"),
		     "db   busy     -  unknown  -  -\n"
		     "sem  no pool  4  certain  -  1\n");
}

TEST_F(two_looks, empty)
{
	struct ledger none = { .time = SECOND };

	ASSERT_EQ(
		views__make(&self->v, &self->now, &self->before, "direct", &(struct views_options){ .threads = true }),
		0);
	ASSERT_EQ(views__make(&self->v, &none, NULL, "direct", &(struct views_options){ .threads = true }), 0);
	ASSERT_EQ(self->v.npools + self->v.nthreads + self->v.ncounters, 0);
}

TEST_F(two_looks, records_that_make_no_sense)
{
	struct poolwatch_thread *t = &self->now.threads[0];

	for (int i = 0; i < POOLWATCH_HOLDS; i++)
		t->hold[i] = (struct poolwatch_hold){ .word = ~0ull, .since = UINT64_MAX };
	for (int i = 0; i < POOLWATCH_REQUESTS; i++)
		t->request[i] = (struct poolwatch_request){ .seq = 1, .pool = ~0ull, .since = UINT64_MAX };
	t->requests = ~0u;
	memset(t->comm, 'x', sizeof(t->comm));
	memset(self->now.defs[0].name, '\n', sizeof(self->now.defs[0].name));
	memset(self->now.procs[0].comm, 0xff, sizeof(self->now.procs[0].comm));
	self->now.pools[0].def = ~0u;
	self->now.pools[1].in_use = INT64_MIN;
	self->now.pools[1].nesting_max = INT64_MIN;
	self->now.pools[0].nesting_max = INT64_MAX;
	self->now.pools[1].depth = ~0u;
	ASSERT_EQ(views__make(&self->v, &self->now, &self->before, "direct",
			      &(struct views_options){ .threads = true, .all = true }),
		  0);
	ASSERT_NE(pools_text(&self->v, "all"), NULL);
	ASSERT_NE(threads_text(&self->v, "all"), NULL);
}

TEST(counters)
{
	static struct ledger l;
	struct views v = { 0 };
	struct table_choice choice;
	char why[160];
	FILE *out;

	l.time = 100 * SECOND;
	for (uint32_t i = 0; i < POOLWATCH_CAUSES; i++) {
		struct poolwatch_counter *c = fake_record(&l, POOLWATCH_COUNTERS, i, 0);

		c->count = i == POOLWATCH_LOST_READS ? 12 : 0;
		c->last = 97 * SECOND;
	}
	ledger__index(&l);
	ASSERT_EQ(views__make(&v, &l, NULL, "device", &(struct views_options){ 0 }), 0);
	ASSERT_EQ(v.ncounters, 1);
	table__choose(&views_counters, NULL, &choice, why, sizeof(why));
	pointers[0] = &v.counters[0];
	out = capture();
	table__print(out, &choice, pointers, 1, &(struct table_options){ .no_headings = true });
	ASSERT_STREQ(captured_text(out), "lost_reads  12  3.0s  0  an expression read memory that was not there\n");
	ASSERT_EQ(views__make(&v, &l, NULL, "device", &(struct views_options){ .all = true }), 0);
	ASSERT_EQ(v.ncounters, POOLWATCH_CAUSES);
	for (int i = 0; i < POOLWATCH_CAUSES; i++)
		ASSERT_STRNE(view_cause__name(i), "unknown");
	views__clear(&v);
	ledger__clear(&l);
}

TEST(sizing_rule)
{
	ASSERT_EQ(views__safe_threads(10, 2), 9);
	ASSERT_EQ(views__safe_threads(10, 3), 4);
	ASSERT_EQ(views__safe_threads(1, 2), 0);
	ASSERT_EQ(views__safe_threads(10, 1), POOLWATCH_UNKNOWN);
	ASSERT_EQ(views__safe_threads(POOLWATCH_UNKNOWN, 2), POOLWATCH_UNKNOWN);
}

TEST(columns_have_names_once)
{
	static const struct table *const tables[] = { &views_pools, &views_threads, &views_counters };

	for (size_t t = 0; t < 3; t++) {
		ASSERT_LE(tables[t]->ncolumns, TABLE_MAX_COLUMNS);
		for (size_t i = 0; i < tables[t]->ncolumns; i++)
			for (size_t k = 0; k < i; k++)
				ASSERT_TRUE(tables[t]->columns[i].type == TABLE_OBJECT ||
					    tables[t]->columns[k].type == TABLE_OBJECT ||
					    (strcmp(tables[t]->columns[i].name, tables[t]->columns[k].name) &&
					     strcmp(tables[t]->columns[i].key, tables[t]->columns[k].key)));
	}
}

TEST(histogram)
{
	__u64 b[POOLWATCH_BUCKETS] = { [20] = 1000, [22] = 1, [23] = 500 };
	FILE *out = capture();

	histogram__print(out, b, 2, 58);
	ASSERT_STREQ(captured_text(out), "   524us - 1.0ms  |####################| 1000\n"
					 "   1.0ms - 2.0ms  |                    | 0\n"
					 "   2.0ms - 4.1ms  |#                   | 1\n"
					 "   4.1ms - 8.3ms  |##########          | 500\n");
	memset(b, 0, sizeof(b));
	out = capture();
	histogram__print(out, b, 2, 58);
	ASSERT_STREQ(captured_text(out), "");
}

static int gone_after_two(struct ledger *l, unsigned int look)
{
	if (look == 2)
		return -ENOENT;
	deadlock(l, l->time);
	return 0;
}

TEST(a_session_that_ends)
{
	struct fake_source f = fake_source(gone_after_two);
	struct views_options o = { 0 };
	struct sessions all;

	ASSERT_EQ(sessions__of(&all, &f.source), 0);
	ASSERT_EQ(sessions__look(&all, SOURCE_ALL_TABLES, &o), 1);
	ASSERT_STREQ(pools_text(&all.s[0]->views, "name,state"), "db   full\nsem  ok\n");
	ASSERT_EQ(sessions__look(&all, SOURCE_ALL_TABLES, &o), 1);
	ASSERT_STREQ(pools_text(&all.s[0]->views, "name,state"), "db   DEADLOCK\nsem  ok\n");
	ASSERT_EQ(sessions__look(&all, SOURCE_ALL_TABLES, &o), 0);
	ASSERT_TRUE(all.s[0]->gone);
	/* the last picture stays */
	ASSERT_STREQ(pools_text(&all.s[0]->views, "name,state"), "db   DEADLOCK\nsem  ok\n");
	sessions__close(&all);
}

TEST_HARNESS_MAIN
