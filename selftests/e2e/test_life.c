// SPDX-License-Identifier: GPL-2.0
/* What becomes of target and tool when one of them ends, forks, execs, is killed, or is watched twice. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <linux/bpf.h>
#include "kselftest_harness.h"
#include "e2e.h"

#define UNITS 2

FIXTURE(life)
{
	struct proc program, watch, other;
	pid_t tid[UNITS];
	char pid[16];
};

FIXTURE_SETUP(life)
{
	memset(self, 0, sizeof(*self));
	ASSERT_EQ(workload__start(&self->program, "workload_own", UNITS), 0);
	ASSERT_EQ(workload__threads(&self->program, UNITS, self->tid), 0);
	snprintf(self->pid, sizeof(self->pid), "%d", self->program.pid);
}

FIXTURE_TEARDOWN(life)
{
	proc__free(&self->other);
	proc__free(&self->watch);
	proc__free(&self->program);
}

#define ATTACH(p, ...)                                                                                                           \
	do {                                                                                                                     \
		ASSERT_EQ(poolwatch__start(p, "attach", "-p", self->pid, "--acquire", "take_slot", "--release", "put_slot",      \
					   "--capacity", "2", "--json", "--budget", "off", ##__VA_ARGS__, NULL), 0);             \
		ASSERT_TRUE(poolwatch__watches(p, self->program.pid));                                                           \
	} while (0)

#define DO(order, answer) ASSERT_STREQ(workload__do(&self->program, order), answer)

/* The program's own code as it is in memory now, and as it is in its file. */
#define TEXT_MAX (1 << 20)

struct text {
	uint64_t start, len, offset;
	char exe[64];
};

/* The executable mapping of the program itself. */
static bool find_text(pid_t pid, struct text *t)
{
	char path[64], line[512], perms[8];
	uint64_t end;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "r");
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%lx-%lx %7s %lx", &t->start, &end, perms, &t->offset) == 4 && perms[2] == 'x' &&
			strstr(line, "/workload_own");
	if (f)
		fclose(f);
	t->len = end - t->start;
	snprintf(t->exe, sizeof(t->exe), "/proc/%d/exe", pid);
	return found && t->len <= TEXT_MAX;
}

/* How many bytes of its code in memory are not those of the file; -1: cannot tell. A breakpoint is one. */
static int changed_bytes(pid_t pid)
{
	static char mem[TEXT_MAX], file[TEXT_MAX];
	int fd_mem, fd_file, n = 0;
	char path[64];
	struct text t;
	bool ok;

	if (!find_text(pid, &t))
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd_mem = open(path, O_RDONLY);
	fd_file = open(t.exe, O_RDONLY);
	memset(file, 0, sizeof(file));
	ok = pread(fd_mem, mem, t.len, t.start) == (ssize_t)t.len && pread(fd_file, file, t.len, t.offset) > 0;
	close(fd_mem);
	close(fd_file);
	for (size_t i = 0; i < t.len && ok; i++)
		n += mem[i] != file[i];
	return ok ? n : -1;
}

/* What BPF objects a process keeps, by their numbers, which are not used again. */
struct kept {
	int cmd; /* of bpf(2): descriptor by number */
	uint32_t id;
};

#define MAX_KEPT 512

static size_t kept_by(pid_t pid, struct kept kept[MAX_KEPT])
{
	static const struct {
		const char *key;
		int cmd;
	} keys[] = { { "prog_id: %u", BPF_PROG_GET_FD_BY_ID }, { "map_id: %u", BPF_MAP_GET_FD_BY_ID }, { "link_id: %u", BPF_LINK_GET_FD_BY_ID } };
	char path[64], line[200];
	size_t n = 0;

	for (int fd = 0; fd < 1024; fd++) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f))
			for (size_t i = 0; i < 3 && n < MAX_KEPT; i++)
				if (sscanf(line, keys[i].key, &kept[n].id) == 1)
					kept[n++].cmd = keys[i].cmd;
		if (f)
			fclose(f);
	}
	return n;
}

static bool exists(const struct kept *k)
{
	union bpf_attr attr = { .prog_id = k->id }; /* the number is the first member for all three */
	int fd = syscall(SYS_bpf, k->cmd, &attr, sizeof(attr));

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Breakpoints are there while it is watched; not after, however the watch ended. The program never notices. */
static void watch_and_end(struct __test_metadata *_metadata, FIXTURE_DATA(life) *self, int sig)
{
	static struct kept kept[MAX_KEPT];
	int answered = 0;
	size_t n;

	EXPECT_EQ(changed_bytes(self->program.pid), 0);
	ATTACH(&self->watch);
	n = kept_by(self->watch.pid, kept);
	EXPECT_GT(n, 10);
	for (size_t i = 0; i < n; i++)
		EXPECT_TRUE(exists(&kept[i]));
	EXPECT_GE(changed_bytes(self->program.pid), 3); /* entry and return of take_slot, entry of put_slot */
	/* In the middle of requests: thread 2 is inside take_slot. */
	DO("1 take", "1 done 1");
	DO("1 take", "1 done 2");
	ASSERT_NE(workload__do(&self->program, "2 ask"), NULL);
	EXPECT_EQ(proc__end(&self->watch, sig), sig == SIGINT ? 3 : 128 + sig);
	/* The kernel takes it all away as the last descriptor goes: that may be a little after the process has. */
	while (changed_bytes(self->program.pid) > 0)
		;
	for (size_t i = 0; i < n; i++)
		while (exists(&kept[i]))
			;
	EXPECT_EQ(changed_bytes(self->program.pid), 0);
	/* Thread 1 and the one that it lets go on answer in any order. */
	ASSERT_EQ(proc__send(&self->program, "1 put"), 0);
	for (int i = 0; i < 2; i++) {
		const char *answer = proc__line(&self->program);

		ASSERT_NE(answer, NULL);
		answered |= (!strcmp(answer, "1 done 1") ? 1 : 0) | (!strcmp(answer, "2 done 1") ? 2 : 0);
	}
	EXPECT_EQ(answered, 3);
	DO("2 put", "2 done 0");
	DO("1 put", "1 done 0");
	ASSERT_EQ(proc__send(&self->program, "1 both 10000"), 0);
	ASSERT_NE(proc__expect(&self->program, "1 done 0"), NULL);
	ASSERT_EQ(proc__send(&self->program, "quit"), 0);
	EXPECT_EQ(proc__wait(&self->program), 0);
	EXPECT_EQ(self->program.err.n, 0);
}

TEST_F(life, interrupted)
{
	watch_and_end(_metadata, self, SIGINT);
}

TEST_F(life, killed)
{
	watch_and_end(_metadata, self, SIGKILL);
}

/* Killed while every thread runs through the probes. */
TEST_F(life, killed_under_load)
{
	ATTACH(&self->watch);
	ASSERT_EQ(proc__send(&self->program, "1 plain 50000"), 0);
	ASSERT_EQ(proc__send(&self->program, "2 plain 50000"), 0);
	EXPECT_EQ(proc__end(&self->watch, SIGKILL), 128 + SIGKILL);
	ASSERT_NE(proc__line(&self->program), NULL);
	ASSERT_NE(proc__line(&self->program), NULL);
	EXPECT_EQ(changed_bytes(self->program.pid), 0);
	ASSERT_EQ(proc__send(&self->program, "quit"), 0);
	EXPECT_EQ(proc__wait(&self->program), 0);
}

/* Each sees all of it; the end of one takes nothing from the other. */
TEST_F(life, watched_twice)
{
	ATTACH(&self->watch);
	ATTACH(&self->other);
	DO("1 take", "1 done 1");
	DO("1 take", "1 done 2");
	EXPECT_EQ(poolwatch__stop(&self->watch), 3);
	EXPECT_EQ(self->watch.out.n, 1);
	EXPECT_EQ(poolwatch__count(&self->watch, "nested", "new"), 1);
	DO("1 put", "1 done 1");
	DO("1 put", "1 done 0");
	DO("1 take", "1 done 1");
	DO("2 take", "2 done 1");
	ASSERT_NE(workload__do(&self->program, "1 ask"), NULL);
	ASSERT_NE(workload__do(&self->program, "2 ask"), NULL);
	ASSERT_NE(poolwatch__finding(&self->other, "deadlock", "new"), NULL);
	EXPECT_EQ(poolwatch__stop(&self->other), 3);
	EXPECT_EQ(self->other.out.n, 2);
	EXPECT_EQ(changed_bytes(self->program.pid), 0);
}

TEST_F(life, target_ends)
{
	ATTACH(&self->watch);
	DO("1 take", "1 done 1");
	DO("1 take", "1 done 2");
	DO("1 put", "1 done 1");
	DO("1 put", "1 done 0");
	ASSERT_EQ(proc__send(&self->program, "quit"), 0);
	EXPECT_EQ(proc__wait(&self->program), 0);
	/* It ends by itself. What it saw is told, and nothing is left that leaked. */
	EXPECT_EQ(proc__wait(&self->watch), 3);
	EXPECT_EQ(self->watch.out.n, 1);
	EXPECT_EQ(poolwatch__count(&self->watch, "nested", "new"), 1);
}

TEST_F(life, target_is_killed_in_deadlock)
{
	ATTACH(&self->watch);
	DO("1 take", "1 done 1");
	DO("2 take", "2 done 1");
	ASSERT_NE(workload__do(&self->program, "1 ask"), NULL);
	ASSERT_NE(workload__do(&self->program, "2 ask"), NULL);
	ASSERT_NE(poolwatch__finding(&self->watch, "deadlock", "new"), NULL);
	EXPECT_EQ(proc__end(&self->program, SIGKILL), 128 + SIGKILL);
	EXPECT_EQ(proc__wait(&self->watch), 3);
	EXPECT_EQ(poolwatch__count(&self->watch, "nested", "new"), 1);
	EXPECT_EQ(poolwatch__count(&self->watch, "deadlock", "new"), 1);
}

/* exec ends all holds; the program that comes is watched as the one before it was. */
TEST_F(life, target_execs)
{
	const char *f;

	ATTACH(&self->watch);
	DO("1 take", "1 done 1");
	DO("exec", "ready");
	ASSERT_EQ(workload__threads(&self->program, UNITS, self->tid), 0);
	ASSERT_NE(proc__expect_err(&self->watch, "poolwatch: process "), NULL);
	DO("1 take", "1 done 1");
	DO("2 take", "2 done 1");
	ASSERT_NE(workload__do(&self->program, "1 ask"), NULL);
	ASSERT_NE(workload__do(&self->program, "2 ask"), NULL);
	f = poolwatch__finding(&self->watch, "deadlock", "new");
	ASSERT_NE(f, NULL);
	EXPECT_EQ(json_int(f, "pool.in_use"), 2);
	EXPECT_EQ(json_len(f, "threads"), 2);
	EXPECT_EQ(poolwatch__stop(&self->watch), 3);
}

/* A child's threads are not its parent's: they count only if the child is followed, and then in a pool of their own. */
TEST_F(life, a_child_is_not_watched)
{
	ATTACH(&self->watch);
	DO("1 take", "1 done 1");
	ASSERT_NE(workload__do(&self->program, "fork"), NULL);
	ASSERT_EQ(workload__threads(&self->program, 1, self->tid), 0);
	DO("1 take", "1 done 1");
	ASSERT_EQ(proc__send(&self->program, "quit"), 0);
	ASSERT_NE(proc__expect(&self->program, "child ended"), NULL);
	DO("1 put", "1 done 0");
	EXPECT_EQ(poolwatch__stop(&self->watch), 0);
	EXPECT_EQ(self->watch.out.n, 0);
}

TEST_F(life, a_child_is_followed)
{
	const char *f;
	int child;

	ATTACH(&self->watch, "--follow");
	ASSERT_EQ(sscanf(workload__do(&self->program, "fork") ?: "", "forked %d", &child), 1);
	ASSERT_TRUE(poolwatch__watches(&self->watch, child));
	ASSERT_EQ(workload__threads(&self->program, 1, self->tid), 0);
	DO("1 take", "1 done 1");
	DO("1 take", "1 done 2");
	DO("1 put", "1 done 1");
	DO("1 put", "1 done 0");
	f = poolwatch__finding(&self->watch, "nested", "new");
	ASSERT_NE(f, NULL);
	EXPECT_EQ(json_int(f, "process.pid"), child);
	EXPECT_EQ(json_int(f, "threads.0.tid"), self->tid[0]);
	ASSERT_EQ(proc__send(&self->program, "quit"), 0);
	ASSERT_NE(proc__expect(&self->program, "child ended"), NULL);
	EXPECT_EQ(poolwatch__stop(&self->watch), 3);
	EXPECT_EQ(self->watch.out.n, 1);
}

TEST_HARNESS_MAIN
