// SPDX-License-Identifier: GPL-2.0
/* Loaders that are killed: their sessions end, their probes go, and the module can be removed. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include "kselftest_harness.h"
#include "device.h"

__attribute__((noinline)) void called(void)
{
	asm volatile("");
}

static bool attach(struct driver *d, pid_t target)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .func_name = "called");

	d->skel->bss->watched = target;
	d->skel->links.on_exit = bpf_program__attach(d->skel->progs.on_exit);
	d->skel->links.on_call = bpf_program__attach_uprobe_opts(d->skel->progs.on_call, target, "/proc/self/exe", 0, &opts);
	return d->skel->links.on_exit && d->skel->links.on_call;
}

/*
 * Start a loader in a child that has bound @tables tables and is attached to @target, if that is not 0; its session in
 * *@session. Once nobody has the pipe @go open for writing (NULL: at once), it emits without a pause, for ever.
 */
static pid_t start_loader(uint32_t tables, pid_t target, const int *go, uint32_t *session)
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (!pid) {
		struct driver d;

		if (driver__open(&d, false))
			_exit(1);
		for (uint32_t table = 0; table < tables; table++)
			if (driver__bind(&d, d.session, table, table))
				_exit(2);
		if (target && !attach(&d, target))
			_exit(3);
		if (write(ready[1], &d.session, sizeof(d.session)) != sizeof(d.session))
			_exit(4);
		if (go && (close(go[1]) || read(go[0], &c, 1)))
			_exit(5);
		for (uint64_t i = 0;; i++)
			driver__emit_many(&d, i, 1);
	}
	close(ready[1]);
	if (read(ready[0], session, sizeof(*session)) != sizeof(*session))
		pid = -1;
	close(ready[0]);
	return pid;
}

TEST(a_loader_that_is_killed_ends_its_session)
{
	struct poolwatch_info info = { 0 };
	uint32_t session;

	ASSERT_EQ(module__load(MODULE, "max_sessions=1"), 0);
	/* Killed before it bound anything, in the middle, and when all was bound. */
	for (uint32_t tables = 0; tables <= POOLWATCH_TABLES; tables += 3) {
		struct poolwatch_def room[4];
		struct poolwatch_snapshot s = { .buf = (uintptr_t)room, .len = sizeof(room) };
		int fd = open(DEVICE, O_RDONLY);
		pid_t pid = start_loader(tables, 0, NULL, &session);

		ASSERT_GT(pid, 0);
		EXPECT_EQ(device__snapshot(fd, &s), tables ? 0 : -ENODATA);
		EXPECT_EQ(open(DEVICE, O_RDWR), -1);
		EXPECT_EQ(errno, EBUSY);
		kill(pid, SIGKILL);
		ASSERT_EQ(waitpid(pid, NULL, 0), pid);
		s.session = session;
		EXPECT_EQ(device__snapshot(fd, &s), -ENOENT);
		ASSERT_EQ(device__info(fd, &info), 0);
		EXPECT_EQ(info.sessions, 0);
		EXPECT_EQ(info.emitted, info.next);
		close(fd);
	}
	EXPECT_EQ(module__unload_wait(), 0);
}

/* A thread that copies a table without a pause, until it is told to end. */
struct copier {
	int fd;
	pthread_t thread;
	_Atomic bool stop;
	_Atomic uint64_t calls;
};

static void *copy(void *arg)
{
	struct copier *c = arg;
	struct poolwatch_pool room[10];

	for (; !c->stop; c->calls++) {
		struct poolwatch_snapshot s = { .table = POOLWATCH_POOLS, .buf = (uintptr_t)room, .len = sizeof(room) };

		device__snapshot(c->fd, &s);
	}
	return NULL;
}

TEST(a_session_may_be_ended_while_it_is_copied)
{
	struct copier c = { 0 };
	uint32_t session;

	ASSERT_EQ(module__load(MODULE, ""), 0);
	c.fd = open(DEVICE, O_RDONLY);
	ASSERT_EQ(pthread_create(&c.thread, NULL, copy, &c), 0);
	for (int i = 0; i < 5; i++) {
		pid_t pid = start_loader(POOLWATCH_TABLES, 0, NULL, &session);
		uint64_t calls = c.calls;

		ASSERT_GT(pid, 0);
		while (c.calls < calls + 50)
			sched_yield();
		kill(pid, SIGKILL);
		ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	}
	c.stop = true;
	ASSERT_EQ(pthread_join(c.thread, NULL), 0);
	close(c.fd);
	EXPECT_EQ(module__unload_wait(), 0);
}

static int read_all(void *arg)
{
	struct poolwatch_event e;
	int fd = open(DEVICE, O_RDONLY | O_NONBLOCK);

	while (event__read(fd, &e) > 0)
		;
	return 0;
}

/* For its time limit only. */
FIXTURE(cycles)
{
};

FIXTURE_SETUP(cycles)
{
}

FIXTURE_TEARDOWN(cycles)
{
}

/*
 * Load, attach, emit, kill, unload, over and over: the loader dies with its probes in place and in the middle of an
 * emit, and it is the kernel that detaches them. POOLWATCH_CYCLES says how often.
 */
TEST_F_TIMEOUT(cycles, load_attach_kill_unload, 14400)
{
	const char *wanted = getenv("POOLWATCH_CYCLES");
	struct poolwatch_event e;
	uint32_t session;
	struct driver d;
	pid_t pid;

	/* What libbpf finds out about the kernel, once for all the children. */
	ASSERT_EQ(module__load(MODULE, ""), 0);
	ASSERT_EQ(driver__open(&d, false), 0);
	driver__close(&d);
	ASSERT_EQ(module__unload_wait(), 0);

	for (int left = wanted ? atoi(wanted) : 5; left; left--) {
		struct poolwatch_info info = { 0 };
		int go[2], own;

		if (left % 25 == 0)
			TH_LOG("%d cycles left", left);
		ASSERT_EQ(module__load(MODULE, "ring_kb=4"), 0);
		own = open(DEVICE, O_RDWR | O_NONBLOCK);
		ASSERT_GE(own, 0);
		ASSERT_EQ(pipe(go), 0);
		pid = start_loader(left % (POOLWATCH_TABLES + 1), getpid(), go, &session);
		ASSERT_GT(pid, 0);
		for (int i = 0; i < 10; i++)
			called();
		for (int i = 0; i < 10; i++) {
			ASSERT_EQ(event__read(own, &e), sizeof(e));
			EXPECT_EQ(e.type, POOLWATCH_EV_NESTED);
			EXPECT_EQ(e.tid, getpid());
			EXPECT_EQ(e.session, session);
		}
		EXPECT_EQ(event__read(own, &e), -EAGAIN);
		close(go[0]);
		close(go[1]);
		EXPECT_EQ(as_user(ALICE, true, read_all, NULL), 0);
		kill(pid, SIGKILL);
		ASSERT_EQ(waitpid(pid, NULL, 0), pid);
		ASSERT_EQ(device__info(own, &info), 0);
		EXPECT_EQ(info.sessions, 1);
		close(own);
		ASSERT_EQ(module__unload_wait(), 0);
	}
}

TEST_HARNESS_MAIN
