// SPDX-License-Identifier: GPL-2.0
#include <syslog.h>
#include "kselftest_harness.h"
#include "findings.h"
#include "logline.h"
#include "syslog_sink.h"

static char line[LOGLINE_MAX];

TEST(deadlock)
{
	struct finding f = four_deadlocked();
	int len = logline__format(&f, line, sizeof(line));

	ASSERT_STREQ(
		line,
		"finding=deadlock severity=critical event=new id=7 count=1 pool=sem key=0x55d0c0de pid=4242 comm=api capacity=4 "
		"in_use=4 waiters=4 threads=4 depth=2 nesting_threads=4 needed_capacity=5 margin=-1 proof=reduction "
		"tids=4243,4244,4245,4246 thread=worker-1 held_at=\"fetch (api.c:31)\" asked_at=\"fetch_rows (api.c:40)\" "
		"exe=/usr/bin/api "
		"explanation=\"4 threads hold all 4 units of sem and each asks for one more: none can go on.\"");
	ASSERT_EQ(len, (int)strlen(line));
}

TEST(follow_up)
{
	struct finding f = four_deadlocked();

	f.event = FINDING_RECOVERED;
	f.recovered_ms = 4200;
	f.capacity = POOLWATCH_UNKNOWN;
	f.nthreads = 0;
	f.depth = 0;
	f.proof = NULL;
	f.explanation = NULL;
	f.exe = NULL;
	f.uncertain = true;
	logline__format(&f, line, sizeof(line));
	ASSERT_STREQ(
		line,
		"finding=deadlock severity=critical event=recovered id=7 count=1 pool=sem key=0x55d0c0de pid=4242 comm=api "
		"capacity=unknown in_use=4 waiters=4 threads=0 recovered_ms=4200 uncertain=yes");
}

TEST(hostile_names)
{
	struct finding f = four_deadlocked();

	strcpy(f.comm, "x\nroot: ok");
	strcpy(f.pool_name, "p\" severity=\"no");
	strcpy(f.threads[0].comm, "\033]0;t\a");
	f.exe = "/tmp/a b=\\\xff";
	f.container = "";
	f.explanation = NULL;
	f.nthreads = 1;
	logline__format(&f, line, sizeof(line));
	ASSERT_STREQ(
		line,
		"finding=deadlock severity=critical event=new id=7 count=1 pool=\"p\\\" severity=\\\"no\" key=0x55d0c0de pid=4242 "
		"comm=\"x\\x0aroot: ok\" capacity=4 in_use=4 waiters=4 threads=1 depth=2 nesting_threads=4 needed_capacity=5 "
		"margin=-1 proof=reduction tids=4243 thread=\"\\x1b]0;t\\x07\" held_at=\"fetch (api.c:31)\" "
		"asked_at=\"fetch_rows (api.c:40)\" exe=\"/tmp/a b=\\\\\\xff\" container=\"\"");
}

TEST(bounded)
{
	struct finding f = four_deadlocked();
	char whole[LOGLINE_MAX], name[4000];

	f.explanation = NULL;
	logline__format(&f, whole, sizeof(whole));
	for (size_t size = 128; size <= strlen(whole) + 1; size++) {
		memset(line, '!', sizeof(line));
		ASSERT_EQ(logline__format(&f, line, size), (int)strlen(line));
		ASSERT_LT(strlen(line), size);
		ASSERT_EQ(line[size], '!');
		if (!strcmp(line, whole))
			continue;
		/* a beginning of the whole, cut between pairs */
		char *mark = strstr(line, " truncated=yes");

		ASSERT_NE(mark, NULL);
		ASSERT_STREQ(mark, " truncated=yes");
		*mark = '\0';
		ASSERT_EQ(strncmp(whole, line, strlen(line)), 0);
		ASSERT_EQ(whole[strlen(line)], ' ');
	}
	ASSERT_EQ(logline__format(&f, line, 127), -ENOSPC);

	/* A long name is cut; what comes after it is there. */
	memset(name, '\n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	f.exe = name;
	f.container = "c0ffee";
	ASSERT_EQ(logline__format(&f, line, sizeof(line)), (int)strlen(line));
	ASSERT_NE(strstr(line, "\\x0a\\x0a\" container=c0ffee"), NULL);
	ASSERT_EQ(strchr(line, '\n'), NULL);
}

TEST(many_threads)
{
	static struct finding_thread threads[100];
	struct finding f = four_deadlocked();

	for (unsigned int i = 0; i < 100; i++)
		threads[i].tid = 4000000000u + i;
	f.threads = threads;
	f.nthreads = 100;
	logline__format(&f, line, sizeof(line));
	ASSERT_NE(strstr(line, " threads=100 "), NULL);
	ASSERT_NE(strstr(line, " tids=4000000000,4000000001,"), NULL);
	ASSERT_NE(strstr(line, ",4000000013,... thread="), NULL);
}

TEST(syslog_priorities)
{
	ASSERT_EQ(syslog_sink__priority(FINDING_CRITICAL), LOG_CRIT);
	ASSERT_EQ(syslog_sink__priority(FINDING_ERROR), LOG_ERR);
	ASSERT_EQ(syslog_sink__priority(FINDING_WARNING), LOG_WARNING);
	ASSERT_EQ(syslog_sink__priority(FINDING_INFO), LOG_INFO);
	ASSERT_EQ(syslog_sink__open("no-such"), -EINVAL);
	ASSERT_EQ(syslog_sink__open("kern"), -EINVAL); /* the C library would take it for "user" */
	ASSERT_EQ(syslog_sink__open("LOCAL3"), 0);
	ASSERT_EQ(syslog_sink__open(NULL), 0);
	syslog_sink__close();
}

TEST_HARNESS_MAIN
