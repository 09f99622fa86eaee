// SPDX-License-Identifier: GPL-2.0
/*
 * What show and top -b say of a program whose counts are known. Others may be watched on this machine at the same
 * time.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "kselftest_harness.h"
#include "e2e.h"

#define UNITS	3
#define THREADS 5

FIXTURE(views)
{
	struct proc program, watch, show;
	pid_t tid[THREADS];
	char pid[16];
};

FIXTURE_SETUP(views)
{
	memset(self, 0, sizeof(*self));
	ASSERT_EQ(workload__start(&self->program, "workload_own", UNITS), 0);
	ASSERT_EQ(workload__threads(&self->program, THREADS, self->tid), 0);
	snprintf(self->pid, sizeof(self->pid), "%d", self->program.pid);
	ASSERT_EQ(poolwatch__start(&self->watch, "attach", "-p", self->pid, "--acquire", "take_slot", "--release",
				   "put_slot", "--capacity", "3", "--json", NULL),
		  0);
	ASSERT_TRUE(poolwatch__watches(&self->watch, self->program.pid));
}

FIXTURE_TEARDOWN(views)
{
	proc__free(&self->show);
	proc__free(&self->watch);
	proc__free(&self->program);
}

/* The only line that "show" prints of this program. */
static const char *show(struct proc *p, const char *pid, const char *what)
{
	proc__free(p);
	if (poolwatch__run(p, "show", what, "-p", pid, "--json", NULL) || p->out.n != 1)
		return "";
	return p->out.lines[0];
}

/* Two threads speak in any order: also what was passed over counts. */
static bool has_said(struct proc *p, const char *line)
{
	size_t i = 0;

	do {
		for (; i < p->out.n; i++)
			if (!strcmp(p->out.lines[i], line))
				return true;
	} while (proc__line(p));
	return false;
}

#define DO(answer, ...) ASSERT_STREQ(workload__do(&self->program, __VA_ARGS__), answer)

/* A request is in the books a moment after the program said that it asks. */
#define UNTIL_WAITERS(n) \
	do \
		line = show(&self->show, self->pid, "pools"); \
	while (json_int(line, "waiters") != (n))

TEST_F(views, pools)
{
	const char *line;

	DO("1 done 1", "1 take");
	DO("2 done 1", "2 take");
	DO("1 done 0", "1 put");
	line = show(&self->show, self->pid, "pools");
	EXPECT_STREQ(json_str(line, "type"), "pool");
	EXPECT_EQ(json_int(line, "pid"), self->program.pid);
	EXPECT_STREQ(json_str(line, "comm"), "workload_own");
	EXPECT_EQ(json_int(line, "capacity"), 3);
	EXPECT_EQ(json_int(line, "in_use"), 1);
	EXPECT_EQ(json_int(line, "in_use_max"), 2);
	EXPECT_EQ(json_int(line, "holders"), 1);
	EXPECT_EQ(json_int(line, "waiters"), 0);
	EXPECT_EQ(json_int(line, "requests"), 2);
	EXPECT_EQ(json_int(line, "grants"), 2);
	EXPECT_EQ(json_int(line, "releases"), 1);
	EXPECT_EQ(json_int(line, "blocked"), 0);
	EXPECT_EQ(json_int(line, "nested"), 0);
	EXPECT_STREQ(json_str(line, "state"), "ok");

	DO("3 done 1", "3 take");
	DO("4 done 1", "4 take");
	ASSERT_NE(workload__do(&self->program, "5 ask"), NULL);
	UNTIL_WAITERS(1);
	EXPECT_EQ(json_int(line, "in_use"), 3);
	EXPECT_EQ(json_int(line, "in_use_max"), 3);
	EXPECT_EQ(json_int(line, "holders"), 3);
	EXPECT_EQ(json_int(line, "requests"), 5);
	EXPECT_EQ(json_int(line, "grants"), 4);
	EXPECT_EQ(json_int(line, "blocked"), 1);
	EXPECT_STREQ(json_str(line, "state"), "full");

	DO("2 done 0", "2 put");
	ASSERT_TRUE(has_said(&self->program, "5 done 1"));
	UNTIL_WAITERS(0);
	EXPECT_EQ(json_int(line, "in_use"), 3);
	EXPECT_EQ(json_int(line, "grants"), 5);
	EXPECT_EQ(json_int(line, "releases"), 2);
	/* as many holds ended as there were releases */
	int64_t ended = 0;

	for (int i = 0; i < 40; i++) {
		char path[16];

		snprintf(path, sizeof(path), "hold.%d", i);
		ended += json_int(line, path);
	}
	EXPECT_EQ(ended, 2);
}

TEST_F(views, text)
{
	DO("1 done 1", "1 take");
	DO("2 done 1", "2 take");
	ASSERT_EQ(poolwatch__run(&self->show, "show", "pools", "-p", self->pid, "-o",
				 "name,comm,capacity,in_use,free,state", NULL),
		  0);
	ASSERT_EQ(self->show.out.n, 2);
	EXPECT_STREQ(self->show.out.lines[0], "POOL  PROCESS       CAP  USE  FREE  STATE");
	EXPECT_STREQ(self->show.out.lines[1], "pool  workload_own    3    2     1  ok");
	/* nothing but the table when it is piped */
	EXPECT_EQ(self->show.err.n, 0);
	proc__free(&self->show);
	ASSERT_EQ(poolwatch__run(&self->show, "show", "pools", "-p", self->pid, "-o", "name,color", NULL), 2);
	ASSERT_EQ(self->show.err.n, 1);
	EXPECT_STREQ(self->show.err.lines[0], "poolwatch show: no column 'color': --help lists them");
}

TEST_F(views, threads)
{
	int first, next, found = 0;
	const char *line;

	DO("1 done 1", "1 take");
	DO("1 done 2", "1 take");
	DO("3 done 1", "3 take");
	ASSERT_NE(workload__do(&self->program, "4 ask"), NULL);
	UNTIL_WAITERS(1);
	ASSERT_EQ(sscanf(workload__do(&self->program, "sites") ?: "", "sites %d %d", &first, &next), 2);
	proc__free(&self->show);
	ASSERT_EQ(poolwatch__run(&self->show, "show", "threads", "-p", self->pid, "--json", NULL), 0);
	ASSERT_EQ(self->show.out.n, 3);
	for (size_t i = 0; i < 3; i++) {
		line = self->show.out.lines[i];
		EXPECT_STREQ(json_str(line, "type"), "thread");
		if (json_int(line, "tid") == self->tid[0]) {
			found |= 1;
			EXPECT_STREQ(json_str(line, "state"), "holds");
			EXPECT_EQ(json_int(line, "units"), 2);
			ASSERT_EQ(json_len(line, "holds"), 1);
			EXPECT_EQ(json_int(line, "holds.0.count"), 2);
		} else if (json_int(line, "tid") == self->tid[2]) {
			found |= 2;
			EXPECT_STREQ(json_str(line, "state"), "holds");
			EXPECT_STREQ(json_str(line, "holds.0.site.symbol"), "first_request");
			EXPECT_EQ(json_int(line, "holds.0.site.line"), first);
		} else if (json_int(line, "tid") == self->tid[3]) {
			found |= 4;
			EXPECT_STREQ(json_str(line, "state"), "waits");
			EXPECT_EQ(json_len(line, "holds"), 0);
			EXPECT_EQ(json_int(line, "request.count"), 1);
			EXPECT_EQ(json_int(line, "request.site.line"), first);
			EXPECT_NE(json_len(line, "stack"), 0);
			EXPECT_NE(strstr(json_str(line, "doing"), "sleeping in futex("), NULL);
		}
	}
	EXPECT_EQ(found, 7);
}

TEST_F(views, a_deadlock)
{
	const char *line;

	for (int i = 1; i <= UNITS; i++)
		ASSERT_NE(workload__do(&self->program, "%d take", i), NULL);
	for (int i = 1; i <= UNITS; i++)
		ASSERT_NE(workload__do(&self->program, "%d ask", i), NULL);
	UNTIL_WAITERS(UNITS);
	EXPECT_STREQ(json_str(line, "state"), "DEADLOCK");
	EXPECT_EQ(json_int(line, "nested"), UNITS);
	EXPECT_EQ(json_int(line, "depth"), 2);
	EXPECT_EQ(json_int(line, "nesting_threads"), UNITS);
	EXPECT_EQ(json_int(line, "margin"), 0);
	EXPECT_EQ(json_int(line, "needed_capacity"), UNITS + 1);
	proc__free(&self->show);
	ASSERT_EQ(poolwatch__run(&self->show, "show", "threads", "-p", self->pid, "-o", "state", "--no-headings", NULL),
		  0);
	ASSERT_EQ(self->show.out.n, UNITS);
	for (size_t i = 0; i < UNITS; i++)
		EXPECT_STREQ(self->show.out.lines[i], "DEADLOCK");
}

TEST_F(views, batch)
{
	const char *line;

	DO("1 done 1", "1 take");
	DO("2 done 1", "2 take");
	ASSERT_EQ(poolwatch__run(&self->show, "top", "-b", "-n", "2", "-d", "0.1", "-p", self->pid, "--json", NULL), 0);
	ASSERT_EQ(self->show.out.n, 2);
	for (size_t i = 0; i < 2; i++) {
		bool seen = false;

		line = self->show.out.lines[i];
		EXPECT_STREQ(json_str(line, "type"), "sample");
		EXPECT_EQ(json_int(line, "interval_ns"), 100000000);
		/* of the sessions that run, one has the program */
		for (size_t s = 0; s < json_len(line, "sessions"); s++) {
			char path[64];

			snprintf(path, sizeof(path), "sessions.%zu.pools.0.in_use", s);
			if (!json_has(line, path))
				continue;
			seen = true;
			EXPECT_EQ(json_int(line, path), 2);
			snprintf(path, sizeof(path), "sessions.%zu.threads", s);
			EXPECT_EQ(json_len(line, path), 2);
		}
		EXPECT_TRUE(seen);
	}
}

/* With the module, what happened and what happens; without it, where to look instead. */
TEST_F(views, log)
{
	const char *mode = getenv("POOLWATCH_MODE"), *line;
	int first, next;

	DO("1 done 1", "1 take");
	DO("1 done 2", "1 take");
	ASSERT_EQ(sscanf(workload__do(&self->program, "sites") ?: "", "sites %d %d", &first, &next), 2);
	if (!mode || strcmp(mode, "device")) {
		ASSERT_EQ(poolwatch__run(&self->show, "log", "-p", self->pid, NULL), 1);
		ASSERT_EQ(self->show.err.n, 1);
		EXPECT_NE(strstr(self->show.err.lines[0], "the module is not loaded"), NULL);
		return;
	}
	ASSERT_EQ(poolwatch__start(&self->show, "log", "-f", "-p", self->pid, "--json", NULL), 0);
	line = proc__line(&self->show);
	ASSERT_NE(line, NULL);
	EXPECT_STREQ(json_str(line, "event"), "pool");
	line = proc__line(&self->show);
	ASSERT_NE(line, NULL);
	EXPECT_STREQ(json_str(line, "type"), "event");
	EXPECT_STREQ(json_str(line, "event"), "nested");
	EXPECT_STREQ(json_str(line, "pool"), "pool");
	EXPECT_EQ(json_int(line, "tid"), self->tid[0]);
	EXPECT_EQ(json_int(line, "held_site.line"), first);
	EXPECT_EQ(json_int(line, "site.line"), next);
	/* and what comes */
	DO("2 done 1", "2 take");
	line = proc__line(&self->show);
	ASSERT_NE(line, NULL);
	EXPECT_STREQ(json_str(line, "event"), "full");
	EXPECT_EQ(json_int(line, "tid"), self->tid[1]);
	EXPECT_EQ(proc__end(&self->show, SIGTERM), 128 + SIGTERM);
}

TEST_HARNESS_MAIN
