// SPDX-License-Identifier: GPL-2.0
/* Every documented error of every call on the device, and what each call answers when all is well. */
#include <sys/mman.h>
#include <sys/uio.h>
#include <poll.h>
#include "kselftest_harness.h"
#include "device.h"

FIXTURE(calls)
{
	int fd; /* a reader */
	struct driver d;
};

FIXTURE_SETUP(calls)
{
	ASSERT_EQ(module__load(MODULE, "ring_kb=4 max_sessions=2"), 0);
	ASSERT_EQ(driver__open(&self->d, false), 0);
	self->fd = open(DEVICE, O_RDONLY | O_NONBLOCK);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(calls)
{
	close(self->fd);
	driver__close(&self->d);
	EXPECT_EQ(module__unload_wait(), 0);
}

TEST_F(calls, open_for_writing_takes_a_session_each)
{
	struct poolwatch_info info = { 0 };
	int second = open(DEVICE, O_WRONLY);

	ASSERT_GE(second, 0);
	ASSERT_EQ(device__info(self->fd, &info), 0);
	EXPECT_EQ(info.sessions, 2);
	EXPECT_EQ(info.max_sessions, 2);
	EXPECT_EQ(open(DEVICE, O_RDWR), -1);
	EXPECT_EQ(errno, EBUSY);
	close(second);
	second = open(DEVICE, O_RDWR);
	EXPECT_GE(second, 0);
	close(second);
}

TEST_F(calls, a_session_has_a_number_and_a_reader_has_none)
{
	__u32 number = 0, other = 0;
	int second = open(DEVICE, O_WRONLY);

	EXPECT_EQ(ioctl(self->d.fd, POOLWATCH_IOC_SESSION, &number), 0);
	EXPECT_EQ(number, self->d.session);
	EXPECT_NE(number, 0);
	EXPECT_EQ(ioctl(second, POOLWATCH_IOC_SESSION, &other), 0);
	EXPECT_EQ(other, number + 1);
	EXPECT_EQ(ioctl(self->fd, POOLWATCH_IOC_SESSION, &number), -1);
	EXPECT_EQ(errno, EBADF);
	EXPECT_EQ(ioctl(self->d.fd, POOLWATCH_IOC_SESSION, NULL), -1);
	EXPECT_EQ(errno, EFAULT);
	close(second);
}

TEST_F(calls, write_is_never_possible)
{
	char byte = 0;

	EXPECT_EQ(write(self->d.fd, &byte, 1), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(write(self->fd, &byte, 1), -1);
	EXPECT_EQ(errno, EBADF);
}

TEST_F(calls, read_of_a_file_opened_for_writing_only)
{
	struct poolwatch_event e;
	int fd = open(DEVICE, O_WRONLY | O_NONBLOCK);

	EXPECT_EQ(event__read(fd, &e), -EBADF);
	close(fd);
}

TEST_F(calls, read_of_an_empty_ring)
{
	struct poolwatch_event e;

	EXPECT_EQ(event__read(self->fd, &e), -EAGAIN);
	EXPECT_EQ(device__poll(self->fd), 0);
}

TEST_F(calls, read_gives_what_was_emitted)
{
	struct poolwatch_event in = event__of(7, 42), out = { 0 };

	in.session = 999; /* the device's to fill in, as is seq */
	in.seq = 999;
	memcpy(in.comm, "w\x01rk\xff", 5);
	ASSERT_EQ(driver__emit(&self->d, &in), 0);
	EXPECT_EQ(device__poll(self->fd), POLLIN | POLLRDNORM);
	ASSERT_EQ(event__read(self->fd, &out), sizeof(out));
	EXPECT_EQ(out.seq, 0);
	EXPECT_EQ(out.session, self->d.session);
	in.seq = out.seq;
	in.session = out.session;
	EXPECT_EQ(memcmp(&in, &out, sizeof(in)), 0);
	EXPECT_EQ(event__read(self->fd, &out), -EAGAIN);
}

TEST_F(calls, a_read_that_fails_leaves_the_cursor)
{
	struct poolwatch_event e = event__of(0, 42);
	char bytes[sizeof(e)];

	ASSERT_EQ(driver__emit(&self->d, &e), 0);
	for (size_t len = 0; len < sizeof(e); len++) {
		EXPECT_EQ(read(self->fd, bytes, len), -1);
		EXPECT_EQ(errno, EINVAL);
	}
	EXPECT_EQ(event__read(self->fd, NULL), -EFAULT);
	EXPECT_EQ(event__read(self->fd, (void *)-4096), -EFAULT);
	EXPECT_EQ(event__read(self->fd, &e), sizeof(e));
	EXPECT_EQ(e.value, 42);
}

TEST_F(calls, a_buffer_half_of_which_is_not_there)
{
	struct poolwatch_event e = event__of(0, 42);
	size_t page = sysconf(_SC_PAGESIZE);
	char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(two, MAP_FAILED);
	ASSERT_EQ(munmap(two + page, page), 0);
	ASSERT_EQ(driver__emit(&self->d, &e), 0);
	EXPECT_EQ(read(self->fd, two + page - 10, sizeof(e)), -1);
	EXPECT_EQ(errno, EFAULT);
	EXPECT_EQ(event__read(self->fd, &e), sizeof(e));
}

TEST_F(calls, readv_takes_one_event_into_all_its_parts)
{
	struct poolwatch_event in = event__of(0, 1), next = event__of(0, 2), out;
	struct iovec parts[] = { { &out, 10 }, { (char *)&out + 10, sizeof(out) - 10 }, { &next, sizeof(next) } };

	ASSERT_EQ(driver__emit(&self->d, &in), 0);
	ASSERT_EQ(driver__emit(&self->d, &next), 0);
	next.value = 77;
	EXPECT_EQ(readv(self->fd, parts, 3), sizeof(out));
	EXPECT_EQ(out.value, 1);
	EXPECT_EQ(next.value, 77);
	EXPECT_EQ(event__read(self->fd, &out), sizeof(out));
	EXPECT_EQ(out.value, 2);
}

TEST_F(calls, no_position_to_read_from)
{
	struct poolwatch_event e = event__of(0, 1);

	ASSERT_EQ(driver__emit(&self->d, &e), 0);
	EXPECT_EQ(pread(self->fd, &e, sizeof(e), 0), -1);
	EXPECT_EQ(errno, ESPIPE);
	EXPECT_EQ(pwrite(self->d.fd, &e, sizeof(e), 0), -1);
	EXPECT_EQ(errno, ESPIPE);
}

TEST_F(calls, mmap_is_not_offered)
{
	EXPECT_EQ(mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->fd, 0), MAP_FAILED);
	EXPECT_EQ(errno, ENODEV);
}

TEST_F(calls, seek)
{
	static const int known[] = { SEEK_SET, SEEK_END, SEEK_DATA }, unknown[] = { SEEK_CUR, SEEK_HOLE, 5, -1 };

	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(lseek(self->fd, 0, known[i]), 0);
		EXPECT_EQ(lseek(self->fd, 1, known[i]), -1);
		EXPECT_EQ(errno, ESPIPE);
		EXPECT_EQ(lseek(self->fd, -1, known[i]), -1);
		EXPECT_EQ(errno, ESPIPE);
	}
	for (int i = 0; i < 4; i++) {
		EXPECT_EQ(lseek(self->fd, 0, unknown[i]), -1);
		EXPECT_EQ(errno, EINVAL);
	}
}

TEST_F(calls, unknown_ioctls)
{
	char room[512] = { 0 };

	EXPECT_EQ(ioctl(self->fd, _IO(POOLWATCH_IOC_MAGIC, 4), room), -1);
	EXPECT_EQ(errno, ENOTTY);
	EXPECT_EQ(ioctl(self->fd, _IO(POOLWATCH_IOC_MAGIC, 0), room), -1);
	EXPECT_EQ(errno, ENOTTY);
	EXPECT_EQ(ioctl(self->fd, _IOWR(POOLWATCH_IOC_MAGIC, 0, char[8]), room), -1);
	EXPECT_EQ(errno, ENOTTY);
	EXPECT_EQ(ioctl(self->fd, 0x5401 /* TCGETS */, room), -1);
	EXPECT_EQ(errno, ENOTTY);
}

TEST_F(calls, info)
{
	struct poolwatch_info info = { .abi_major = 99, .features = ~0u, .emitted = ~0ull }, bad;

	ASSERT_EQ(driver__emit_many(&self->d, 0, 3), 3);
	ASSERT_EQ(device__info(self->fd, &info), 0);
	EXPECT_EQ(info.abi_major, POOLWATCH_ABI_MAJOR);
	EXPECT_EQ(info.abi_minor, POOLWATCH_ABI_MINOR);
	EXPECT_EQ(info.features, POOLWATCH_FEATURE_KFUNCS);
	EXPECT_EQ(info.flags, 0);
	EXPECT_EQ(info.sessions, 1);
	EXPECT_EQ(info.max_sessions, 2);
	EXPECT_EQ(info.ring_size, 32); /* 4 KiB of 112 bytes, rounded down */
	EXPECT_EQ(info.oldest, 0);
	EXPECT_EQ(info.next, 3);
	EXPECT_EQ(info.emitted, 3);
	EXPECT_EQ(info.drop_invalid, 0);
	EXPECT_EQ(info.drop_overrun, 0);
	EXPECT_EQ(info.drop_busy, 0);

	bad = (struct poolwatch_info){ .flags = 1 };
	EXPECT_EQ(device__info(self->fd, &bad), -EINVAL);
	for (int i = 0; i < 3; i++) {
		bad = (struct poolwatch_info){ 0 };
		bad.pad[i] = 1ull << 63;
		EXPECT_EQ(device__info(self->fd, &bad), -EINVAL);
	}
	EXPECT_EQ(device__info(self->fd, NULL), -EFAULT);
	EXPECT_EQ(device__info(self->fd, (void *)-8), -EFAULT);
	EXPECT_EQ(device__info(self->d.fd, &info), 0);
}

TEST_F(calls, snapshot_arguments)
{
	struct poolwatch_pool room[2];
	const struct poolwatch_snapshot good = { .table = POOLWATCH_POOLS, .buf = (uintptr_t)room, .len = sizeof(room) };
	struct poolwatch_snapshot s = good;

	/* Nothing bound yet, then no session, then what is wrong with the arguments whatever is there. */
	EXPECT_EQ(device__snapshot(self->fd, &s), -ENODATA);
	EXPECT_EQ(memcmp(&s, &good, sizeof(s)), 0);
	s = good, s.flags = POOLWATCH_SNAP_NEXT;
	EXPECT_EQ(device__snapshot(self->fd, &s), -ENOENT);
	s = good, s.session = self->d.session + 1;
	EXPECT_EQ(device__snapshot(self->fd, &s), -ENOENT);
	s = good, s.session = 0x10000 + self->d.session;
	EXPECT_EQ(device__snapshot(self->fd, &s), -ENOENT);
	ASSERT_EQ(driver__bind_all(&self->d), 0);
	s = good;
	EXPECT_EQ(device__snapshot(self->fd, &s), 0);
	EXPECT_EQ(s.session, self->d.session);
	EXPECT_EQ(s.record, sizeof(struct poolwatch_pool));
	EXPECT_EQ(s.count, 0);
	EXPECT_EQ(s.hidden, 0);
	EXPECT_EQ(s.cursor, DRIVER_SLOTS);

	s = good, s.table = POOLWATCH_TABLES;
	EXPECT_EQ(device__snapshot(self->fd, &s), -EINVAL);
	s = good, s.table = ~0u;
	EXPECT_EQ(device__snapshot(self->fd, &s), -EINVAL);
	s = good, s.flags = 2;
	EXPECT_EQ(device__snapshot(self->fd, &s), -EINVAL);
	s = good, s.pad[0] = 1;
	EXPECT_EQ(device__snapshot(self->fd, &s), -EINVAL);
	s = good, s.pad[1] = 1;
	EXPECT_EQ(device__snapshot(self->fd, &s), -EINVAL);
	s = good, s.len = sizeof(room[0]) - 1;
	EXPECT_EQ(device__snapshot(self->fd, &s), -EINVAL);
	EXPECT_EQ(s.record, sizeof(room[0]));
	s = good, s.len = 0, s.buf = 0;
	EXPECT_EQ(device__snapshot(self->fd, &s), -EINVAL);
	EXPECT_EQ(s.record, sizeof(room[0]));
	EXPECT_EQ(device__snapshot(self->fd, NULL), -EFAULT);
}

TEST_F(calls, clear_takes_no_argument)
{
	EXPECT_EQ(ioctl(self->fd, POOLWATCH_IOC_CLEAR, (void *)-1), 0);
	EXPECT_EQ(ioctl(self->d.fd, POOLWATCH_IOC_CLEAR, NULL), 0);
}

TEST_HARNESS_MAIN
