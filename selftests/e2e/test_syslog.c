// SPDX-License-Identifier: GPL-2.0
/* A finding reaches the system's log daemon as one line, whatever the target calls itself. With a /dev of our own, and rsyslogd on it. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "kselftest_harness.h"
#include "e2e.h"

FIXTURE(syslog)
{
	struct proc program, watch, daemon, reader;
	char dir[40];
};

static const char config[] =
	"module(load=\"imuxsock\" SysSock.Name=\"/dev/log\" SysSock.RateLimit.Interval=\"0\")\n"
	"template(name=\"all\" type=\"string\" string=\"%syslogfacility-text%.%syslogseverity-text% %syslogtag%%msg%\\n\")\n"
	"action(type=\"ompipe\" pipe=\"/dev/pipe\" template=\"all\")\n";

/* Seen by this test and its children only: a /dev with what they need, and where rsyslogd makes its socket. */
static bool private_dev(const char *dir)
{
	static const char *const nodes[] = { "null", "zero", "random", "urandom", "poolwatch" };
	char path[80], from[40];
	struct stat st;
	FILE *f;

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("none", dir, "tmpfs", 0, NULL))
		return false;
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		snprintf(from, sizeof(from), "/dev/%s", nodes[i]);
		snprintf(path, sizeof(path), "%s/%s", dir, nodes[i]);
		if (!stat(from, &st) && mknod(path, st.st_mode, st.st_rdev))
			return false;
	}
	snprintf(path, sizeof(path), "%s/pipe", dir);
	if (mkfifo(path, 0600))
		return false;
	snprintf(path, sizeof(path), "%s/conf", dir);
	f = fopen(path, "w");
	if (!f || fputs(config, f) < 0 || fclose(f))
		return false;
	return !mount(dir, "/dev", NULL, MS_BIND, NULL);
}

FIXTURE_SETUP(syslog)
{
	char *daemon[] = { "rsyslogd", "-n", "-f", "/dev/conf", "-i", "/dev/pid", NULL }, *reader[] = { "cat", "/dev/pipe", NULL };

	memset(self, 0, sizeof(*self));
	strcpy(self->dir, "/tmp/poolwatch-e2e-XXXXXX");
	ASSERT_NE(mkdtemp(self->dir), NULL);
	ASSERT_TRUE(private_dev(self->dir));
	ASSERT_EQ(proc__start(&self->reader, reader), 0);
	ASSERT_EQ(proc__start(&self->daemon, daemon), 0);
	/* Its first line comes when it listens. */
	ASSERT_NE(proc__expect(&self->reader, "syslog.info rsyslogd: "), NULL);
	ASSERT_EQ(workload__start(&self->program, "workload_own", 2), 0);
}

FIXTURE_TEARDOWN(syslog)
{
	proc__free(&self->watch);
	proc__free(&self->program);
	proc__free(&self->daemon);
	proc__free(&self->reader);
	umount2("/dev", MNT_DETACH);
	umount2(self->dir, MNT_DETACH);
	rmdir(self->dir);
}

TEST_F(syslog, one_line_with_a_hostile_name)
{
	char pid[16], want[1200], begin[80];
	const char *f, *line;
	pid_t tid;

	snprintf(pid, sizeof(pid), "%d", self->program.pid);
	ASSERT_EQ(workload__threads(&self->program, 1, &tid), 0);
	ASSERT_STREQ(workload__do(&self->program, "1 name a\\nb\\e[2J\"c=d e"), "1 done 0");
	ASSERT_EQ(poolwatch__start(&self->watch, "attach", "-p", pid, "--acquire", "take_slot", "--release", "put_slot", "--capacity", "2",
				   "--json", "--syslog=local3", NULL), 0);
	ASSERT_TRUE(poolwatch__watches(&self->watch, self->program.pid));
	ASSERT_STREQ(workload__do(&self->program, "1 take"), "1 done 1");
	ASSERT_STREQ(workload__do(&self->program, "1 take"), "1 done 2");
	f = poolwatch__finding(&self->watch, "nested", "new");
	ASSERT_NE(f, NULL);
	EXPECT_STREQ(json_str(f, "threads.0.comm"), "a\nb\033[2J\"c=d e");
	snprintf(begin, sizeof(begin), "local3.warning poolwatch[%d]: ", self->watch.pid);
	line = proc__expect(&self->reader, "local3.");
	ASSERT_NE(line, NULL);
	snprintf(want, sizeof(want),
		 "%sfinding=nested severity=warning event=new id=1 count=1 pool=pool key=0x0 pid=%s comm=workload_own capacity=2 "
		 "in_use=%ld waiters=%ld threads=1 depth=2 nesting_threads=1 needed_capacity=3 margin=0 proof=observed tids=%d "
		 "thread=\"a\\x0ab\\x1b[2J\\\"c=d e\" held_at=\"first_request (%s:%ld)\" asked_at=\"next_request (%s:%ld)\" "
		 "exe=%s explanation=\"%s\"",
		 begin, pid, json_int(f, "pool.in_use"), json_int(f, "pool.waiters"), tid, json_str(f, "threads.0.holds.0.site.file"),
		 json_int(f, "threads.0.holds.0.site.line"), json_str(f, "threads.0.request.site.file"),
		 json_int(f, "threads.0.request.site.line"), json_str(f, "process.exe"), json_str(f, "explanation"));
	EXPECT_STREQ(line, want);
	EXPECT_EQ(poolwatch__stop(&self->watch), 3);
	/* One finding, one line: the daemon ends when it has written all that came. */
	proc__end(&self->daemon, SIGTERM);
	EXPECT_EQ(proc__expect(&self->reader, "local3."), NULL);
}

TEST_HARNESS_MAIN
