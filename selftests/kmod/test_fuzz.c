// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls on the device from several processes at once, while loaders come and go. Whatever the arguments: a call
 * does what it documents or fails with an error that it documents, and never writes outside the room it was given.
 * POOLWATCH_FUZZ_CALLS says how many calls in all, POOLWATCH_FUZZ_SEED repeats a run.
 */
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include "kselftest_harness.h"
#include "device.h"

#define WORKERS 4
#define FILES 6
#define ROOM 16384 /* bytes that calls may be told of, with as many on both sides that must stay as they are */
#define GUARD 0xa5

struct worker {
	uint64_t state;
	int fd[FILES]; /* -1: closed */
	unsigned char *room;
};

static uint64_t number(struct worker *w)
{
	/* xorshift64*: a known sequence for a known seed */
	w->state ^= w->state >> 12;
	w->state ^= w->state << 25;
	w->state ^= w->state >> 27;
	return w->state * 0x2545f4914f6cdd1dull;
}

static uint64_t below(struct worker *w, uint64_t n)
{
	return (number(w) >> 11) % n;
}

/* A number of the kind that breaks things. */
static uint64_t odd(struct worker *w)
{
	static const uint64_t edges[] = { 0, 1, 2, 3, 99, 100, 101, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
					  1ull << 32, 1ull << 63, ~0ull };

	switch (below(w, 3)) {
	case 0:
		return edges[below(w, sizeof(edges) / sizeof(edges[0]))];
	case 1:
		return below(w, 8);
	default:
		return number(w) >> below(w, 64);
	}
}

static bool one_of(int err, const int *allowed)
{
	for (; *allowed; allowed++)
		if (err == *allowed)
			return true;
	return false;
}

/* 0 or more is always right; an error if the call documents it. */
#define CHECK(what, ret, ...)                                                                    \
	do {                                                                                     \
		long r_ = (ret);                                                                 \
		if (r_ < 0 && !one_of(errno, (const int[]){ __VA_ARGS__, 0 })) {                 \
			printf("# %s: %s is not an error it documents\n", what, strerror(errno)); \
			return false;                                                            \
		}                                                                                \
	} while (0)

static bool guards_intact(const struct worker *w)
{
	for (size_t i = 0; i < ROOM; i++)
		if (w->room[i] != GUARD || w->room[2 * ROOM + i] != GUARD)
			return false;
	return true;
}

/* Somewhere in the room such that @len bytes fit, an address that is none, or the room's last bytes and beyond. */
static void *place(struct worker *w, size_t len)
{
	switch (below(w, 16)) {
	case 0:
		return NULL;
	case 1:
		return (void *)(uintptr_t)number(w);
	default:
		return w->room + ROOM + below(w, ROOM - len + 1);
	}
}

static bool fuzz_snapshot(struct worker *w, int fd)
{
	struct poolwatch_snapshot s = {
		.session = below(w, 2) ? 0 : odd(w),
		.table = below(w, 8) ? below(w, POOLWATCH_TABLES) : odd(w),
		.flags = below(w, 8) ? below(w, 2) : odd(w),
		.cursor = below(w, 2) ? 0 : odd(w),
		.pad = { below(w, 16) ? 0 : odd(w), below(w, 16) ? 0 : odd(w) },
	}, before;

	s.len = below(w, ROOM + 1);
	s.buf = (uintptr_t)place(w, s.len);
	if (!below(w, 8)) { /* room that cannot be there, of any length */
		s.buf = (1ull << 63) | number(w);
		s.len = odd(w);
	}
	before = s;
	if (ioctl(fd, POOLWATCH_IOC_SNAPSHOT, &s)) {
		CHECK("snapshot", -1, EINVAL, ENOENT, ENODATA, EFAULT, EINTR);
		s.record = before.record;
		if (memcmp(&s, &before, sizeof(s))) {
			printf("# snapshot: failed, and changed its argument\n");
			return false;
		}
	} else if ((uint64_t)s.count * s.record > s.len || s.cursor < before.cursor) {
		printf("# snapshot: more than fits, or went backwards\n");
		return false;
	}
	return true;
}

static bool fuzz_info(struct worker *w, int fd)
{
	struct poolwatch_info info = { .flags = below(w, 4) ? 0 : odd(w), .pad = { below(w, 4) ? 0 : odd(w) } };

	CHECK("info", ioctl(fd, POOLWATCH_IOC_INFO, below(w, 8) ? &info : place(w, sizeof(info))), EINVAL, EFAULT);
	return true;
}

static bool fuzz_one(struct worker *w)
{
	static const int whence[] = { SEEK_SET, SEEK_END, SEEK_DATA, SEEK_HOLE, SEEK_CUR };
	int *fd = &w->fd[below(w, FILES)];
	size_t len = below(w, 2) ? sizeof(struct poolwatch_event) : below(w, ROOM + 1);
	struct pollfd p = { .fd = *fd, .events = odd(w) };
	void *at;

	if (*fd < 0) {
		*fd = open(DEVICE, (int)(below(w, 4) ? O_RDONLY : 1 + below(w, 2)) | O_NONBLOCK | O_CLOEXEC);
		CHECK("open", *fd, EBUSY);
		return true;
	}
	switch (below(w, 12)) {
	case 0:
		close(*fd);
		*fd = -1;
		return true;
	case 1:
	case 2:
	case 3:
		CHECK("read", read(*fd, place(w, len), len), EAGAIN, EPIPE, EINVAL, EFAULT, EBADF);
		return true;
	case 4:
		CHECK("write", write(*fd, w->room + ROOM, below(w, 200)), EINVAL, EBADF);
		return true;
	case 5:
		CHECK("lseek", lseek(*fd, below(w, 4) ? 0 : (off_t)odd(w), whence[below(w, 5)]), EINVAL, ESPIPE);
		return true;
	case 6:
		CHECK("poll", poll(&p, 1, 0), EINTR);
		return true;
	case 7:
		at = mmap(NULL, 4096, below(w, 8), MAP_SHARED, *fd, 0);
		if (at != MAP_FAILED) {
			printf("# mmap worked\n");
			return false;
		}
		CHECK("mmap", -1, ENODEV, EACCES, EPERM);
		return true;
	case 8:
		return fuzz_info(w, *fd);
	case 9:
		CHECK("ioctl", ioctl(*fd, below(w, 2) ? _IOC(below(w, 4), POOLWATCH_IOC_MAGIC, below(w, 6), below(w, 200)) : odd(w),
				     place(w, 4096)), ENOTTY, EINVAL, EFAULT, EBADF, ENOENT, ENODATA);
		return true;
	default:
		return fuzz_snapshot(w, *fd);
	}
}

/* Return: 0, or 1 + what went wrong. */
static int work(uint64_t seed, uint64_t calls)
{
	struct worker w = { .state = seed * 0x9e3779b97f4a7c15ull | 1 };
	int bad = 0;

	w.room = mmap(NULL, 3 * ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(w.room, GUARD, 3 * ROOM);
	for (int i = 0; i < FILES; i++)
		w.fd[i] = -1;
	for (uint64_t i = 0; i < calls && !bad; i++) {
		if (i % 100000 == 99999)
			printf("# %llu calls made, seed %llu\n", (unsigned long long)i + 1, (unsigned long long)seed);
		if (!fuzz_one(&w))
			bad = 1;
		else if (i % 64 == 0 && !guards_intact(&w))
			bad = 2;
	}
	return bad ? bad : guards_intact(&w) ? 0 : 2;
}

/* Loaders, one after the other: some tables, some events, some tries to take the module away. Until killed. */
static void loaders(uint64_t seed)
{
	struct worker w = { .state = seed * 0x9e3779b97f4a7c15ull | 1 };
	struct driver d;

	for (;;) {
		if (driver__open(&d, false))
			continue;
		for (int i = 0; i < 40; i++) {
			struct driver_event e = { .event = event__of(odd(&w), odd(&w)) };
			char record[2048];

			for (size_t j = 0; j < sizeof(record); j++)
				record[j] = number(&w);
			driver__bind(&d, below(&w, 2) ? d.session : odd(&w), odd(&w), below(&w, POOLWATCH_TABLES));
			driver__bind(&d, d.session, i % POOLWATCH_TABLES, i % POOLWATCH_TABLES);
			driver__put(&d, i % POOLWATCH_TABLES, below(&w, DRIVER_SLOTS), record);
			driver__emit_many(&d, i, below(&w, 60));
			driver__emit_sized(&d, &e, below(&w, sizeof(e) + 1), odd(&w));
			module__unload();
		}
		driver__close(&d);
	}
}

FIXTURE(fuzz)
{
	uint64_t calls, seed;
};

FIXTURE_SETUP(fuzz)
{
	const char *calls = getenv("POOLWATCH_FUZZ_CALLS"), *seed = getenv("POOLWATCH_FUZZ_SEED");

	self->calls = calls ? strtoull(calls, NULL, 0) : 100000;
	self->seed = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	TH_LOG("POOLWATCH_FUZZ_SEED=%llu POOLWATCH_FUZZ_CALLS=%llu", (unsigned long long)self->seed,
	       (unsigned long long)self->calls);
	ASSERT_EQ(module__load(MODULE, "ring_kb=4 max_sessions=4"), 0);
}

FIXTURE_TEARDOWN(fuzz)
{
	EXPECT_EQ(module__unload_wait(), 0);
}

TEST_F_TIMEOUT(fuzz, any_call_at_any_time, 14400)
{
	int keep = open(DEVICE, O_RDONLY); /* the module stays, whatever is tried */
	pid_t pid[WORKERS], loading = fork();

	if (!loading)
		loaders(self->seed);
	for (int i = 0; i < WORKERS; i++) {
		pid[i] = fork();
		if (!pid[i])
			_exit(work(self->seed + i + 1, self->calls / WORKERS));
	}
	for (int i = 0; i < WORKERS; i++) {
		int status;

		ASSERT_EQ(waitpid(pid[i], &status, 0), pid[i]);
		EXPECT_EQ(status, 0);
	}
	kill(loading, SIGKILL);
	ASSERT_EQ(waitpid(loading, NULL, 0), loading);
	close(keep);
}

TEST_HARNESS_MAIN
