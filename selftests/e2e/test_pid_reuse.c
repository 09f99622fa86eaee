// SPDX-License-Identifier: GPL-2.0
/*
 * A process ends and another gets its number: same program, same addresses (no randomisation), so that its number is all that
 * could mix them up. What is said of the second is of its own threads, units and requests. The program is a file of its own: all
 * of its processes are watched, whoever starts them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/personality.h>
#include "kselftest_harness.h"
#include "e2e.h"
#include "cases_watch.h"

static void same_addresses(void)
{
	personality(ADDR_NO_RANDOMIZE);
}

static int start_cases(struct proc *p, pid_t pid)
{
	char *argv[] = {(char *)e2e__file("cases_reuse"), INNOCENTS, NULL};
	int err;

	proc__before_exec = same_addresses;
	proc__next_pid = pid;
	err = proc__start(p, argv);
	proc__before_exec = NULL;
	if (!err && !proc__expect(p, "ready"))
		err = -EPROTO;
	return err;
}

/* Another run of these tests would have its processes watched by this one: one waits for the other. Until the test ends. */
static bool is_alone(void)
{
	int fd = open(e2e__file("cases_reuse"), O_RDONLY | O_CLOEXEC);

	return fd >= 0 && !flock(fd, LOCK_EX);
}

#define WATCH_ALL()                                                                                                    \
	do {                                                                                                           \
		ASSERT_TRUE(is_alone());                                                                               \
		ASSERT_EQ(start_cases(&self->program, 0), 0);                                                          \
		snprintf(self->pid, sizeof(self->pid), "%d", self->program.pid);                                       \
		ASSERT_EQ(poolwatch__start(&self->watch, "attach", "-x", e2e__file("cases_reuse"), "--pool", SLOTS,          \
					   "--json", "--budget", "off", "--stall", "600", NULL),                                         \
			  0);                                                                                          \
		ASSERT_TRUE(poolwatch__watches(&self->watch, self->program.pid));                                      \
	} while (0)

/* The next one with that number takes over from self->program, which has ended. */
#define NEXT_OF_THAT_NUMBER()                                                                                          \
	do {                                                                                                           \
		pid_t pid_ = self->program.pid;                                                                        \
		proc__free(&self->program);                                                                            \
		ASSERT_EQ(start_cases(&self->program, pid_), 0);                                                       \
		ASSERT_EQ(self->program.pid, pid_);                                                                    \
	} while (0)

/* In a ledger that begins with it: four requests of two threads, two granted. */
static void check_fresh(struct __test_metadata *_metadata, FIXTURE_DATA(cases) * self)
{
	struct proc show = {0};
	int seen = 0;

	ASSERT_EQ(poolwatch__run(&show, "show", "pools", "-p", self->pid, "--json", NULL), 0);
	for (size_t i = 0; i < show.out.n; i++) {
		const char *p = show.out.lines[i];

		if (json_int(p, "capacity") != 2)
			continue;
		seen++;
		ASSERT_EQ(json_int(p, "requests"), 4);
		ASSERT_EQ(json_int(p, "grants"), 2);
		ASSERT_EQ(json_int(p, "releases"), 0);
		ASSERT_EQ(json_int(p, "in_use"), 2);
		ASSERT_EQ(json_int(p, "waiters"), 2);
	}
	ASSERT_EQ(seen, 1);
	proc__free(&show);
}

static void check_second(struct __test_metadata *_metadata, FIXTURE_DATA(cases) * self, int64_t first_id)
{
	const char *f;

	ASSERT_TRUE(poolwatch__watches(&self->watch, self->program.pid));
	FORMS("nest", 2);
	f = FINDING("deadlock", "new");
	NAMES(f, 2);
	ASSERT_NE(json_int(f, "id"), first_id);
	ASSERT_EQ(json_int(f, "count"), 1);
	ASSERT_EQ(json_int(f, "process.pid"), self->program.pid);
	ASSERT_EQ(json_int(f, "pool.in_use"), 2);
	ASSERT_EQ(json_int(f, "pool.waiters"), 2);
	ASSERT_EQ(json_int(f, "nesting_threads"), 2);
	check_fresh(_metadata, self);
}

/* Both deadlock, one after the other. */
TEST_F(cases, both_deadlock)
{
	int64_t id;

	WATCH_ALL();
	FORMS("nest", 2);
	id = json_int(FINDING("deadlock", "new"), "id");
	ASSERT_EQ(proc__end(&self->program, SIGKILL), 128 + SIGKILL);
	FINDING("deadlock", "recovered");
	NEXT_OF_THAT_NUMBER();
	check_second(_metadata, self, id);
	TOLD("nested new", "deadlock new", "deadlock recovered", "nested new", "deadlock new");
}

/* It all happens while poolwatch does not run: when it does, the number is there, as it was. */
TEST_F(cases, behind_its_back)
{
	int64_t id;

	WATCH_ALL();
	FORMS("nest", 2);
	id = json_int(FINDING("deadlock", "new"), "id");
	kill(self->watch.pid, SIGSTOP);
	ASSERT_EQ(proc__end(&self->program, SIGKILL), 128 + SIGKILL);
	NEXT_OF_THAT_NUMBER();
	kill(self->watch.pid, SIGCONT);
	FINDING("deadlock", "recovered");
	check_second(_metadata, self, id);
	TOLD("nested new", "deadlock new", "deadlock recovered", "nested new", "deadlock new");
}

/* The second does nothing wrong. */
TEST_F(cases, the_second_is_innocent)
{
	WATCH_ALL();
	DO("before", "taken");
	kill(self->watch.pid, SIGSTOP);
	ASSERT_EQ(proc__end(&self->program, SIGKILL), 128 + SIGKILL);
	NEXT_OF_THAT_NUMBER();
	kill(self->watch.pid, SIGCONT);
	ASSERT_TRUE(poolwatch__watches(&self->watch, self->program.pid));
	DO("post", "posted");
	TOLD();
}

TEST_HARNESS_MAIN
