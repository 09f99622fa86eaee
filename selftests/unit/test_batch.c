// SPDX-License-Identifier: GPL-2.0
/* Samples of top -b, over a session written by hand. */
#include <ctype.h>
#include "kselftest_harness.h"
#include "capture.h"
#include "fake_source.h"
#include "top.h"

/* A pool of two that deadlocks with the second look; the session is over at the fifth. */
static int make(struct ledger *l, unsigned int look)
{
	struct poolwatch_pool *p;

	if (look == 4)
		return -ENOENT;
	fake_def(l, 0, "db");
	/* Numbers that no process can have. */
	fake_proc(l, 0, 4200001, "api");
	p = fake_pool(l, 0, 4200001, 0, 0xd0, 2, 2);
	p->grants = 10 + 5 * look;
	for (uint32_t i = 0; i < 2; i++) {
		struct poolwatch_thread *t = fake_thread(l, i, 4200001, 4200002 + i, "worker");

		fake_hold(l, t, 0, 1, FAKE_SECOND, 0x400100);
		if (look)
			fake_request(l, t, 0, FAKE_SECOND / 2, 0x400200);
	}
	return 0;
}

/* What @looks samples print, times of day as 0. */
static const char *batch(struct top_options o, int *err)
{
	struct fake_source source = fake_source(make);
	struct sessions sessions;
	struct top *t;
	FILE *out;

	o.batch = true;
	o.interval_ns = 1000000;
	if (sessions__of(&sessions, &source.source) || top__new(&o, &sessions, &t))
		return NULL;
	out = capture();
	*err = top__batch(t, out);
	top__free(t);
	captured_text(out);
	for (char *c = captured; *c; c++)
		if (isdigit(c[0]) && isdigit(c[1]) && c[2] == ':' && isdigit(c[3]) && isdigit(c[4]) && c[5] == ':')
			memcpy(c, "00:00:00", 8);
	return captured;
}

TEST(text)
{
	const struct top_options o = { .looks = 3, .columns = "name,capacity,in_use,waiters,rate,state", .no_headings = true };
	int err;

	ASSERT_STREQ(batch(o, &err), "db  2  2  0  -  full\n"
				     "db  2  2  2  5.0  full\n"
				     "db  2  2  2  5.0  DEADLOCK\n"
				     "! 00:00:00 deadlock in db of api[4200001]: 2 threads hold 2 of the 2 units of db, each waits for "
				     "another, and none can go on\n");
	ASSERT_EQ(err, 0);
}

TEST(headings)
{
	const struct top_options o = { .looks = 1, .columns = "name,state" };
	const char *text, *line;
	int err;

	text = batch(o, &err);
	ASSERT_EQ(strncmp(text, "poolwatch ", 10), 0);
	line = strstr(text, " 00:00:00, ");
	ASSERT_NE(line, NULL);
	ASSERT_STREQ(line, " 00:00:00, 1 pools, 2 threads, 1 full\nPOOL  STATE\ndb    full\n\n");
}

TEST(a_filter_and_a_process)
{
	const struct top_options other = { .looks = 1, .columns = "name", .no_headings = true, .pid = 7 };
	const struct top_options hidden = { .looks = 1, .columns = "name", .no_headings = true, .filter = "nothing" };
	int err;

	ASSERT_STREQ(batch(other, &err), "");
	ASSERT_STREQ(batch(hidden, &err), "");
}

TEST(json_is_a_line_a_sample)
{
	const struct top_options o = { .looks = 3, .json = true };
	const char *line, *end;
	int err, n = 0;

	line = batch(o, &err);
	for (; (end = strchr(line, '\n')); line = end + 1, n++) {
		char sample[16384];
		char *findings;

		snprintf(sample, sizeof(sample), "%.*s", (int)(end - line), line);
		ASSERT_EQ(strncmp(sample, "{\"type\":\"sample\",\"time\":\"2", 26), 0);
		ASSERT_NE(strstr(sample, ",\"interval_ns\":1000000,\"sessions\":[{\"session\":1,\"mode\":\"direct\",\"pools\":[{\"type\":\"pool\","
					 "\"name\":\"db\",\"key\":\"0xd0\",\"capacity\":2,\"in_use\":2,"),
			  NULL);
		ASSERT_NE(strstr(sample, "],\"threads\":[{\"type\":\"thread\",\"tid\":4200002,\"pid\":4200001,\"comm\":\"worker\",\"holds\":[{"), NULL);
		findings = strstr(sample, "],\"counters\":[]}],\"findings\":[");
		ASSERT_NE(findings, NULL);
		/* a finding is told once, in the sample it belongs to */
		findings = strstr(findings, "\"findings\"");
		if (n == 2) {
			const char *told = "\"findings\":[{\"type\":\"finding\",\"kind\":\"deadlock\",";

			ASSERT_EQ(strncmp(findings, told, strlen(told)), 0);
		} else {
			ASSERT_STREQ(findings, "\"findings\":[]}");
		}
	}
	ASSERT_EQ(n, 3);
	ASSERT_EQ(err, 0);
}

TEST(the_session_ends)
{
	const struct top_options o = { .columns = "name", .no_headings = true };
	int err;

	/* four samples, however many were asked for */
	ASSERT_EQ(strncmp(batch(o, &err), "db\ndb\ndb\n! ", 11), 0);
	ASSERT_EQ(err, -ENODEV);
}

TEST(a_full_disk)
{
	struct fake_source source = fake_source(make);
	struct top_options o = { .batch = true, .interval_ns = 1000000, .looks = 2 };
	struct sessions sessions;
	struct top *t;
	FILE *full = fopen("/dev/full", "w");

	ASSERT_EQ(sessions__of(&sessions, &source.source), 0);
	ASSERT_EQ(top__new(&o, &sessions, &t), 0);
	ASSERT_EQ(top__batch(t, full), -EIO);
	top__free(t);
	fclose(full);
}

TEST_HARNESS_MAIN
