// SPDX-License-Identifier: GPL-2.0
/* Sinks against real files and processes: rotation, full disks, time limits; the journal's fields; filters and rates. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "sinks.h"

static char content[65536];

static const char *read_all(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, content, sizeof(content) - 1);

	content[n < 0 ? 0 : n] = '\0';
	if (fd >= 0)
		close(fd);
	return content;
}

/* The "id":N of each line, as one number: 7 and 8 give 708. -1: a line that is no object. */
static long ids_in(const char *path)
{
	long ids = 0;

	for (const char *line = read_all(path); *line; line = strchr(line, '\n') + 1) {
		const char *id = strstr(line, "\"id\":"), *end = strchr(line, '\n');

		if (!end || line[0] != '{' || end[-1] != '}' || !id || id > end)
			return -1;
		ids = ids * 100 + atol(id + 5);
	}
	return ids;
}

TEST_F(sinks, file_is_rotated)
{
	char old[140];

	START("[alert]\nrate = off\n[file]\npath = %s/out\n", self->dir);
	snprintf(old, sizeof(old), "%s.1", self->path);
	tell(self->a, 1);
	tell(self->a, 2);
	EXPECT_EQ(102, ids_in(self->path));
	/* logrotate "create": moved away; the next alert goes to a new file with or without a signal. */
	ASSERT_EQ(0, rename(self->path, old));
	tell(self->a, 3);
	EXPECT_EQ(102, ids_in(old));
	EXPECT_EQ(3, ids_in(self->path));
	ASSERT_EQ(0, rename(self->path, old));
	alerts__reopen(self->a);
	EXPECT_EQ(0, access(self->path, F_OK));
	/* "copytruncate": no gap of zeros. */
	tell(self->a, 4);
	ASSERT_EQ(0, truncate(self->path, 0));
	tell(self->a, 5);
	EXPECT_EQ(5, ids_in(self->path));
	/* No such directory any more: lost, counted, and back when it is back. */
	ASSERT_EQ(0, rename(self->dir, "/tmp/poolwatch-sinks-away"));
	tell(self->a, 6);
	ASSERT_EQ(0, rename("/tmp/poolwatch-sinks-away", self->dir));
	tell(self->a, 7);
	EXPECT_EQ(507, ids_in(self->path));
	EXPECT_EQ(6, alerts__sink(self->a, 0)->sent);
	EXPECT_EQ(1, alerts__sink(self->a, 0)->lost);
}

TEST_F(sinks, full_disk_leaves_whole_lines)
{
	START("[alert]\nrate = off\n[file]\npath = %s/disk/out\nenable = no\n", self->dir);
	alerts__free(self->a);
	self->a = NULL;
	snprintf(self->path, sizeof(self->path), "%s/disk", self->dir);
	ASSERT_EQ(0, mkdir(self->path, 0700));
	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_EQ(0, mount("none", self->path, "tmpfs", 0, "size=8k"));
	self->conf->sinks[0].enable = true;
	ASSERT_EQ(0, alerts__new(self->conf, &self->a, self->msg, sizeof(self->msg)));
	for (int i = 0; i < 10; i++)
		tell(self->a, 1);
	EXPECT_LT(0, alerts__sink(self->a, 0)->lost);
	snprintf(self->path, sizeof(self->path), "%s/disk/out", self->dir);
	/* Space again: the torn line ends, the next one is whole. */
	snprintf(content, sizeof(content), "mount -o remount,size=64k %s/disk", self->dir);
	ASSERT_EQ(0, system(content));
	tell(self->a, 42);
	read_all(self->path);
	char *last = strstr(content, "\"id\":42");
	ASSERT_NE(NULL, last);
	while (*last != '\n')
		last--;
	EXPECT_EQ('{', last[1]);
	EXPECT_EQ('\n', content[strlen(content) - 1]);
	alerts__free(self->a);
	self->a = NULL;
	snprintf(self->path, sizeof(self->path), "%s/disk", self->dir);
	umount(self->path);
}

static void script(const char *dir, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/script", dir);
	f = fopen(path, "w");
	fprintf(f, "#!/bin/sh\ncd '%s'\n%s", dir, text);
	fclose(f);
	chmod(path, 0700);
}

TEST_F(sinks, command_one_at_a_time)
{
	int fd = open("/dev/null", O_RDONLY); /* not close-on-exec: must not get there all the same */

	script(self->dir, "mkdir lock || echo overlap >>out\n"
			  "cat >>out\nenv | sort >env\nprintf '%s|' \"$0\" \"$@\" >args\nls /proc/self/fd >fds\nrmdir lock\n");
	START("[alert]\nrate = off\n[command]\nrun = %s/script \"$(id)\" ; rm\nlimit = 20s\n", self->dir);
	for (int i = 1; i <= 4; i++)
		tell(self->a, i);
	EXPECT_EQ(4, alerts__sink(self->a, 0)->waiting);
	until_idle(self->a);
	EXPECT_EQ(1020304, ids_in(self->path));
	EXPECT_EQ(4, alerts__sink(self->a, 0)->sent);
	snprintf(self->path, sizeof(self->path), "%s/args", self->dir);
	char expected[200];
	snprintf(expected, sizeof(expected), "%s/script|$(id)|", self->dir);
	EXPECT_STREQ(expected, read_all(self->path));
	snprintf(self->path, sizeof(self->path), "%s/env", self->dir);
	snprintf(expected, sizeof(expected),
		 "LANG=C.UTF-8\nOLDPWD=/\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nPWD=%s\n", self->dir);
	EXPECT_STREQ(expected, read_all(self->path) + (strncmp(content, "LANG", 4) ? 9999 : 0));
	snprintf(self->path, sizeof(self->path), "%s/fds", self->dir);
	EXPECT_STREQ("0\n1\n2\n3\n", read_all(self->path)); /* 3: the directory that ls reads */
	close(fd);
}

TEST_F(sinks, command_has_a_limit)
{
	int status;
	pid_t left;

	/* What the command started and left behind becomes ours, not init's, so that its end can be seen. */
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	script(self->dir, "[ -e pid ] && { cat >>out; exit 0; }\nsleep 1000 & echo $! >pid.new; mv pid.new pid; wait\n");
	START("[alert]\nrate = off\n[command]\nrun = %s/script\nlimit = 500ms\n", self->dir);
	tell(self->a, 1);
	tell(self->a, 2);
	until_idle(self->a);
	EXPECT_EQ(2, ids_in(self->path));
	EXPECT_EQ(1, alerts__sink(self->a, 0)->sent);
	EXPECT_EQ(1, alerts__sink(self->a, 0)->lost);
	snprintf(self->path, sizeof(self->path), "%s/pid", self->dir);
	left = atoi(read_all(self->path));
	ASSERT_EQ(left, waitpid(left, &status, 0));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
}

TEST_F(sinks, command_queue_is_bounded)
{
	script(self->dir, "echo >>started; exec sleep 1000\n");
	START("[alert]\nrate = off\n[command]\nrun = %s/script\nlimit = 1h\n", self->dir);
	for (int i = 1; i <= 300; i++)
		tell(self->a, i);
	const struct alert_sink *s = alerts__sink(self->a, 0);

	EXPECT_LT(0, s->lost);
	EXPECT_LT(20, s->waiting);
	EXPECT_EQ(300, s->lost + s->sent);
	EXPECT_EQ(s->sent, s->waiting);
}

TEST_F(sinks, command_that_is_not_there)
{
	struct conf_error err = { 0 };
	FILE *f = fopen(self->path, "w");

	fprintf(f, "[command page]\nrun = /nonexistent/page\n");
	fclose(f);
	ASSERT_EQ(0, conf__read(self->path, NULL, false, &self->conf, &err));
	EXPECT_EQ(-ENOENT, alerts__new(self->conf, &self->a, self->msg, sizeof(self->msg)));
	EXPECT_STREQ("[command page]: No such file or directory", self->msg);
}

/* --- the journal, played by this test */

TEST_F(sinks, journal_fields)
{
	struct finding f = four_deadlocked();
	char datagram[16384], *p;
	ssize_t n;
	int fd;

	ASSERT_EQ(0, unshare(CLONE_NEWNS));
	ASSERT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	mkdir("/run/systemd", 0755);
	mkdir("/run/systemd/journal", 0755);
	ASSERT_EQ(0, mount("none", "/run/systemd/journal", "tmpfs", 0, NULL));
	fd = unix_bind("/run/systemd/journal/socket", SOCK_DGRAM);
	START("[journal]\nenable = yes\n");
	f.exe = "/x\nPRIORITY=7\nMESSAGE=forged";
	alerts__finding(self->a, &f, monotonic());
	n = recv(fd, datagram, sizeof(datagram) - 1, 0);
	ASSERT_LT(0, n);
	datagram[n] = '\0';
	p = datagram;
	/* NAME=value\n, or NAME\n, 8 bytes of length, value\n: take the fields as the journal would. */
	char seen[2 * sizeof(datagram)] = "";
	while (p < datagram + n) {
		char *eol = strchr(p, '\n'), *eq = memchr(p, '=', eol - p);
		uint64_t len;

		if (eq) {
			*eol = '\0';
			if (strncmp(p, "MESSAGE=", 8) && strncmp(p, "POOLWATCH_JSON=", 15))
				snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%.200s\n", p);
			p = eol + 1;
		} else {
			memcpy(&len, eol + 1, 8);
			snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%.*s (%u bytes)\n", (int)(eol - p), p,
				 (unsigned int)len);
			p = eol + 9 + len + 1;
		}
	}
	EXPECT_STREQ("PRIORITY=2\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=poolwatch\nMESSAGE_ID=6511f2d026d74aa9b63160bcf88d4ec0\n"
		     "POOLWATCH_KIND=deadlock\nPOOLWATCH_EVENT=new\nPOOLWATCH_ID=7\nPOOLWATCH_COUNT=1\nPOOLWATCH_POOL=sem\n"
		     "POOLWATCH_KEY=0x55d0c0de\nPOOLWATCH_CAPACITY=4\nPOOLWATCH_IN_USE=4\nPOOLWATCH_WAITERS=4\n"
		     "POOLWATCH_NEEDED_CAPACITY=5\nPOOLWATCH_PID=4242\nOBJECT_PID=4242\nPOOLWATCH_COMM=api\n"
		     "POOLWATCH_EXE (28 bytes)\n", seen);
	close(fd);
	umount("/run/systemd/journal");
}

TEST_F(sinks, filters_and_rate)
{
	struct finding f = four_deadlocked();

	START("[alert]\nrate = 2/1h\nends = no\n[file]\npath = %s/out\nkinds = deadlock leak\nseverity = error\n", self->dir);
	f.id = 1;
	alerts__finding(self->a, &f, 1);
	f.kind = FINDING_LEAK;
	f.severity = FINDING_WARNING;
	alerts__finding(self->a, &f, 1);
	f.kind = FINDING_STALL;
	f.severity = FINDING_ERROR;
	alerts__finding(self->a, &f, 1);
	f = four_deadlocked();
	f.event = FINDING_RECOVERED;
	alerts__finding(self->a, &f, 1);
	EXPECT_EQ(1, ids_in(self->path));
	for (int i = 2; i < 9; i++) {
		f = four_deadlocked();
		f.id = i;
		alerts__finding(self->a, &f, 2);
	}
	EXPECT_EQ(102, ids_in(self->path));
	EXPECT_EQ(6, alerts__suppressed(self->a));
	EXPECT_EQ(1 + 3600 * 1000000000ull, alerts__deadline(self->a));
	alerts__step(self->a, alerts__deadline(self->a));
	EXPECT_NE(NULL, strstr(read_all(self->path), "\n{\"type\":\"suppressed\",\"kind\":\"deadlock\",\"pool\":\"sem\",\"count\":6,"));
	/* A test goes everywhere. */
	alerts__test(self->a, 3);
	EXPECT_NE(NULL, strstr(read_all(self->path), "\n{\"type\":\"test\""));
}

TEST_HARNESS_MAIN
