// SPDX-License-Identifier: GPL-2.0
/* Loading, unloading, and whoever is in the way of it; signals; a module without BTF. Who loads programs and dies: test_loaders.c. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/userfaultfd.h>
#include "kselftest_harness.h"
#include "device.h"

TEST(parameters_out_of_bounds)
{
	static const char *const bad[] = { "ring_kb=3", "ring_kb=65537", "ring_kb=0", "ring_kb=-1", "ring_kb=x",
					   "max_sessions=0", "max_sessions=65" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		EXPECT_EQ(module__load(MODULE, bad[i]), -EINVAL);
	EXPECT_EQ(module__load(MODULE, "ring_kb=65536 max_sessions=64"), 0);
	EXPECT_EQ(module__load(MODULE, ""), -EEXIST);
	EXPECT_EQ(module__unload(), 0);
	EXPECT_EQ(access(DEVICE, F_OK), -1);
	EXPECT_EQ(module__unload(), -ENOENT);
}

TEST(a_module_without_btf_says_so)
{
	struct poolwatch_info info = { 0 };
	struct driver d;
	int fd;

	ASSERT_EQ(module__load(MODULE_NO_BTF, ""), 0);
	fd = open(DEVICE, O_RDONLY);
	ASSERT_EQ(device__info(fd, &info), 0);
	EXPECT_EQ(info.features, 0);
	EXPECT_EQ(info.abi_major, POOLWATCH_ABI_MAJOR);
	close(fd);
	/* The weak functions do not resolve; the programs load all the same. */
	ASSERT_EQ(driver__open(&d, false), 0);
	EXPECT_EQ(driver__bind_all(&d), -DRIVER_ENOSYS);
	EXPECT_EQ(driver__emit_sized(&d, &info, sizeof(struct poolwatch_event), d.session), -DRIVER_ENOSYS);
	driver__close(&d);
	EXPECT_EQ(module__unload(), 0); /* no program held it */
}

/* A thread in a call on the device, until it is told to end. */
struct user {
	int fd;
	pthread_t thread;
	_Atomic pid_t tid; /* once it is about to call */
	_Atomic bool stop;
	_Atomic uint64_t calls;
	struct poolwatch_snapshot *snapshot; /* in_snapshot's */
	int last;
};

static void *in_read(void *arg)
{
	struct user *u = arg;
	struct poolwatch_event e;

	u->tid = gettid();
	u->last = event__read(u->fd, &e);
	return NULL;
}

static void *in_poll(void *arg)
{
	struct user *u = arg;
	struct pollfd p = { .fd = u->fd, .events = POLLIN };

	u->tid = gettid();
	u->last = poll(&p, 1, -1);
	return NULL;
}

static void *in_ioctl(void *arg)
{
	struct user *u = arg;
	struct poolwatch_pool room[10];

	while (!u->stop) {
		struct poolwatch_snapshot s = { .table = POOLWATCH_POOLS, .buf = (uintptr_t)room, .len = sizeof(room) };
		struct poolwatch_info info = { 0 };

		u->last = device__snapshot(u->fd, &s) ?: device__info(u->fd, &info);
		mmap(NULL, 4096, PROT_READ, MAP_SHARED, u->fd, 0);
		u->calls++;
	}
	return NULL;
}

/* Wait until the thread sleeps in its call, by what /proc says of it. */
static void until_asleep(const struct user *u)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", u->tid);
	do {
		line[0] = 0;
		f = fopen(path, "r");
		if (f && !fgets(line, sizeof(line), f))
			line[0] = 0;
		if (f)
			fclose(f);
	} while (!strstr(line, ") S "));
}

TEST(unload_is_refused_while_the_device_is_in_use)
{
	static void *(*const in[])(void *) = { in_read, in_poll, in_ioctl };
	struct user user[3] = { 0 };
	struct driver d;

	ASSERT_EQ(module__load(MODULE, ""), 0);
	ASSERT_EQ(driver__open(&d, false), 0);
	ASSERT_EQ(driver__bind_all(&d), 0);
	for (int i = 0; i < 3; i++) {
		user[i].fd = open(DEVICE, O_RDONLY);
		ASSERT_EQ(pthread_create(&user[i].thread, NULL, in[i], &user[i]), 0);
		while (!(i < 2 ? user[i].tid : (pid_t)user[i].calls))
			sched_yield();
	}
	until_asleep(&user[0]);
	until_asleep(&user[1]);
	EXPECT_EQ(module__unload(), -EWOULDBLOCK);
	for (uint64_t calls = user[2].calls; user[2].calls < calls + 100;)
		EXPECT_EQ(module__unload(), -EWOULDBLOCK);

	/* Nothing changed for those who wait: an event still reaches them. */
	ASSERT_EQ(driver__emit_many(&d, 0, 1), 1);
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(pthread_join(user[i].thread, NULL), 0);
	EXPECT_EQ(user[0].last, sizeof(struct poolwatch_event));
	EXPECT_EQ(user[1].last, 1);
	user[2].stop = true;
	ASSERT_EQ(pthread_join(user[2].thread, NULL), 0);
	EXPECT_EQ(user[2].last, 0);

	/* The files gone, the programs still hold it; then nothing does. */
	for (int i = 0; i < 3; i++)
		close(user[i].fd);
	close(d.fd);
	d.fd = -1;
	EXPECT_EQ(module__unload(), -EWOULDBLOCK);
	driver__close(&d);
	EXPECT_EQ(module__unload_wait(), 0);
	EXPECT_EQ(access(DEVICE, F_OK), -1);
}

static void on_signal(int sig)
{
}

TEST(a_signal_interrupts_who_waits_and_costs_no_event)
{
	static void *(*const in[])(void *) = { in_poll, in_read };
	struct sigaction action = { .sa_handler = on_signal }; /* without SA_RESTART */
	struct poolwatch_event e;
	struct driver d;

	ASSERT_EQ(module__load(MODULE, ""), 0);
	ASSERT_EQ(driver__open(&d, false), 0);
	ASSERT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	for (int i = 0; i < 2; i++) {
		struct user u = { .fd = open(DEVICE, O_RDONLY) };

		ASSERT_EQ(pthread_create(&u.thread, NULL, in[i], &u), 0);
		while (!u.tid)
			sched_yield();
		until_asleep(&u);
		ASSERT_EQ(pthread_kill(u.thread, SIGUSR1), 0);
		ASSERT_EQ(pthread_join(u.thread, NULL), 0);
		EXPECT_EQ(u.last, i ? -EINTR : -1);
		if (i) {
			ASSERT_EQ(driver__emit_many(&d, 7, 1), 1);
			ASSERT_EQ(event__read(u.fd, &e), sizeof(e));
			EXPECT_EQ(e.value, 7);
		}
		close(u.fd);
	}
	driver__close(&d);
	EXPECT_EQ(module__unload_wait(), 0);
}

static void *in_snapshot(void *arg)
{
	struct user *u = arg;

	u->tid = gettid();
	u->last = device__snapshot(u->fd, u->snapshot);
	return NULL;
}

/* One page of memory that is not there until somebody gives it: who writes to it waits. Return: its address. */
static void *absent_page(int *uffd)
{
	size_t size = sysconf(_SC_PAGESIZE);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	range.range = (struct uffdio_range){ (uintptr_t)page, size };
	*uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (page == MAP_FAILED || *uffd < 0 || ioctl(*uffd, UFFDIO_API, &api) || ioctl(*uffd, UFFDIO_REGISTER, &range))
		return NULL;
	return page;
}

TEST(a_signal_interrupts_who_waits_for_the_snapshot_of_another_thread)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct poolwatch_counter record = { .head.id = 1 }, own[2] = { 0 }, *page;
	struct poolwatch_snapshot slow = { .table = POOLWATCH_COUNTERS, .len = sizeof(record) }, quick = slow, before;
	struct user first = { .snapshot = &slow }, second = { .snapshot = &quick };
	struct uffdio_zeropage give = { 0 };
	struct uffd_msg fault;
	struct driver d;
	int uffd;

	ASSERT_EQ(module__load(MODULE, ""), 0);
	ASSERT_EQ(driver__open(&d, false), 0);
	ASSERT_EQ(driver__bind_all(&d), 0);
	ASSERT_EQ(driver__put(&d, POOLWATCH_COUNTERS, 3, &record), 0);
	ASSERT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	page = absent_page(&uffd);
	ASSERT_NE(page, NULL);
	slow.buf = (uintptr_t)page;
	quick.buf = (uintptr_t)own;
	before = quick;
	first.fd = second.fd = open(DEVICE, O_RDONLY);

	/* The first is in the middle of its copy, the second wants the same file's buffer. */
	ASSERT_EQ(pthread_create(&first.thread, NULL, in_snapshot, &first), 0);
	ASSERT_EQ(read(uffd, &fault, sizeof(fault)), sizeof(fault));
	ASSERT_EQ(fault.event, UFFD_EVENT_PAGEFAULT);
	ASSERT_EQ(pthread_create(&second.thread, NULL, in_snapshot, &second), 0);
	while (!second.tid)
		sched_yield();
	until_asleep(&second);
	ASSERT_EQ(pthread_kill(second.thread, SIGUSR1), 0);
	ASSERT_EQ(pthread_join(second.thread, NULL), 0);
	EXPECT_EQ(second.last, -EINTR);
	EXPECT_EQ(memcmp(&quick, &before, sizeof(quick)), 0);
	EXPECT_EQ(own[0].head.id, 0);

	give.range = (struct uffdio_range){ (uintptr_t)page, sysconf(_SC_PAGESIZE) };
	ASSERT_EQ(ioctl(uffd, UFFDIO_ZEROPAGE, &give), 0);
	ASSERT_EQ(pthread_join(first.thread, NULL), 0);
	EXPECT_EQ(first.last, 0);
	EXPECT_EQ(slow.count, 1);
	EXPECT_EQ(page->head.id, 1);
	EXPECT_EQ(device__snapshot(second.fd, &quick), 0); /* and nothing is left of it */
	EXPECT_EQ(quick.count, 1);
	close(uffd);
	close(first.fd);
	driver__close(&d);
	EXPECT_EQ(module__unload_wait(), 0);
}

TEST(a_reader_that_is_killed_lets_go)
{
	int status, ready[2];
	char c;
	pid_t pid;

	ASSERT_EQ(module__load(MODULE, ""), 0);
	ASSERT_EQ(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		struct poolwatch_event e;
		int fd = open(DEVICE, O_RDONLY);

		if (write(ready[1], "", 1) != 1)
			_exit(1);
		event__read(fd, &e);
		_exit(2);
	}
	ASSERT_EQ(read(ready[0], &c, 1), 1);
	EXPECT_EQ(module__unload(), -EWOULDBLOCK);
	kill(pid, SIGKILL);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(WTERMSIG(status), SIGKILL);
	EXPECT_EQ(module__unload(), 0);
}

TEST_HARNESS_MAIN
