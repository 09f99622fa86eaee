// SPDX-License-Identifier: GPL-2.0
/* Snapshots: what is copied, in pieces of any size, of which session, and to whom. */
#include <sys/mman.h>
#include "kselftest_harness.h"
#include "device.h"

FIXTURE(snapshot)
{
	int fd;
	struct driver d;
};

FIXTURE_SETUP(snapshot)
{
	ASSERT_EQ(module__load(MODULE, ""), 0);
	ASSERT_EQ(driver__open(&self->d, false), 0);
	ASSERT_EQ(driver__bind_all(&self->d), 0);
	self->fd = open(DEVICE, O_RDONLY);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(snapshot)
{
	close(self->fd);
	driver__close(&self->d);
	EXPECT_EQ(module__unload_wait(), 0);
}

/* A pool in @slot that belongs to @uid, recognisable in every field that is looked at. */
static void put_pool(struct driver *d, uint32_t slot, uint32_t uid)
{
	struct poolwatch_pool p = {
		.head = { .id = 7ull << 32 | slot, .uid = uid, .tgid = 1000 + slot },
		.addr = slot * 3,
		.told = slot * 5,
	};

	p.wait[POOLWATCH_BUCKETS - 1] = slot * 11;
	driver__put(d, POOLWATCH_POOLS, slot, &p);
}

static bool is_pool(const struct poolwatch_pool *p, uint32_t slot, uint32_t uid)
{
	return p->head.id == (7ull << 32 | slot) && p->head.uid == uid && p->head.tgid == 1000 + slot && p->addr == slot * 3 &&
	       p->told == slot * 5 && p->wait[POOLWATCH_BUCKETS - 1] == slot * 11;
}

static struct poolwatch_snapshot ask(enum poolwatch_table table, void *buf, size_t len)
{
	return (struct poolwatch_snapshot){ .table = table, .buf = (uintptr_t)buf, .len = len };
}

TEST_F(snapshot, every_table_has_its_records)
{
	static const size_t size[] = { sizeof(struct poolwatch_def),	sizeof(struct poolwatch_proc),
				       sizeof(struct poolwatch_pool),	sizeof(struct poolwatch_thread),
				       sizeof(struct poolwatch_edge),	sizeof(struct poolwatch_counter) };

	for (uint32_t table = 0; table < POOLWATCH_TABLES; table++) {
		char record[2048], copy[2048];
		struct poolwatch_snapshot s = ask(table, copy, sizeof(copy));

		for (size_t i = 0; i < size[table]; i++)
			record[i] = i + table + 1;
		ASSERT_EQ(driver__put(&self->d, table, 5, record), 0);
		memset(copy, 0xee, sizeof(copy));
		ASSERT_EQ(device__snapshot(self->fd, &s), 0);
		EXPECT_EQ(s.count, 1);
		EXPECT_EQ(s.record, size[table]);
		EXPECT_EQ(memcmp(copy, record, size[table]), 0);
		for (size_t i = size[table]; i < sizeof(copy); i++)
			ASSERT_EQ(copy[i], (char)0xee);
	}
}

/* For room of every size from one record to more than all, and a remainder: each record once, in slot order. */
TEST_F(snapshot, is_resumed_with_any_buffer)
{
	static const uint32_t taken[] = { 0, 1, 2, 30, 31, 64, 97, 99 };
	enum { N = sizeof(taken) / sizeof(taken[0]) };
	struct poolwatch_pool copy[N + 2];

	for (int i = 0; i < N; i++)
		put_pool(&self->d, taken[i], 0);
	for (size_t room = 1; room <= N + 1; room++) {
		struct poolwatch_snapshot s = ask(POOLWATCH_POOLS, copy, room * sizeof(copy[0]) + room * 7);
		size_t got = 0, calls = 0;

		do {
			ASSERT_EQ(device__snapshot(self->fd, &s), 0);
			ASSERT_LE(s.count, room);
			for (uint32_t i = 0; i < s.count; i++, got++)
				EXPECT_TRUE(is_pool(&copy[i], taken[got], 0));
			calls++;
		} while (s.count == room);
		EXPECT_EQ(got, N);
		EXPECT_EQ(calls, N / room + 1);
		EXPECT_EQ(s.cursor, DRIVER_SLOTS);
	}
}

TEST_F(snapshot, more_records_than_the_bounce_buffer_holds)
{
	struct poolwatch_thread *copy = calloc(DRIVER_SLOTS + 1, sizeof(*copy)), t = { 0 };
	struct poolwatch_snapshot s = ask(POOLWATCH_THREADS, copy, (DRIVER_SLOTS + 1) * sizeof(*copy));

	for (uint32_t slot = 0; slot < DRIVER_SLOTS; slot++) {
		t.head.id = slot + 1;
		t.pad[4] = slot;
		driver__put(&self->d, POOLWATCH_THREADS, slot, &t);
	}
	ASSERT_EQ(device__snapshot(self->fd, &s), 0);
	EXPECT_EQ(s.count, DRIVER_SLOTS);
	for (uint32_t i = 0; i < s.count; i++) {
		EXPECT_EQ(copy[i].head.id, i + 1);
		EXPECT_EQ(copy[i].pad[4], i);
	}
	free(copy);
}

TEST_F(snapshot, a_cursor_behind_the_end)
{
	struct poolwatch_pool copy;
	struct poolwatch_snapshot s = ask(POOLWATCH_POOLS, &copy, sizeof(copy));

	put_pool(&self->d, 0, 0);
	for (uint64_t cursor = DRIVER_SLOTS; cursor; cursor = cursor < 1ull << 32 ? 1ull << 32 : cursor << 1) {
		s.cursor = cursor;
		ASSERT_EQ(device__snapshot(self->fd, &s), 0);
		EXPECT_EQ(s.count, 0);
		EXPECT_EQ(s.cursor, cursor);
	}
	s.cursor = ~0ull;
	ASSERT_EQ(device__snapshot(self->fd, &s), 0);
	EXPECT_EQ(s.count, 0);
}

TEST_F(snapshot, room_that_is_not_there)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct poolwatch_snapshot s, before;

	for (uint32_t slot = 0; slot < 20; slot++)
		put_pool(&self->d, slot, 0);
	munmap(two + page, page);
	before = s = ask(POOLWATCH_POOLS, two, 2 * page);
	EXPECT_EQ(device__snapshot(self->fd, &s), -EFAULT);
	EXPECT_EQ(memcmp(&s, &before, sizeof(s)), 0);
	s = ask(POOLWATCH_POOLS, (void *)-4096, 1 << 20);
	EXPECT_EQ(device__snapshot(self->fd, &s), -EFAULT);
	s = ask(POOLWATCH_POOLS, NULL, ~0ull);
	EXPECT_EQ(device__snapshot(self->fd, &s), -EFAULT);
	s = ask(POOLWATCH_POOLS, two, ~0ull); /* a lie about the length is nobody's harm but the caller's */
	EXPECT_EQ(device__snapshot(self->fd, &s), -EFAULT);
	/* The structure itself on a page that cannot be written. */
	memcpy(two, &before, sizeof(before));
	mprotect(two, page, PROT_READ);
	EXPECT_EQ(device__snapshot(self->fd, (struct poolwatch_snapshot *)two), -EFAULT);
}

TEST_F(snapshot, of_each_session_in_turn)
{
	struct poolwatch_pool copy[2];
	struct poolwatch_snapshot s = ask(POOLWATCH_POOLS, copy, sizeof(copy));
	int unbound = open(DEVICE, O_WRONLY);
	struct driver second;

	ASSERT_EQ(driver__open(&second, false), 0);
	ASSERT_EQ(second.session, self->d.session + 2);
	ASSERT_EQ(driver__bind_all(&second), 0);
	put_pool(&self->d, 1, 0);
	put_pool(&second, 2, 0);

	s.flags = POOLWATCH_SNAP_NEXT;
	ASSERT_EQ(device__snapshot(self->fd, &s), 0);
	EXPECT_EQ(s.session, self->d.session);
	EXPECT_EQ(s.count, 1);
	EXPECT_TRUE(is_pool(&copy[0], 1, 0));
	s.session++, s.cursor = 0; /* the one in between has bound nothing */
	ASSERT_EQ(device__snapshot(self->fd, &s), 0);
	EXPECT_EQ(s.session, second.session);
	EXPECT_EQ(s.count, 1);
	EXPECT_TRUE(is_pool(&copy[0], 2, 0));
	s.session++;
	EXPECT_EQ(device__snapshot(self->fd, &s), -ENOENT);

	s = ask(POOLWATCH_POOLS, copy, sizeof(copy));
	s.session = second.session - 1;
	EXPECT_EQ(device__snapshot(self->fd, &s), -ENODATA);
	s.session = second.session;
	EXPECT_EQ(device__snapshot(self->fd, &s), 0);
	driver__close(&second);
	s.cursor = 0;
	EXPECT_EQ(device__snapshot(self->fd, &s), -ENOENT);
	close(unbound);
}

/* What each user is to see of slots 0 (root), 1 and 2 (alice), 3 (bob), 4 (everybody's). */
struct view {
	int fd; /* -1: open one */
	uint32_t slots[5], uids[5], n, hidden;
};

static int look(void *arg)
{
	const struct view *v = arg;
	struct poolwatch_pool copy[10];
	struct poolwatch_snapshot s = ask(POOLWATCH_POOLS, copy, sizeof(copy));
	int fd = v->fd < 0 ? open(DEVICE, O_RDONLY) : v->fd;
	int err = device__snapshot(fd, &s);

	if (v->fd < 0)
		close(fd);
	if (err)
		return 1;
	if (s.count != v->n || s.hidden != v->hidden)
		return 2;
	for (uint32_t i = 0; i < v->n; i++)
		if (!is_pool(&copy[i], v->slots[i], v->uids[i]))
			return 3;
	return 0;
}

TEST_F(snapshot, shows_each_user_what_that_user_may_see)
{
	struct view all = { -1, { 0, 1, 2, 3, 4 }, { 0, ALICE, ALICE, BOB, POOLWATCH_UID_ALL }, 5, 0 };
	struct view alice = { -1, { 1, 2, 4 }, { ALICE, ALICE, POOLWATCH_UID_ALL }, 3, 2 };
	struct view bob = { -1, { 3, 4 }, { BOB, POOLWATCH_UID_ALL }, 2, 3 };

	for (int i = 0; i < 5; i++)
		put_pool(&self->d, i, all.uids[i]);
	EXPECT_EQ(look(&all), 0);
	EXPECT_EQ(as_user(ALICE, true, look, &alice), 0);
	EXPECT_EQ(as_user(BOB, true, look, &bob), 0);
	all.fd = self->fd; /* what a file shows does not depend on who holds it */
	EXPECT_EQ(as_user(ALICE, false, look, &all), 0);
	EXPECT_EQ(as_user(CAROL, false, look, &all), 0);
}

TEST_HARNESS_MAIN
