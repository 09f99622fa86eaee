// SPDX-License-Identifier: GPL-2.0
/* Who is watched: processes that come, go, become others, map their libraries late; what is remembered of what was told. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "findings.h"
#include "procs.h"
#include "roster.h"
#include "told.h"

#define MS 1000000ull

/* A child that sleeps, as another program if @name is given: a link to /bin/sleep, so that its path is ours alone. */
static char dir[] = "/tmp/poolwatch-roster-XXXXXX";
static char one[64], two[64];

static void link_programs(void)
{
	char cmd[200];

	if (one[0])
		return;
	if (!mkdtemp(dir))
		abort();
	snprintf(one, sizeof(one), "%s/one", dir);
	snprintf(two, sizeof(two), "%s/two", dir);
	snprintf(cmd, sizeof(cmd), "cp /bin/sleep %s && cp /bin/sleep %s", one, two);
	if (system(cmd))
		abort();
}

/* Runs @exe when the call returns: the pipe's other end closes at exec. */
static pid_t start(const char *exe)
{
	int p[2];
	char c;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC))
		abort();
	pid = fork();
	if (!pid) {
		execl(exe, exe, "1000", NULL);
		_exit(1);
	}
	close(p[1]);
	if (read(p[0], &c, 1))
		abort();
	close(p[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* What the roster does, in letters: "+0:PID" is added to group 0. Matching: "one" is group 0, "two" group 1. */
static char done[400];
static int add_result;
static const char *first, *second;

static int match(void *ctx, const struct procs_facts *f)
{
	return !strcmp(f->exe, first) ? 0 : !strcmp(f->exe, second) ? 1 : -1;
}

static int add(void *ctx, int group, uint32_t pid)
{
	snprintf(done + strlen(done), sizeof(done) - strlen(done), "+%d:%u ", group, pid);
	return add_result;
}

static void drop(void *ctx, int group, uint32_t pid)
{
	snprintf(done + strlen(done), sizeof(done) - strlen(done), "-%d:%u ", group, pid);
}

static const struct roster_ops ops = { match, add, drop };

#define DID(...)                                                    \
	do {                                                        \
		char expected_[200];                                \
		snprintf(expected_, sizeof(expected_), __VA_ARGS__); \
		EXPECT_STREQ(expected_, done);                      \
		done[0] = '\0';                                     \
	} while (0)

FIXTURE(roster)
{
	struct roster *r;
	pid_t a, b;
};

FIXTURE_SETUP(roster)
{
	link_programs();
	first = one;
	second = two;
	add_result = 0;
	done[0] = '\0';
	self->a = self->b = 0;
	ASSERT_EQ(0, roster__new(&ops, NULL, &self->r));
}

FIXTURE_TEARDOWN(roster)
{
	char cmd[100];

	if (self->a)
		end(self->a);
	if (self->b)
		end(self->b);
	roster__free(self->r);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	EXPECT_EQ(0, system(cmd));
}

TEST_F(roster, present_and_future)
{
	self->a = start(one);
	ASSERT_EQ(0, roster__scan(self->r, 1));
	DID("+0:%d ", self->a);
	EXPECT_EQ(1, roster__count(self->r, ROSTER_WATCHED));
	EXPECT_LT(0, roster__start(self->r, self->a));
	self->b = start(two);
	ASSERT_EQ(0, roster__scan(self->r, 2));
	DID("+1:%d ", self->b);
	ASSERT_EQ(0, roster__scan(self->r, 3));
	DID("%s", "");
	end(self->b);
	ASSERT_EQ(0, roster__scan(self->r, 4));
	self->b = 0;
	EXPECT_EQ(1, roster__count(self->r, ROSTER_WATCHED));
	EXPECT_EQ(UINT64_MAX, roster__deadline(self->r));
}

TEST_F(roster, libraries_come_late)
{
	self->a = start(one);
	add_result = -ENOENT;
	ASSERT_EQ(0, roster__scan(self->r, 1000 * MS));
	DID("+0:%d ", self->a);
	EXPECT_EQ(1020 * MS, roster__deadline(self->r));
	roster__step(self->r, 1019 * MS);
	DID("%s", "");
	roster__step(self->r, 1020 * MS);
	DID("+0:%d ", self->a);
	EXPECT_EQ(1045 * MS, roster__deadline(self->r));
	ASSERT_EQ(0, roster__scan(self->r, 1030 * MS));
	DID("%s", "");
	add_result = 0;
	roster__step(self->r, 1045 * MS);
	DID("+0:%d ", self->a);
	EXPECT_EQ(UINT64_MAX, roster__deadline(self->r));
	EXPECT_EQ(1, roster__count(self->r, ROSTER_WATCHED));
}

/* However late they come, they are seen before another quarter of that time has passed, and looked for a few dozen times. */
TEST_F(roster, libraries_come_very_late)
{
	uint64_t now = 1000 * MS;
	int tries = 1;

	self->a = start(one);
	add_result = -ENOENT;
	ASSERT_EQ(0, roster__scan(self->r, now));
	while (now < 600000 * MS) {
		uint64_t next = roster__deadline(self->r);

		EXPECT_LE(next - now, 20 * MS + (now - 1000 * MS) / 4);
		EXPECT_LE(next - now, 300000 * MS);
		now = next;
		roster__step(self->r, now);
		done[0] = '\0';
		tries++;
	}
	EXPECT_LT(tries, 60);
}

/* Its number was another's, whose watch has not ended yet: it is tried again, and that end is not its own. */
TEST_F(roster, right_after_one_of_its_number)
{
	self->a = start(one);
	add_result = -EAGAIN;
	ASSERT_EQ(0, roster__scan(self->r, 1000 * MS));
	DID("+0:%d ", self->a);
	roster__gone(self->r, self->a);
	EXPECT_EQ(1020 * MS, roster__deadline(self->r));
	add_result = 0;
	roster__step(self->r, 1020 * MS);
	DID("+0:%d ", self->a);
	EXPECT_EQ(1, roster__count(self->r, ROSTER_WATCHED));
	roster__gone(self->r, self->a);
	EXPECT_EQ(0, roster__count(self->r, ROSTER_WATCHED));
}

TEST_F(roster, refused_is_not_tried_again)
{
	self->a = start(one);
	add_result = -EACCES;
	ASSERT_EQ(0, roster__scan(self->r, 1));
	DID("+0:%d ", self->a);
	ASSERT_EQ(0, roster__scan(self->r, 2));
	roster__step(self->r, 1000000 * MS);
	DID("%s", "");
	EXPECT_EQ(1, roster__count(self->r, ROSTER_REFUSED));
}

TEST_F(roster, another_program)
{
	int events = procs_events__open(), p[2];
	uint32_t pid = 0;
	pid_t child;

	ASSERT_LE(0, events);
	ASSERT_EQ(0, pipe2(p, O_CLOEXEC));
	/* one, which becomes two when it is told to */
	child = fork();
	if (!child) {
		char script[200];

		snprintf(script, sizeof(script), "%s 0; read x; exec %s 1000", one, two);
		dup2(p[0], 0);
		execl("/bin/sh", "sh", "-c", script, NULL);
		_exit(1);
	}
	self->a = child;
	first = "/bin/nothing";
	ASSERT_EQ(0, roster__scan(self->r, 1));
	DID("%s", "");
	ASSERT_EQ(1, write(p[1], "\n", 1));
	/* The kernel says when; the roster finds out what. */
	do {
		struct pollfd pf = { .fd = events, .events = POLLIN };

		poll(&pf, 1, -1);
		while (procs_events__next(events, &pid) == 1)
			if ((pid_t)pid == child)
				ASSERT_EQ(0, roster__look(self->r, pid, 2));
	} while (!done[0]);
	DID("+1:%d ", child);
	close(events);
}

TEST_F(roster, gone_and_back)
{
	self->a = start(one);
	ASSERT_EQ(0, roster__scan(self->r, 1));
	DID("+0:%d ", self->a);
	roster__gone(self->r, self->a);
	EXPECT_EQ(0, roster__count(self->r, ROSTER_WATCHED));
	ASSERT_EQ(0, roster__scan(self->r, 1000000 * MS));
	DID("+0:%d ", self->a);
}

TEST_F(roster, regrouped)
{
	self->a = start(one);
	self->b = start(two);
	ASSERT_EQ(0, roster__scan(self->r, 1));
	done[0] = '\0';
	/* Numbers change places, nobody moves. */
	first = two;
	second = one;
	ASSERT_EQ(0, roster__regroup(self->r, (const int[]){ 1, 0 }, 2, 1000000 * MS));
	DID("%s", "");
	EXPECT_EQ(2, roster__count(self->r, ROSTER_WATCHED));
	/* Group 1 ends: its process is taken up by whoever means it now. */
	first = one;
	second = "/nothing";
	ASSERT_EQ(0, roster__regroup(self->r, (const int[]){ 1, -1 }, 2, 1000000 * MS));
	EXPECT_EQ(1, roster__count(self->r, ROSTER_WATCHED));
	/* Nobody is meant any more. */
	done[0] = '\0';
	first = "/nothing";
	ASSERT_EQ(0, roster__regroup(self->r, (const int[]){ 0, 1 }, 2, 1000000 * MS));
	DID("-0:%d ", self->a);
	EXPECT_EQ(0, roster__count(self->r, ROSTER_WATCHED));
}

TEST(ourselves)
{
	struct procs_facts f;
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	exe[n] = '\0';
	ASSERT_EQ(0, procs__facts(getpid(), &f));
	EXPECT_STREQ(exe, f.exe);
	EXPECT_EQ(geteuid(), f.uid);
	EXPECT_EQ('/', f.cgroup[0] ?: '/');
	EXPECT_EQ(-ENOENT, procs__identify(2, &f.id)); /* kthreadd */
	EXPECT_EQ(-ESRCH, procs__identify(1 << 22, &f.id));
}

/* --- what was told */

TEST(told)
{
	struct finding f = four_deadlocked(), stall = f, nested = f, other;
	char path[] = "/tmp/poolwatch-told-XXXXXX";
	struct told *t, *second_one;
	struct finding_hold hold = f.threads[0].holds[0];
	struct finding_thread thread = f.threads[0];

	close(mkstemp(path));
	stall.kind = FINDING_STALL;
	nested.kind = FINDING_NESTED;
	ASSERT_EQ(0, told__open(path, 0, 100, &t));
	EXPECT_EQ(-EBUSY, told__open(path, 0, 100, &second_one));
	/* One daemon's own findings are never old: whether to repeat them is the judge's business. */
	for (int i = 0; i < 2; i++) {
		EXPECT_FALSE(told__is_old(t, &f, 77, 1));
		EXPECT_FALSE(told__is_old(t, &nested, 77, 1));
	}
	told__close(t);

	ASSERT_EQ(0, told__open(path, 1000, 100, &t));
	EXPECT_TRUE(told__is_old(t, &nested, 77, 1001));
	/* Another process with that number, or one whose start is not known. */
	EXPECT_FALSE(told__is_old(t, &nested, 78, 1001));
	EXPECT_FALSE(told__is_old(t, &nested, 0, 1001));
	/* Another place in the code. */
	other = nested;
	hold.site.offset++;
	thread.holds = &hold;
	other.threads = &thread;
	EXPECT_FALSE(told__is_old(t, &other, 77, 1001));
	/* A proven deadlock is always new; what is left of the old one looks like a stall, for a while. */
	EXPECT_FALSE(told__is_old(t, &f, 77, 1001));
	told__close(t);
	ASSERT_EQ(0, told__open(path, 2000, 100, &t));
	EXPECT_TRUE(told__is_old(t, &stall, 77, 2099));
	EXPECT_FALSE(told__is_old(t, &stall, 77, 2100));
	/* Repeats and ends pass; an end is remembered. */
	nested.event = FINDING_REPEATED;
	EXPECT_FALSE(told__is_old(t, &nested, 77, 2100));
	nested.event = FINDING_RECOVERED;
	EXPECT_FALSE(told__is_old(t, &nested, 77, 2100));
	nested.event = FINDING_NEW;
	EXPECT_FALSE(told__is_old(t, &nested, 77, 2100));
	/* More than there is room for: the oldest go. */
	for (uint32_t i = 0; i < 5000; i++) {
		nested.pid = 10000 + i;
		EXPECT_FALSE(told__is_old(t, &nested, 77, 2100));
	}
	told__close(t);
	ASSERT_EQ(0, told__open(path, 3000, 100, &t));
	nested.pid = 10000 + 4999;
	EXPECT_TRUE(told__is_old(t, &nested, 77, 3000));
	nested.pid = 10000;
	EXPECT_FALSE(told__is_old(t, &nested, 77, 3000));
	told__close(t);
	unlink(path);
}

TEST_HARNESS_MAIN
