// SPDX-License-Identifier: GPL-2.0
/* How often a watch looks: seldom at a deadlock that was told, and as soon as ever when there is another. Looks are counted. */
#include <poll.h>
#include <string.h>
#include "kselftest_harness.h"
#include "e2e.h"
#include "spec.h"
#include "watch.h"

#define DEFINITION "pool slots; lib exe; key arg0; capacity 2; acquire take_slot ok=s32(ret)==0; release put_slot"
#define CALM_MS	 900	/* what is left of a second, if the step took some of it */
#define MANY	 100	/* looks: ten are enough, 25 ms apart they would go on for ever */

FIXTURE(pace)
{
	struct proc program[2];
	struct spec spec;
	struct watch *watch;
	size_t told; /* deadlocks */
};

static void on_finding(void *ctx, struct finding *f)
{
	FIXTURE_DATA(pace) *self = ctx;

	self->told += f->kind == FINDING_DEADLOCK && f->event == FINDING_NEW;
}

FIXTURE_SETUP(pace)
{
	struct watch_options options = { .finding = on_finding, .ctx = self, .no_device = true };
	struct watch_error err = { 0 };
	struct spec_error serr = { 0 };
	pid_t tid[2];

	memset(self, 0, sizeof(*self));
	ASSERT_EQ(spec__parse_text(&self->spec, DEFINITION, strlen(DEFINITION), "test", true, &serr), 0);
	options.spec = &self->spec;
	ASSERT_EQ(watch__new(&options, &self->watch, &err), 0) TH_LOG("%s", err.message);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(workload__start(&self->program[i], "workload_own", 2), 0);
		ASSERT_EQ(workload__threads(&self->program[i], 2, tid), 0);
		ASSERT_EQ(watch__add(self->watch, self->program[i].pid, 0, &err), 0) TH_LOG("%s", err.message);
	}
}

FIXTURE_TEARDOWN(pace)
{
	watch__free(self->watch);
	spec__clear(&self->spec);
	for (int i = 0; i < 2; i++)
		proc__free(&self->program[i]);
}

/* Return: 0; -1: it failed. */
static int wait_and_step(struct watch *w)
{
	struct pollfd fd = { .fd = watch__fd(w), .events = POLLIN };

	return poll(&fd, 1, watch__timeout_ms(w)) < 0 || watch__step(w) ? -1 : 0;
}

static void deadlock(struct __test_metadata *_metadata, struct proc *program)
{
	for (int i = 1; i <= 2; i++)
		ASSERT_NE(workload__do(program, "%d take", i), NULL);
	for (int i = 1; i <= 2; i++)
		ASSERT_NE(workload__do(program, "%d ask", i), NULL);
}

TEST_F(pace, a_deadlock_that_was_told_and_a_new_one)
{
	uint64_t looks;

	for (size_t i = 0; i < 2; i++) {
		deadlock(_metadata, &self->program[i]);
		/* How many it takes depends on how long the threads take to fall asleep. */
		for (int steps = 0; self->told < i + 1 && steps < 100 * MANY; steps++)
			ASSERT_GE(wait_and_step(self->watch), 0);
		ASSERT_EQ(self->told, i + 1);
		looks = watch__looks(self->watch);
		while (watch__timeout_ms(self->watch) < CALM_MS && watch__looks(self->watch) - looks < MANY)
			ASSERT_GE(wait_and_step(self->watch), 0);
		EXPECT_LT(watch__looks(self->watch) - looks, MANY);
	}
}

TEST_HARNESS_MAIN
