// SPDX-License-Identifier: GPL-2.0
/* The kernel functions: every documented error, and emit from each kind of program that may call it. */
#include <sys/wait.h>
#include "kselftest_harness.h"
#include "device.h"

FIXTURE(kfuncs)
{
	struct driver d;
};

FIXTURE_SETUP(kfuncs)
{
	ASSERT_EQ(module__load(MODULE, ""), 0);
	ASSERT_EQ(driver__open(&self->d, false), 0);
}

FIXTURE_TEARDOWN(kfuncs)
{
	driver__close(&self->d);
	EXPECT_EQ(module__unload_wait(), 0);
}

static struct poolwatch_info info_of(int fd)
{
	struct poolwatch_info info = { 0 };

	device__info(fd, &info);
	return info;
}

TEST_F(kfuncs, bind_takes_each_table_once)
{
	for (uint32_t table = 0; table < POOLWATCH_TABLES; table++) {
		EXPECT_EQ(driver__bind(&self->d, self->d.session, table, table), 0);
		EXPECT_EQ(driver__bind(&self->d, self->d.session, table, table), -EBUSY);
	}
}

TEST_F(kfuncs, bind_refuses_what_is_no_table)
{
	uint32_t s = self->d.session;

	EXPECT_EQ(driver__bind(&self->d, s, POOLWATCH_TABLES, POOLWATCH_POOLS), -EINVAL);
	EXPECT_EQ(driver__bind(&self->d, s, ~0u, POOLWATCH_POOLS), -EINVAL);
	EXPECT_EQ(driver__bind(&self->d, s, POOLWATCH_POOLS, POOLWATCH_THREADS), -EINVAL);
	EXPECT_EQ(driver__bind(&self->d, s, POOLWATCH_COUNTERS, POOLWATCH_POOLS), -EINVAL);
	EXPECT_EQ(driver__bind(&self->d, s, POOLWATCH_POOLS, DRIVER_MAP_HASH), -EINVAL);
	EXPECT_EQ(driver__bind(&self->d, s, POOLWATCH_COUNTERS, DRIVER_MAP_LOCK), -EINVAL);
	EXPECT_EQ(driver__bind(&self->d, s, POOLWATCH_COUNTERS, POOLWATCH_COUNTERS), 0);
}

TEST_F(kfuncs, bind_refuses_a_session_that_is_not)
{
	EXPECT_EQ(driver__bind(&self->d, 0, POOLWATCH_POOLS, POOLWATCH_POOLS), -ENOENT);
	EXPECT_EQ(driver__bind(&self->d, self->d.session + 1, POOLWATCH_POOLS, POOLWATCH_POOLS), -ENOENT);
	EXPECT_EQ(driver__bind(&self->d, self->d.session + 0x10000, POOLWATCH_POOLS, POOLWATCH_POOLS), -ENOENT);
	close(self->d.fd);
	self->d.fd = -1;
	EXPECT_EQ(driver__bind(&self->d, self->d.session, POOLWATCH_POOLS, POOLWATCH_POOLS), -ENOENT);
}

TEST_F(kfuncs, bind_refuses_another_process)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(driver__bind(&self->d, self->d.session, POOLWATCH_POOLS, POOLWATCH_POOLS) != -EPERM);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(driver__bind(&self->d, self->d.session, POOLWATCH_POOLS, POOLWATCH_POOLS), 0);
}

TEST_F(kfuncs, emit_refuses_what_is_no_event)
{
	struct driver_event good = { .event = event__of(0, 1) }, bad;
	uint32_t s = self->d.session, size = sizeof(good.event);
	int refused = 0;

	for (uint32_t len = 0; len <= sizeof(good); len++)
		if (len != size)
			refused += driver__emit_sized(&self->d, &good, len, s) == -EINVAL;
	EXPECT_EQ(refused, sizeof(good));
	bad = good, bad.event.size--;
	EXPECT_EQ(driver__emit_sized(&self->d, &bad, size, s), -EINVAL);
	bad = good, bad.event.type = 0;
	EXPECT_EQ(driver__emit_sized(&self->d, &bad, size, s), -EINVAL);
	bad = good, bad.event.pad = 1;
	EXPECT_EQ(driver__emit_sized(&self->d, &bad, size, s), -EINVAL);
	EXPECT_EQ(driver__emit_sized(&self->d, &good, size, 0), -ENOENT);
	EXPECT_EQ(driver__emit_sized(&self->d, &good, size, s + 1), -ENOENT);
	EXPECT_EQ(driver__emit_sized(&self->d, &good, size, s + 0x10000), -ENOENT);
	EXPECT_EQ(info_of(self->d.fd).drop_invalid, refused + 6);
	EXPECT_EQ(info_of(self->d.fd).next, 0);
	EXPECT_EQ(driver__emit_sized(&self->d, &good, size, s), 0);
	EXPECT_EQ(info_of(self->d.fd).next, 1);
}

TEST_F(kfuncs, emit_ends_with_the_session)
{
	struct poolwatch_event e = event__of(POOLWATCH_UID_ALL, 5);
	int fd = open(DEVICE, O_RDONLY | O_NONBLOCK);

	ASSERT_EQ(driver__emit(&self->d, &e), 0);
	close(self->d.fd);
	self->d.fd = -1;
	EXPECT_EQ(driver__emit(&self->d, &e), -ENOENT);
	EXPECT_EQ(event__read(fd, &e), sizeof(e));
	EXPECT_EQ(event__read(fd, &e), -EAGAIN);
	close(fd);
}

__attribute__((noinline)) void called(void)
{
	asm volatile("");
}

TEST_F(kfuncs, emit_from_a_uprobe)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .func_name = "called");
	struct poolwatch_event e;
	int fd = open(DEVICE, O_RDONLY | O_NONBLOCK);

	self->d.skel->bss->watched = getpid();
	self->d.skel->links.on_call =
		bpf_program__attach_uprobe_opts(self->d.skel->progs.on_call, getpid(), "/proc/self/exe", 0, &opts);
	ASSERT_NE(self->d.skel->links.on_call, NULL);
	for (int i = 0; i < 1000; i++)
		called();
	for (int i = 0; i < 1000; i++) {
		ASSERT_EQ(event__read(fd, &e), sizeof(e));
		EXPECT_EQ(e.seq, i);
		EXPECT_EQ(e.type, POOLWATCH_EV_NESTED);
		EXPECT_EQ(e.tgid, getpid());
		EXPECT_EQ(e.session, self->d.session);
	}
	EXPECT_EQ(event__read(fd, &e), -EAGAIN);
	close(fd);
}

TEST_F(kfuncs, emit_from_the_exit_of_a_process)
{
	struct poolwatch_event e;
	int fd = open(DEVICE, O_RDONLY), go[2];
	pid_t pid;
	char c;

	ASSERT_EQ(pipe(go), 0);
	pid = fork();
	if (!pid) {
		close(go[1]);
		if (read(go[0], &c, 1)) /* until told: the end of the pipe */
			_exit(1);
		_exit(0);
	}
	self->d.skel->bss->watched = pid;
	self->d.skel->links.on_exit = bpf_program__attach(self->d.skel->progs.on_exit);
	ASSERT_NE(self->d.skel->links.on_exit, NULL);
	close(go[1]);
	close(go[0]);
	ASSERT_EQ(event__read(fd, &e), sizeof(e));
	EXPECT_EQ(e.type, POOLWATCH_EV_PROC_EXIT);
	EXPECT_EQ(e.tid, pid);
	EXPECT_EQ(waitpid(pid, NULL, 0), pid);
	close(fd);
}

/* The same with a program that is attached to what poolwatch_emit calls. */
FIXTURE(inside)
{
	struct driver d;
};

FIXTURE_SETUP(inside)
{
	ASSERT_EQ(module__load(MODULE, ""), 0);
	ASSERT_EQ(driver__open(&self->d, true), 0);
}

FIXTURE_TEARDOWN(inside)
{
	driver__close(&self->d);
	EXPECT_EQ(module__unload_wait(), 0);
}

TEST_F(inside, emit_from_within_is_refused_and_counted)
{
	struct poolwatch_event e = event__of(POOLWATCH_UID_ALL, 5);
	struct driver_bpf__bss *bss = self->d.skel->bss;
	struct poolwatch_info info;

	self->d.skel->links.on_lock = bpf_program__attach(self->d.skel->progs.on_lock);
	ASSERT_NE(self->d.skel->links.on_lock, NULL);
	bss->watched = getpid();
	for (int i = 0; i < 10; i++)
		ASSERT_EQ(driver__emit(&self->d, &e), 0);
	bss->watched = 0;
	info = info_of(self->d.fd);
	EXPECT_GE(bss->refused, 10);
	EXPECT_EQ(bss->last_error, -EBUSY);
	EXPECT_EQ(info.drop_busy, bss->refused);
	EXPECT_EQ(info.next, 10 + bss->emitted);
	EXPECT_EQ(info.drop_invalid, 0);
}

TEST_HARNESS_MAIN
