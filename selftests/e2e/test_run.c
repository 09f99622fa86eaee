// SPDX-License-Identifier: GPL-2.0
/* poolwatch run: whose exit code it is, and that the program is left as it is. */
#include <signal.h>
#include <string.h>
#include "kselftest_harness.h"
#include "e2e.h"

FIXTURE(run)
{
	struct proc watch;
};

FIXTURE_SETUP(run)
{
	memset(self, 0, sizeof(*self));
}

FIXTURE_TEARDOWN(run)
{
	proc__free(&self->watch);
}

#define RUN(...) poolwatch__run(&self->watch, "run", ##__VA_ARGS__, NULL)
#define AGAIN() proc__free(&self->watch)
#define DO(order, answer) ASSERT_STREQ(workload__do(&self->watch, order), answer)
#define SLOTS "--acquire", "take_slot", "--release", "put_slot", "--capacity", "2"

TEST_F(run, exit_code_of_the_program)
{
	static const int codes[] = { 0, 1, 2, 3, 7, 42, 255 };
	char exit[16];

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		snprintf(exit, sizeof(exit), "exit %d", codes[i]);
		EXPECT_EQ(RUN("--", "sh", "-c", exit), codes[i]);
		AGAIN();
	}
}

TEST_F(run, signal_of_the_program)
{
	EXPECT_EQ(RUN("--", "sh", "-c", "kill -TERM $$"), 128 + SIGTERM);
	AGAIN();
	EXPECT_EQ(RUN("--", "sh", "-c", "kill -KILL $$"), 128 + SIGKILL);
	AGAIN();
	EXPECT_EQ(RUN("--", "sh", "-c", "kill -SEGV $$"), 128 + SIGSEGV);
}

/* Options behind the program's name, or behind --, are the program's; its output is its own. */
TEST_F(run, arguments_and_output_of_the_program)
{
	EXPECT_EQ(RUN("--", "sh", "-c", "echo out $1; echo err $2 >&2", "sh", "--json", "--for"), 0);
	ASSERT_EQ(self->watch.out.n, 1);
	EXPECT_STREQ(self->watch.out.lines[0], "out --json");
	ASSERT_GE(self->watch.err.n, 1);
	EXPECT_STREQ(self->watch.err.lines[self->watch.err.n - 1], "err --for");
}

TEST_F(run, cannot_run)
{
	EXPECT_EQ(RUN("--", "/no/such/program"), 1);
	EXPECT_EQ(self->watch.out.n, 0);
	ASSERT_EQ(self->watch.err.n, 1);
	EXPECT_STREQ(self->watch.err.lines[0], "poolwatch run: cannot start /no/such/program: No such file or directory");
	AGAIN();
	EXPECT_EQ(RUN(NULL), 2);
	EXPECT_EQ(self->watch.err.n, 1);
	AGAIN();
	EXPECT_EQ(RUN("--fail-on", "nonsense", "--", "true"), 2);
	EXPECT_EQ(self->watch.err.n, 1);
}

/* The program ends by itself with 0: the finding makes it 3, if it was asked for. */
static void nest_once(struct __test_metadata *_metadata, FIXTURE_DATA(run) *self, const char *fail_on)
{
	pid_t tid;

	ASSERT_EQ(poolwatch__start(&self->watch, "run", SLOTS, "--json", "--fail-on", fail_on, "--", e2e__file("workload_own"), "2", NULL), 0);
	ASSERT_NE(proc__expect(&self->watch, "ready"), NULL);
	ASSERT_EQ(workload__threads(&self->watch, 1, &tid), 0);
	DO("1 take", "1 done 1");
	DO("1 take", "1 done 2");
	DO("1 put", "1 done 1");
	DO("1 put", "1 done 0");
	ASSERT_EQ(proc__send(&self->watch, "quit"), 0);
	proc__wait(&self->watch);
	EXPECT_EQ(poolwatch__count(&self->watch, NULL, NULL), 1);
	EXPECT_EQ(poolwatch__count(&self->watch, "nested", "new"), 1);
}

TEST_F(run, fails_on_nested)
{
	nest_once(_metadata, self, "nested");
	EXPECT_EQ(self->watch.status, 3);
}

TEST_F(run, fails_on_any)
{
	nest_once(_metadata, self, "any");
	EXPECT_EQ(self->watch.status, 3);
}

TEST_F(run, told_but_not_failed)
{
	nest_once(_metadata, self, "deadlock,leak");
	EXPECT_EQ(self->watch.status, 0);
}

TEST_F(run, nothing_found)
{
	pid_t tid;

	ASSERT_EQ(poolwatch__start(&self->watch, "run", SLOTS, "--json", "--budget", "off", "--fail-on", "any", "--",
				   e2e__file("workload_own"), "2", NULL), 0);
	ASSERT_NE(proc__expect(&self->watch, "ready"), NULL);
	ASSERT_EQ(workload__threads(&self->watch, 1, &tid), 0);
	DO("1 plain 1000", "1 done 0");
	ASSERT_EQ(proc__send(&self->watch, "quit"), 0);
	EXPECT_EQ(proc__wait(&self->watch), 0);
	EXPECT_EQ(poolwatch__count(&self->watch, NULL, NULL), 0);
}

/* The time is over, or the user has had enough: the program is ours and does not stay behind. */
static void end_early(struct __test_metadata *_metadata, FIXTURE_DATA(run) *self, const char *seconds, int sig)
{
	pid_t tid;

	ASSERT_EQ(poolwatch__start(&self->watch, "run", SLOTS, "--json", "--for", seconds, "--", e2e__file("workload_own"), "2", NULL), 0);
	ASSERT_NE(proc__expect(&self->watch, "ready"), NULL);
	ASSERT_EQ(workload__threads(&self->watch, 1, &tid), 0);
	EXPECT_EQ(sig ? proc__end(&self->watch, sig) : proc__wait(&self->watch), 128 + SIGTERM);
	EXPECT_EQ(kill(tid, 0), -1);
}

TEST_F(run, time_is_over)
{
	end_early(_metadata, self, "2", 0);
}

TEST_F(run, interrupted)
{
	end_early(_metadata, self, "600", SIGINT);
}

TEST_HARNESS_MAIN
