// SPDX-License-Identifier: GPL-2.0
/* poolwatch top -p on a real program: a deadlock forms, is opened down to both lines of code, and is over. */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "e2e.h"
#include "../term/vt.h"

#define UNITS	3
#define THREADS 4

FIXTURE(top)
{
	struct proc program;
	pid_t tid[THREADS], child;
	int master;
	struct vt vt;
};

FIXTURE_VARIANT(top)
{
	int lines, columns;
};
FIXTURE_VARIANT_ADD(top, small){ .lines = 24, .columns = 80 };
FIXTURE_VARIANT_ADD(top, large){ .lines = 50, .columns = 200 };

FIXTURE_SETUP(top)
{
	struct winsize size = { .ws_row = variant->lines, .ws_col = variant->columns };
	char pid[16];

	memset(self, 0, sizeof(*self));
	self->master = -1;
	ASSERT_EQ(workload__start(&self->program, "workload_own", UNITS), 0);
	ASSERT_EQ(workload__threads(&self->program, THREADS, self->tid), 0);
	snprintf(pid, sizeof(pid), "%d", self->program.pid);
	vt__init(&self->vt, variant->lines, variant->columns);
	self->child = forkpty(&self->master, NULL, NULL, &size);
	ASSERT_GE(self->child, 0);
	if (!self->child) {
		setenv("TERM", "xterm", 1);
		setenv("LC_ALL", "C.UTF-8", 1);
		execl(e2e__poolwatch(), "poolwatch", "top", "-p", pid, "-d", "0.1", "--acquire", "take_slot",
		      "--release", "put_slot", "--capacity", "3", NULL);
		_exit(127);
	}
}

FIXTURE_TEARDOWN(top)
{
	if (self->child > 0) {
		kill(self->child, SIGTERM);
		waitpid(self->child, NULL, 0);
	}
	if (self->master >= 0)
		close(self->master);
	proc__free(&self->program);
}

static bool read_more(int master, struct vt *vt)
{
	struct pollfd fd = { .fd = master, .events = POLLIN };
	char bytes[4096];
	ssize_t n;

	if (poll(&fd, 1, E2E_LIMIT * 1000) <= 0)
		return false;
	n = read(master, bytes, sizeof(bytes));
	if (n > 0)
		vt__feed(vt, bytes, n);
	return n > 0;
}

static bool await(int master, struct vt *vt, const char *text)
{
	while (!strstr(vt__screen(vt), text))
		if (!read_more(master, vt))
			return false;
	return true;
}

#define AWAIT(...) \
	do { \
		snprintf(text, sizeof(text), __VA_ARGS__); \
		ASSERT_TRUE(await(self->master, &self->vt, text)) \
		{ \
			TH_LOG("no '%s' on the screen:\n%s", text, vt__screen(&self->vt)); \
		} \
	} while (0)

static void type(int master, const char *keys)
{
	ssize_t n = write(master, keys, strlen(keys));

	(void)n;
}

TEST_F(top, a_real_deadlock)
{
	int first, next, status;
	char text[256];

	AWAIT("No pool has been used yet.");
	for (int i = 1; i <= UNITS; i++)
		ASSERT_NE(workload__do(&self->program, "%d take", i), NULL);
	AWAIT("full      pool         %7d [#########] 3/3     0", self->program.pid);
	for (int i = 1; i <= UNITS; i++)
		ASSERT_NE(workload__do(&self->program, "%d ask", i), NULL);
	AWAIT("DEADLOCK  pool         %7d [#########] 3/3     3", self->program.pid);
	AWAIT("nested in pool of workload_own[%d]: ", self->program.pid);
	AWAIT("deadlock in pool of workload_own[%d]: ", self->program.pid);
	ASSERT_EQ(sscanf(workload__do(&self->program, "sites") ?: "", "sites %d %d", &first, &next), 2);

	/* Down to both lines of code. */
	type(self->master, "\r");
	for (int i = 0; i < UNITS; i++)
		AWAIT("%7d workload_own DEADLOCK pool", self->tid[i]);
	AWAIT("next_request (");
	type(self->master, "\r");
	AWAIT("This thread is deadlocked.");
	AWAIT("      first_request (");
	AWAIT("workload.c:%d)", first);
	AWAIT("      next_request (");
	AWAIT("workload.c:%d)", next);
	type(self->master, "\033");
	AWAIT("TID THREAD ");
	type(self->master, "\033");
	AWAIT("POOL ");

	/* The program is killed: said, the last picture stays, and the finding has its end. */
	proc__end(&self->program, SIGKILL);
	AWAIT("has ended: this is the last picture");
	AWAIT("recovered after ");
	type(self->master, "q");
	while (read_more(self->master, &self->vt))
		;
	ASSERT_EQ(waitpid(self->child, &status, 0), self->child);
	self->child = 0;
	EXPECT_EQ(status, 0);
	EXPECT_FALSE(self->vt.alternate);
	EXPECT_STREQ(self->vt.unknown, "");
}

TEST_HARNESS_MAIN
