// SPDX-License-Identifier: GPL-2.0
/* The cursor of an open file: order, overrun, seeking, filters, and 64 readers that account for every event. */
#include <poll.h>
#include <pthread.h>
#include "kselftest_harness.h"
#include "device.h"

#define RING 32 /* events: ring_kb=4 */

FIXTURE(cursor)
{
	int fd;
	struct driver d;
};

FIXTURE_SETUP(cursor)
{
	ASSERT_EQ(module__load(MODULE, "ring_kb=4"), 0);
	ASSERT_EQ(driver__open(&self->d, false), 0);
	self->fd = open(DEVICE, O_RDONLY | O_NONBLOCK);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(cursor)
{
	close(self->fd);
	driver__close(&self->d);
	EXPECT_EQ(module__unload_wait(), 0);
}

/* The value of the event read next, or -errno. */
static int64_t next(int fd)
{
	struct poolwatch_event e;
	int n = event__read(fd, &e);

	return n < 0 ? n : (int64_t)e.value;
}

TEST_F(cursor, two_files_do_not_disturb_each_other)
{
	int other = open(DEVICE, O_RDONLY | O_NONBLOCK);

	ASSERT_EQ(driver__emit_many(&self->d, 100, 3), 3);
	EXPECT_EQ(next(self->fd), 100);
	EXPECT_EQ(next(self->fd), 101);
	EXPECT_EQ(next(other), 100);
	EXPECT_EQ(next(self->fd), 102);
	EXPECT_EQ(next(self->fd), -EAGAIN);
	EXPECT_EQ(next(other), 101);
	close(other);
}

TEST_F(cursor, dup_shares_it)
{
	int other = dup(self->fd);

	ASSERT_EQ(driver__emit_many(&self->d, 100, 2), 2);
	EXPECT_EQ(next(self->fd), 100);
	EXPECT_EQ(next(other), 101);
	close(other);
}

TEST_F(cursor, begins_at_the_oldest)
{
	int late;

	ASSERT_EQ(driver__emit_many(&self->d, 0, RING + 5), RING + 5);
	late = open(DEVICE, O_RDONLY | O_NONBLOCK);
	EXPECT_EQ(next(late), 5);
	close(late);
}

TEST_F(cursor, a_full_ring_has_lost_nothing)
{
	ASSERT_EQ(driver__emit_many(&self->d, 0, RING), RING);
	for (int i = 0; i < RING; i++)
		EXPECT_EQ(next(self->fd), i);
	EXPECT_EQ(next(self->fd), -EAGAIN);
}

TEST_F(cursor, overrun_is_told_once)
{
	struct poolwatch_info info = { 0 };

	ASSERT_EQ(driver__emit_many(&self->d, 0, 3), 3);
	EXPECT_EQ(next(self->fd), 0);
	ASSERT_EQ(driver__emit_many(&self->d, 3, RING + 4), RING + 4);
	EXPECT_EQ(device__poll(self->fd), POLLIN | POLLRDNORM | POLLPRI);
	EXPECT_EQ(device__poll(self->fd), POLLIN | POLLRDNORM | POLLPRI);
	EXPECT_EQ(next(self->fd), -EPIPE);
	EXPECT_EQ(device__poll(self->fd), POLLIN | POLLRDNORM);
	for (int i = 7; i < RING + 7; i++)
		EXPECT_EQ(next(self->fd), i);
	EXPECT_EQ(next(self->fd), -EAGAIN);
	ASSERT_EQ(device__info(self->fd, &info), 0);
	EXPECT_EQ(info.oldest, 7);
	EXPECT_EQ(info.next, RING + 7);
	EXPECT_EQ(info.drop_overrun, 1);
}

TEST_F(cursor, overrun_is_told_to_a_buffer_that_is_too_small)
{
	char byte;

	ASSERT_EQ(driver__emit_many(&self->d, 0, RING + 1), RING + 1);
	EXPECT_EQ(read(self->fd, &byte, 1), -1);
	EXPECT_EQ(errno, EPIPE);
	EXPECT_EQ(read(self->fd, &byte, 1), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(next(self->fd), 1);
}

TEST_F(cursor, seek_to_both_ends)
{
	ASSERT_EQ(driver__emit_many(&self->d, 0, 4), 4);
	EXPECT_EQ(lseek(self->fd, 0, SEEK_END), 0);
	EXPECT_EQ(next(self->fd), -EAGAIN);
	EXPECT_EQ(lseek(self->fd, 0, SEEK_SET), 0);
	EXPECT_EQ(next(self->fd), 0);
	ASSERT_EQ(driver__emit_many(&self->d, 4, RING + 10), RING + 10);
	EXPECT_EQ(lseek(self->fd, 0, SEEK_SET), 0);
	EXPECT_EQ(next(self->fd), 14);
	EXPECT_EQ(lseek(self->fd, 0, SEEK_END), 0);
	ASSERT_EQ(driver__emit_many(&self->d, 1000, 1), 1);
	EXPECT_EQ(next(self->fd), 1000);
}

TEST_F(cursor, seek_to_what_came_after_clear)
{
	int other = open(DEVICE, O_RDONLY | O_NONBLOCK);

	ASSERT_EQ(driver__emit_many(&self->d, 0, 4), 4);
	EXPECT_EQ(lseek(self->fd, 0, SEEK_DATA), 0);
	EXPECT_EQ(next(self->fd), 0);
	ASSERT_EQ(ioctl(self->fd, POOLWATCH_IOC_CLEAR), 0);
	EXPECT_EQ(next(self->fd), 1); /* the cursor is where it was */
	ASSERT_EQ(driver__emit_many(&self->d, 4, 1), 1);
	EXPECT_EQ(lseek(self->fd, 0, SEEK_DATA), 0);
	EXPECT_EQ(next(self->fd), 4);
	EXPECT_EQ(lseek(other, 0, SEEK_DATA), 0); /* the mark is the file's */
	EXPECT_EQ(next(other), 0);
	ASSERT_EQ(driver__emit_many(&self->d, 5, RING + 3), RING + 3);
	EXPECT_EQ(lseek(self->fd, 0, SEEK_DATA), 0); /* overwritten: the oldest */
	EXPECT_EQ(next(self->fd), 8);
	close(other);
}

static int read_as_alice(void *arg)
{
	static const int64_t wanted[] = { 1, 3, -EAGAIN };
	int *shared = arg;
	int fd = open(DEVICE, O_RDONLY | O_NONBLOCK);

	if (device__poll(fd) != (POLLIN | POLLRDNORM))
		return 100;
	for (int i = 0; i < 3; i++)
		if (next(fd) != wanted[i])
			return i + 1;
	if (device__poll(fd))
		return 101;
	/* root's file is root's, whoever reads it */
	for (int i = 0; i < 5; i++)
		if (next(*shared) != i)
			return 50 + i;
	return 0;
}

TEST_F(cursor, passes_over_what_belongs_to_others)
{
	static const uint32_t uid[] = { 0, ALICE, BOB, POOLWATCH_UID_ALL, BOB };

	for (int i = 0; i < 5; i++) {
		struct poolwatch_event e = event__of(uid[i], i);

		ASSERT_EQ(driver__emit(&self->d, &e), 0);
	}
	EXPECT_EQ(as_user(ALICE, true, read_as_alice, &self->fd), 0);
}

#define READERS 64
/* POOLWATCH_EVENTS: a kernel with checkers takes its time to wake 64 readers for each. */
static uint64_t events_wanted(void)
{
	const char *wanted = getenv("POOLWATCH_EVENTS");

	return wanted ? strtoull(wanted, NULL, 0) : 20000;
}

struct tally {
	int fd;
	uint64_t events;
	bool wait_in_poll;
	uint64_t delivered, missed, overruns, disorder;
};

static void *account(void *arg)
{
	struct tally *t = arg;
	struct poolwatch_event e;
	uint64_t expected = 0;
	bool overrun = false;

	while (expected < t->events) {
		struct pollfd p = { .fd = t->fd, .events = POLLIN };
		int n;

		if (t->wait_in_poll)
			poll(&p, 1, -1);
		n = event__read(t->fd, &e);
		if (n == -EPIPE) {
			t->disorder += overrun; /* told twice without an event between: a new overrun, or an error */
			overrun = true;
			t->overruns++;
			continue;
		}
		if (n != sizeof(e) || e.seq < expected || e.value != e.seq || (e.seq > expected && !overrun)) {
			t->disorder = ~0ull;
			break;
		}
		t->missed += e.seq - expected;
		t->delivered++;
		expected = e.seq + 1;
		overrun = false;
	}
	return NULL;
}

/* Each reader waits its own way, and all are overrun time and again. No event may be unaccounted for, or come twice. */
TEST_F(cursor, sixty_four_readers_account_for_every_event)
{
	struct tally tally[READERS] = { 0 };
	pthread_t thread[READERS];
	struct poolwatch_info info = { 0 };
	uint64_t overruns = 0, events = events_wanted();

	for (int i = 0; i < READERS; i++) {
		tally[i].events = events;
		tally[i].wait_in_poll = i % 2;
		tally[i].fd = open(DEVICE, O_RDONLY | (i % 2 ? O_NONBLOCK : 0));
		ASSERT_GE(tally[i].fd, 0);
	}
	/* However fast they are: of the first burst, each has missed some before it reads. */
	for (uint64_t sent = 0; sent < events;) {
		uint32_t burst = sent % 3 ? 5 : RING + 9;

		if (burst > events - sent)
			burst = events - sent;
		ASSERT_EQ(driver__emit_many(&self->d, sent, burst), burst);
		for (int i = 0; !sent && i < READERS; i++)
			ASSERT_EQ(pthread_create(&thread[i], NULL, account, &tally[i]), 0);
		sent += burst;
	}
	for (int i = 0; i < READERS; i++) {
		ASSERT_EQ(pthread_join(thread[i], NULL), 0);
		EXPECT_EQ(tally[i].delivered + tally[i].missed, events);
		EXPECT_NE(tally[i].disorder, ~0ull);
		EXPECT_LE(tally[i].disorder, tally[i].overruns);
		overruns += tally[i].overruns;
		close(tally[i].fd);
	}
	ASSERT_EQ(device__info(self->fd, &info), 0);
	EXPECT_EQ(info.emitted, events);
	EXPECT_EQ(info.drop_overrun, overruns);
	EXPECT_GE(overruns, READERS);
}

TEST_HARNESS_MAIN
