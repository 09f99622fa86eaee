// SPDX-License-Identifier: GPL-2.0
/* Who may open the device, how, and as what: the mode and group of the file, and capabilities. */
#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/capability.h>
#include "kselftest_harness.h"
#include "device.h"

FIXTURE(access)
{
	struct driver d;
};

FIXTURE_SETUP(access)
{
	ASSERT_EQ(module__load(MODULE, ""), 0);
	ASSERT_EQ(driver__open(&self->d, false), 0);
}

FIXTURE_TEARDOWN(access)
{
	driver__close(&self->d);
	EXPECT_EQ(module__unload_wait(), 0);
}

/* errno of opening with flags @arg, 0 if it worked. */
static int try_open(void *arg)
{
	int fd = open(DEVICE, (int)(intptr_t)arg);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int as(uid_t uid, bool member, int flags)
{
	return as_user(uid, member, try_open, (void *)(intptr_t)flags);
}

TEST_F(access, mode_and_group)
{
	struct stat st;

	ASSERT_EQ(stat(DEVICE, &st), 0);
	EXPECT_EQ(st.st_mode, S_IFCHR | 0640);
	EXPECT_EQ(st.st_uid, 0);
	EXPECT_EQ(st.st_gid, GROUP);
}

TEST_F(access, who_may_open_it)
{
	static const int writing[] = { O_WRONLY, O_RDWR };

	EXPECT_EQ(try_open((void *)O_RDONLY), 0);
	EXPECT_EQ(as(ALICE, true, O_RDONLY), 0);
	EXPECT_EQ(as(ALICE, false, O_RDONLY), EACCES);
	EXPECT_EQ(as(CAROL, false, O_RDONLY), EACCES);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(as(ALICE, true, writing[i]), EACCES);
		EXPECT_EQ(as(CAROL, false, writing[i]), EACCES);
		/* If an administrator gave the file away, the capabilities still say no. */
		ASSERT_EQ(chmod(DEVICE, 0666), 0);
		EXPECT_EQ(as(CAROL, false, writing[i]), EPERM);
		EXPECT_EQ(as(CAROL, false, O_RDONLY), 0);
		ASSERT_EQ(chmod(DEVICE, 0640), 0);
	}
}

/* Become root with these capabilities only. */
static int keep_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { { keep, keep, 0 }, { keep >> 32, keep >> 32, 0 } };

	return syscall(SYS_capset, &h, d);
}

static int open_with(void *arg)
{
	uint64_t keep = *(uint64_t *)arg;

	return keep_capabilities(keep) ? 255 : try_open((void *)O_RDWR);
}

TEST_F(access, a_loader_needs_both_capabilities)
{
	const uint64_t bpf = 1ull << CAP_BPF, perfmon = 1ull << CAP_PERFMON, admin = 1ull << CAP_SYS_ADMIN;
	const struct {
		uint64_t keep;
		int err;
	} cases[] = {
		{ 0, EPERM }, { bpf, EPERM }, { perfmon, EPERM }, { bpf | perfmon, 0 }, { admin, 0 },
		{ ~(bpf | perfmon | admin) & ((1ull << (CAP_LAST_CAP + 1)) - 1), EPERM },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		EXPECT_EQ(as_user(0, false, open_with, (void *)&cases[i].keep), cases[i].err);
}

/* How many of the ring's events a file opened here and now sees. */
static int count_events(void)
{
	int fd = open(DEVICE, O_RDONLY | O_NONBLOCK), n = 0;
	struct poolwatch_event e;

	while (event__read(fd, &e) > 0)
		n++;
	close(fd);
	return n;
}

static int count_with(void *arg)
{
	return keep_capabilities(*(uint64_t *)arg) ? 255 : count_events();
}

static int count_in_user_namespace(void *arg)
{
	/* All capabilities, but in a namespace of its own. */
	return unshare(CLONE_NEWUSER) ? 255 : count_events();
}

TEST_F(access, capability_to_see_all)
{
	static const uint32_t uid[] = { 0, ALICE, BOB, BOB, POOLWATCH_UID_ALL };
	uint64_t none = 0, ptrace = 1ull << CAP_SYS_PTRACE;

	for (int i = 0; i < 5; i++) {
		struct poolwatch_event e = event__of(uid[i], i);

		ASSERT_EQ(driver__emit(&self->d, &e), 0);
	}
	EXPECT_EQ(count_events(), 5);
	EXPECT_EQ(as_user(0, false, count_with, &ptrace), 5);
	EXPECT_EQ(as_user(0, false, count_with, &none), 2); /* root's own, and everybody's */
	EXPECT_EQ(as_user(BOB, true, count_in_user_namespace, NULL), 3);
}

TEST_HARNESS_MAIN
