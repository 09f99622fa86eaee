// SPDX-License-Identifier: GPL-2.0
/* How often is looked: what a look says of the next one, and how many there are in an hour. */
#include "kselftest_harness.h"
#include "judge_hear.h"
#include "pace.h"

#define HOUR (3600 * SEC)

/* Looks from @from on until @until, as many as there are if nothing changes and no event comes. @p is as after an earlier look. */
static unsigned int looks(struct pace *p, uint64_t from, uint64_t until, uint64_t tension, bool undecided)
{
	unsigned int n = 0;

	for (uint64_t now = from; now < until; n++)
		now += pace__next(p, now, tension, undecided);
	return n;
}

TEST(nobody_waits)
{
	struct pace p = {0};

	EXPECT_EQ(looks(&p, T0, T0 + HOUR, 0, false), 3600);
}

/* At 0, 25, 50, 100 .. 1600 ms, then every second. */
TEST(those_that_wait_were_judged)
{
	struct pace p = {0};

	EXPECT_EQ(looks(&p, T0, T0 + 1600 * MS, 1, false), 7);
	EXPECT_EQ(looks(&p, T0 + 1600 * MS, T0 + HOUR, 1, false), 3599);
}

/* Whenever another one begins to wait, the looks that prove it come as soon as they did for the first. */
TEST(somebody_else_waits)
{
	struct pace p = {0};

	looks(&p, T0, T0 + HOUR, 1, false);
	EXPECT_EQ(looks(&p, T0 + HOUR, T0 + HOUR + 100 * MS, 2, true), 4);
	EXPECT_EQ(pace__next(&p, T0 + HOUR + 100 * MS, 2, false), 100 * MS);
	/* And when one of them ceases to. */
	EXPECT_EQ(pace__next(&p, T0 + 2 * HOUR, 1, false), PACE_TENSE_NS);
	EXPECT_EQ(pace__next(&p, T0 + 3 * HOUR, 0, false), PACE_CALM_NS);
	EXPECT_EQ(pace__next(&p, T0 + 4 * HOUR, 1, false), PACE_TENSE_NS);
}

TEST(somebody_is_undecided)
{
	struct pace p = {0};

	EXPECT_EQ(looks(&p, T0, T0 + HOUR, 1, true), 3600 * 40);
	EXPECT_EQ(pace__next(&p, T0 + HOUR, 1, false), PACE_CALM_NS);
	EXPECT_EQ(looks(&p, T0 + HOUR, T0 + 2 * HOUR, 0, true), 3600);
}

/* --- what the judge says of it */

static struct poolwatch_thread *nester(struct ledger *l, uint32_t slot, uint32_t tid)
{
	struct poolwatch_thread *t = build__thread(l, slot, 100, tid);

	build__hold(l, t, 0, 1, 0x401000);
	build__request(t, 0, 1, 0x402000);
	return t;
}

TEST_F(judge, decided_by_two_looks)
{
	build__pool(&self->now, 0, 100, 0, 2);
	nester(&self->now, 0, 101);
	nester(&self->now, 1, 102);
	ASSERT_EQ(ledger__index(&self->now), 0);
	ASSERT_EQ(judge__look(self->j, &self->now, NULL, hear, &self->heard), 0);
	QUIET();
	EXPECT_TRUE(judge__is_undecided(self->j));
	LATER(25 * MS);
	ONLY("new deadlock sem count=1 threads=101,102");
	EXPECT_FALSE(judge__is_undecided(self->j));
	LATER(25 * MS);
	EXPECT_FALSE(judge__is_undecided(self->j));
	/* One that only waits for them belongs to what was told. */
	build__request(build__thread(&self->now, 2, 100, 103), 0, 1, 0x402000);
	LATER(25 * MS);
	QUIET();
	EXPECT_FALSE(judge__is_undecided(self->j));
	/* With other threads, in another pool, nothing is decided until two looks have shown it. */
	build__pool(&self->now, 1, 100, 0, 1);
	build__hold(&self->now, build__thread(&self->now, 3, 100, 104), 1, 1, 0x401000);
	build__request(&self->now.threads[3], 1, 1, 0x402000);
	self->now.time += 25 * MS;
	ASSERT_EQ(ledger__index(&self->now), 0);
	ASSERT_EQ(judge__look(self->j, &self->now, &self->before, hear, &self->heard), 0);
	QUIET();
	EXPECT_TRUE(judge__is_undecided(self->j));
	LATER(25 * MS);
	ONLY("new deadlock sem count=1 threads=104");
	EXPECT_FALSE(judge__is_undecided(self->j));
}

TEST_F(judge, somebody_can_finish)
{
	build__pool(&self->now, 0, 100, 0, 2);
	nester(&self->now, 0, 101);
	build__hold(&self->now, build__thread(&self->now, 1, 100, 102), 0, 1, 0x401000);
	LOOK();
	QUIET();
	EXPECT_FALSE(judge__is_undecided(self->j));
}

/* Who polls may have given up: until it tries again, nothing is told, and nothing decided. */
TEST_F(judge, one_that_polls)
{
	struct poolwatch_request *r;

	build__pool(&self->now, 0, 100, 0, 1);
	r = &nester(&self->now, 0, 101)->request[0];
	r->flags = POOLWATCH_REQ_POLL;
	r->tried = T0;
	for (int i = 0; i < 3; i++) {
		LATER(25 * MS);
		QUIET();
		EXPECT_TRUE(judge__is_undecided(self->j));
	}
	r->tried = self->now.time;
	LATER(25 * MS);
	ONLY("new deadlock sem count=1 threads=101");
	EXPECT_FALSE(judge__is_undecided(self->j));
	/* Told, it stays so: how often it tries matters no more. */
	LATER(5 * SEC);
	EXPECT_FALSE(judge__is_undecided(self->j));
}

/* A pause of more than a second between two tries; then it is not left over, but the next try is not to be missed. */
TEST_F(judge, one_that_polls_slowly)
{
	struct poolwatch_request *r;

	build__pool(&self->now, 0, 100, 0, 1);
	r = &nester(&self->now, 0, 101)->request[0];
	r->flags = POOLWATCH_REQ_POLL;
	r->tried = T0;
	LATER(5 * SEC);
	EXPECT_TRUE(judge__is_undecided(self->j));
	LATER(5 * SEC);
	EXPECT_FALSE(judge__is_undecided(self->j));
}

static enum judge_presence seen(void *ctx, const struct poolwatch_thread *t)
{
	return *(enum judge_presence *)ctx;
}

TEST_F(judge, one_that_is_not_asleep_yet)
{
	enum judge_presence presence = JUDGE_AWAKE;
	const struct judge_options options = {.presence = seen, .presence_ctx = &presence};

	judge__free(self->j);
	ASSERT_EQ(judge__new(&options, &self->j), 0);
	build__pool(&self->now, 0, 100, 0, 1);
	nester(&self->now, 0, 101);
	for (int i = 0; i < 3; i++) {
		LATER(25 * MS);
		QUIET();
		EXPECT_TRUE(judge__is_undecided(self->j));
	}
	presence = JUDGE_ASLEEP;
	LATER(25 * MS);
	EXPECT_TRUE(judge__is_undecided(self->j));
	LATER(25 * MS);
	ONLY("new deadlock sem count=1 threads=101");
	EXPECT_FALSE(judge__is_undecided(self->j));
}

/* Nor will be: it spins. It is not looked at every 25 ms for ever. */
TEST_F(judge, one_that_is_never_asleep)
{
	enum judge_presence presence = JUDGE_AWAKE;
	const struct judge_options options = {.presence = seen, .presence_ctx = &presence};

	judge__free(self->j);
	ASSERT_EQ(judge__new(&options, &self->j), 0);
	build__pool(&self->now, 0, 100, 0, 1);
	nester(&self->now, 0, 101);
	LATER(0);
	EXPECT_TRUE(judge__is_undecided(self->j));
	LATER(9999 * MS);
	EXPECT_TRUE(judge__is_undecided(self->j));
	LATER(MS);
	EXPECT_FALSE(judge__is_undecided(self->j));
	/* One that left its request has nothing to prove. */
	presence = JUDGE_ELSEWHERE;
	self->now.threads[0].request[0].seq = ++self->now.threads[0].seq;
	LATER(25 * MS);
	EXPECT_FALSE(judge__is_undecided(self->j));
	QUIET();
}

/* It changes with whoever holds and waits, and with nothing else. */
TEST_F(judge, tension)
{
	struct ledger *l = &self->now;
	uint64_t one, two;

	EXPECT_EQ(judge__tension(l), 0);
	build__pool(l, 0, 100, 0, 4);
	build__hold(l, build__thread(l, 0, 100, 101), 0, 1, 0x401000);
	build__request(build__thread(l, 1, 100, 102), 0, 1, 0x402000);
	EXPECT_EQ(judge__tension(l), 0);
	nester(l, 2, 103);
	one = judge__tension(l);
	EXPECT_NE(one, 0);
	l->time += HOUR;
	l->pools[0].requests++;
	build__hold(l, build__thread(l, 3, 100, 104), 0, 1, 0x401000);
	EXPECT_EQ(judge__tension(l), one);
	nester(l, 4, 105);
	two = judge__tension(l);
	EXPECT_NE(two, one);
	l->threads[4].seq++;
	EXPECT_NE(judge__tension(l), two);
	l->threads[4].seq--;
	l->threads[4].hold[0].word += POOLWATCH_HOLD_GEN;
	EXPECT_NE(judge__tension(l), two);
	l->threads[4].flags |= POOLWATCH_THREAD_EXITED;
	EXPECT_EQ(judge__tension(l), one);
}

TEST_HARNESS_MAIN
