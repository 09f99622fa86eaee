// SPDX-License-Identifier: GPL-2.0
/* What watching takes and what it costs: privilege, processes that come later, the budget. */
#include <inttypes.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "e2e.h"

#define OWN "--acquire", "take_slot", "--release", "put_slot", "--capacity", "3", "--json"
#define BIT(cap) (UINT64_C(1) << (cap))
#define NEEDED (BIT(CAP_BPF) | BIT(CAP_PERFMON) | BIT(CAP_SYS_PTRACE) | BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_CHECKPOINT_RESTORE))

/* A field of /proc/PID/status in hex; all ones: there is none. */
static uint64_t status_of(pid_t pid, const char *field)
{
	uint64_t value = UINT64_MAX;
	char path[40], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, field, strlen(field)) && line[strlen(field)] == ':')
			sscanf(line + strlen(field) + 1, "%" SCNx64, &value);
	if (f)
		fclose(f);
	return value;
}

FIXTURE(watching)
{
	struct proc program, other, watch, second, show;
	char pid[16];
};

FIXTURE_SETUP(watching)
{
	memset(self, 0, sizeof(*self));
	ASSERT_EQ(workload__start(&self->program, "workload_own", 3), 0);
	ASSERT_EQ(workload__threads(&self->program, 2, (pid_t[2]){ 0 }), 0);
	snprintf(self->pid, sizeof(self->pid), "%d", self->program.pid);
}

FIXTURE_TEARDOWN(watching)
{
	proc__free(&self->show);
	proc__free(&self->second);
	proc__free(&self->watch);
	proc__free(&self->other);
	proc__free(&self->program);
}

TEST_F(watching, keeps_no_other_privilege)
{
	/* The bounding set of this test may be smaller, in a container. */
	uint64_t may = status_of(getpid(), "CapPrm"), admin = status_of(getpid(), "CapBnd") & BIT(CAP_SYS_ADMIN), has;

	ASSERT_EQ(poolwatch__start(&self->watch, "attach", "-p", self->pid, OWN, NULL), 0);
	ASSERT_TRUE(poolwatch__watches(&self->watch, self->program.pid));
	has = status_of(self->watch.pid, "CapEff");
	/* Probes that are perf events take CAP_SYS_ADMIN. */
	EXPECT_EQ(has & ~admin, may & NEEDED);
	EXPECT_EQ(status_of(self->watch.pid, "CapPrm"), has);
	EXPECT_EQ(status_of(self->watch.pid, "CapInh"), 0);
	EXPECT_EQ(status_of(self->watch.pid, "CapAmb"), 0);
	EXPECT_EQ(status_of(self->watch.pid, "CapBnd") & ~admin & ~NEEDED, 0);
	EXPECT_EQ(status_of(self->watch.pid, "NoNewPrivs"), 1);
	/* And it sees what it is for. */
	ASSERT_NE(workload__do(&self->program, "1 take"), NULL);
	ASSERT_NE(workload__do(&self->program, "1 take"), NULL);
	EXPECT_NE(poolwatch__finding(&self->watch, "nested", "new"), NULL);
	EXPECT_EQ(poolwatch__stop(&self->watch), 3);
}

TEST_F(watching, run_takes_nothing_from_its_child)
{
	char file[] = "/tmp/poolwatch-status-XXXXXX", command[120];
	int fd = mkstemp(file);
	uint64_t child = 0;
	FILE *f;

	ASSERT_GE(fd, 0);
	close(fd);
	snprintf(command, sizeof(command), "grep CapEff /proc/self/status >%s", file);
	EXPECT_EQ(poolwatch__run(&self->watch, "run", "--pool", "sem", "--", "sh", "-c", command, NULL), 0);
	f = fopen(file, "r");
	ASSERT_NE(f, NULL);
	EXPECT_EQ(fscanf(f, "CapEff: %" SCNx64, &child), 1);
	fclose(f);
	unlink(file);
	EXPECT_EQ(child, status_of(getpid(), "CapEff"));
}

TEST_F(watching, processes_that_run_and_processes_that_come)
{
	char exe[4096];

	ASSERT_NE(realpath(e2e__file("workload_own"), exe), NULL);
	ASSERT_EQ(poolwatch__start(&self->watch, "attach", "-x", exe, OWN, NULL), 0);
	ASSERT_TRUE(poolwatch__watches(&self->watch, self->program.pid));
	ASSERT_EQ(workload__start(&self->other, "workload_own", 3), 0);
	ASSERT_EQ(workload__threads(&self->other, 1, (pid_t[1]){ 0 }), 0);
	ASSERT_TRUE(poolwatch__watches(&self->watch, self->other.pid));
	ASSERT_NE(workload__do(&self->other, "1 take"), NULL);
	ASSERT_NE(workload__do(&self->other, "1 take"), NULL);
	EXPECT_EQ(json_int(poolwatch__finding(&self->watch, "nested", "new"), "process.pid"), self->other.pid);
	EXPECT_EQ(poolwatch__stop(&self->watch), 3);
}

/* The one that costs too much goes, and is said; the one beside it stays. */
TEST_F(watching, a_hot_definition_is_detached)
{
	char pid[16];
	size_t gone = 0;
	const char *f;

	ASSERT_EQ(workload__start(&self->other, "workload_own", 3), 0);
	ASSERT_EQ(workload__threads(&self->other, 2, (pid_t[2]){ 0 }), 0);
	snprintf(pid, sizeof(pid), "%d", self->other.pid);
	ASSERT_EQ(poolwatch__start(&self->watch, "attach", "-p", self->pid, OWN, "--budget", "5", NULL), 0);
	ASSERT_EQ(poolwatch__start(&self->second, "attach", "-p", pid, OWN, "--budget", "5", NULL), 0);
	ASSERT_TRUE(poolwatch__watches(&self->watch, self->program.pid));
	ASSERT_TRUE(poolwatch__watches(&self->second, self->other.pid));
	/* More than can be done under probes within the limit of this test: it ends because they go. */
	ASSERT_EQ(proc__send(&self->program, "1 plain 50000000"), 0);
	ASSERT_STREQ(workload__do(&self->other, "1 plain 100"), "1 done 0");
	f = poolwatch__finding(&self->watch, "detached", "new");
	ASSERT_NE(f, NULL);
	EXPECT_EQ(json_int(f, "process.pid"), self->program.pid);
	/* Everybody can read what it cost. */
	ASSERT_EQ(poolwatch__run(&self->show, "show", "stats", "--json", NULL), 0);
	for (size_t i = 0; i < self->show.out.n; i++) {
		const char *line = self->show.out.lines[i];

		if (strcmp(json_str(line, "type"), "definition") || !strstr(line, "\"detached\":true"))
			continue;
		gone++;
		EXPECT_GT(json_int(line, "share_permille"), json_int(line, "budget_permille"));
		EXPECT_EQ(json_int(line, "budget_permille"), 50);
		EXPECT_GT(json_int(line, "cost_ns"), 0);
		EXPECT_EQ(json_int(line, "hits"), json_int(line, "hits_emulated") + json_int(line, "hits_stepped"));
	}
	EXPECT_GE(gone, 1); /* other sessions of this machine are shown, too */
	ASSERT_STREQ(proc__expect(&self->program, "1 done"), "1 done 0");
	/* Its books are closed: what it does now is not judged. */
	ASSERT_NE(workload__do(&self->program, "2 take"), NULL);
	ASSERT_NE(workload__do(&self->program, "2 take"), NULL);
	poolwatch__stop(&self->watch);
	EXPECT_EQ(poolwatch__count(&self->watch, NULL, NULL), 1);
	/* The other one is watched still. */
	ASSERT_NE(workload__do(&self->other, "2 take"), NULL);
	ASSERT_NE(workload__do(&self->other, "2 take"), NULL);
	EXPECT_NE(poolwatch__finding(&self->second, "nested", "new"), NULL);
	poolwatch__stop(&self->second);
	EXPECT_EQ(poolwatch__count(&self->second, "detached", NULL), 0);
}

TEST_HARNESS_MAIN
