// SPDX-License-Identifier: GPL-2.0
/* The texts of alerts, exactly, names that try to forge others included; the rate limit; the spool, killed and damaged. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "findings.h"
#include "alert.h"
#include "alert_render.h"
#include "limiter.h"
#include "rfc5424.h"
#include "spool.h"

/* --- texts */

static const struct rfc5424_header header = { .facility = LOG_LOCAL0, .hostname = "db 1\xc3\xa9", .procid = 99, .version = "1.2.3" };

TEST(rfc5424_finding)
{
	struct finding f = four_deadlocked();
	struct alert a = { .type = ALERT_FINDING, .finding = &f, .realtime_ns = f.realtime_ns };
	struct alert_text t;
	char *text, expected[4096];
	int len;

	ASSERT_EQ(0, alert_render__texts(&a, &t));
	len = rfc5424__format(&header, &a, &text);
	snprintf(expected, sizeof(expected),
		 "<130>1 2026-01-02T03:04:05.678901Z db?1?? poolwatch 99 deadlock "
		 "[origin software=\"poolwatch\" swVersion=\"1.2.3\"]"
		 "[poolwatch@32473 kind=\"deadlock\" event=\"new\" id=\"7\" count=\"1\" pool=\"sem\" key=\"0x55d0c0de\" capacity=\"4\" "
		 "inUse=\"4\" waiters=\"4\" neededCapacity=\"5\" pid=\"4242\" comm=\"api\" exe=\"/usr/bin/api\" proof=\"reduction\"] %s",
		 t.line);
	EXPECT_STREQ(expected, text);
	EXPECT_EQ(strlen(text), (size_t)len);
	EXPECT_EQ(0, strncmp(t.line, "finding=deadlock severity=critical event=new id=7 ", 50));
	EXPECT_EQ('}', t.json[t.json_len - 1]);
	free(text);
	alert_text__clear(&t);
}

TEST(rfc5424_hostile_names)
{
	struct finding f = { .kind = FINDING_LEAK, .severity = FINDING_WARNING, .id = 1, .count = 1, .pid = 1,
			     .capacity = POOLWATCH_UNKNOWN, .in_use = POOLWATCH_UNKNOWN, .waiters = POOLWATCH_UNKNOWN,
			     .pool_name = "a\"] [x y=\"z", .comm = "\n<0>1 forged",
			     .exe = "/\x1b]0;t\x07\xff\xc2\x9b\\\xe2\x80\xa8", .container = "caf\xc3\xa9" };
	struct alert a = { .type = ALERT_FINDING, .finding = &f, .realtime_ns = 1 };
	struct alert_text t;
	char *text, *data, *end;

	ASSERT_EQ(0, alert_render__texts(&a, &t));
	ASSERT_LT(0, rfc5424__format(&header, &a, &text));
	data = strstr(text, "[poolwatch@32473");
	ASSERT_NE(NULL, data);
	end = strstr(data, "] finding=");
	ASSERT_NE(NULL, end);
	end[1] = '\0';
	EXPECT_STREQ("[poolwatch@32473 kind=\"leak\" event=\"new\" id=\"1\" count=\"1\" pool=\"a\\\"\\] [x y=\\\"z\" key=\"0x0\" pid=\"1\" "
		     "comm=\"\\\\x0a<0>1 forged\" exe=\"/\\\\x1b\\]0;t\\\\x07\\\\xff\\\\xc2\\\\x9b\\\\\\\\\\\\xe2\\\\x80\\\\xa8\" "
		     "container=\"caf\xc3\xa9\"]", data);
	/* Every text of it is one line that moves no cursor. */
	for (const char *const *s = (const char *const[]){ text, t.line, t.json, NULL }; *s; s++) {
		for (const char *p = *s; *p; p++) {
			EXPECT_LE(' ', (unsigned char)*p);
			EXPECT_NE(0x7f, *p);
		}
		EXPECT_EQ(NULL, strstr(*s, "\xc2\x9b"));
	}
	free(text);
	alert_text__clear(&t);
}

TEST(other_alerts)
{
	struct finding f = { .kind = FINDING_NESTED, .severity = FINDING_ERROR, .pool_name = "a b" };
	struct alert a = { .type = ALERT_SUPPRESSED, .finding = &f, .suppressed = 12, .realtime_ns = 1767323045678901234ull };
	struct alert_text t;
	char *text;

	ASSERT_EQ(0, alert_render__texts(&a, &t));
	EXPECT_STREQ("suppressed=12 finding=nested severity=error pool=\"a b\"", a.line);
	EXPECT_STREQ("{\"type\":\"suppressed\",\"kind\":\"nested\",\"pool\":\"a b\",\"count\":12,\"severity\":\"error\","
		     "\"time\":\"2026-01-02T03:04:05.678901Z\"}", a.json);
	ASSERT_LT(0, rfc5424__format(&header, &a, &text));
	EXPECT_STREQ("<131>1 2026-01-02T03:04:05.678901Z db?1?? poolwatch 99 suppressed [origin software=\"poolwatch\" swVersion=\"1.2.3\"]"
		     "[poolwatch@32473 kind=\"nested\" pool=\"a b\" suppressed=\"12\"] "
		     "suppressed=12 finding=nested severity=error pool=\"a b\"", text);
	free(text);
	alert_text__clear(&t);

	a.type = ALERT_TEST;
	ASSERT_EQ(0, alert_render__texts(&a, &t));
	EXPECT_STREQ("test=yes severity=error explanation=\"a test alert: nothing is wrong\"", a.line);
	EXPECT_STREQ("test", a.name);
	alert_text__clear(&t);
}

/* --- rate limit */

#define SECOND 1000000000ull

TEST(limit)
{
	static struct limiter l = { .rate = 2, .window_ns = 10 * SECOND };
	struct finding f = { .kind = FINDING_STALL, .severity = FINDING_ERROR, .pool_name = "p" }, other = f, worse = f;
	struct limiter_slot due;

	strcpy(other.pool_name, "q");
	worse.severity = FINDING_CRITICAL;
	EXPECT_EQ(UINT64_MAX, limiter__deadline(&l));
	EXPECT_TRUE(limiter__pass(&l, &f, 100 * SECOND));
	EXPECT_TRUE(limiter__pass(&l, &f, 101 * SECOND));
	EXPECT_FALSE(limiter__pass(&l, &f, 102 * SECOND));
	EXPECT_FALSE(limiter__pass(&l, &worse, 103 * SECOND));
	EXPECT_FALSE(limiter__pass(&l, &f, 103 * SECOND));
	EXPECT_TRUE(limiter__pass(&l, &other, 103 * SECOND));
	EXPECT_EQ(110 * SECOND, limiter__deadline(&l));
	EXPECT_FALSE(limiter__due(&l, 110 * SECOND - 1, &due));
	ASSERT_TRUE(limiter__due(&l, 110 * SECOND, &due));
	EXPECT_EQ(3, due.suppressed);
	EXPECT_EQ(FINDING_CRITICAL, due.severity);
	EXPECT_STREQ("p", due.pool_name);
	EXPECT_FALSE(limiter__due(&l, 110 * SECOND, &due));
	EXPECT_EQ(UINT64_MAX, limiter__deadline(&l));
	EXPECT_TRUE(limiter__pass(&l, &f, 111 * SECOND));
	EXPECT_EQ(3, l.total);
	/* A quiet window starts anew. */
	EXPECT_TRUE(limiter__pass(&l, &f, 200 * SECOND));
	EXPECT_TRUE(limiter__pass(&l, &f, 200 * SECOND));
	EXPECT_FALSE(limiter__pass(&l, &f, 200 * SECOND));
}

TEST(limit_off_and_full)
{
	static struct limiter off, full = { .rate = 1, .window_ns = SECOND };
	struct finding f = { .kind = FINDING_STALL };

	for (int i = 0; i < 1000; i++)
		EXPECT_TRUE(limiter__pass(&off, &f, 0));
	/* More definitions than slots: the last ones share, none passes unlimited. */
	int passed = 0;

	for (int i = 0; i < 2 * LIMITER_SLOTS; i++) {
		snprintf(f.pool_name, sizeof(f.pool_name), "p%d", i);
		passed += limiter__pass(&full, &f, SECOND);
	}
	EXPECT_EQ(LIMITER_SLOTS, passed);
	EXPECT_EQ(LIMITER_SLOTS, full.total);
}

/* --- spool */

FIXTURE(spool)
{
	char path[64];
	struct spool *s;
};

FIXTURE_SETUP(spool)
{
	int fd;

	strcpy(self->path, "/tmp/poolwatch-spool-XXXXXX");
	fd = mkstemp(self->path);
	ASSERT_LE(0, fd);
	close(fd);
	self->s = NULL;
}

FIXTURE_TEARDOWN(spool)
{
	spool__close(self->s);
	unlink(self->path);
}

static uint64_t value_at(struct spool *s, uint64_t n)
{
	size_t len;
	const char *m = spool__at(s, n, &len);

	/* "<number>:xxxx" with as many x as the number says, modulo 300 */
	if (!m)
		return UINT64_MAX;
	uint64_t v = strtoull(m, NULL, 10);
	char text[400];
	size_t want = snprintf(text, sizeof(text), "%" PRIu64 ":", v);

	memset(text + want, 'x', v % 300);
	want += v % 300;
	return len == want && !memcmp(m, text, want) ? v : UINT64_MAX;
}

static int push(struct spool *s, uint64_t v)
{
	char text[400];
	size_t len = snprintf(text, sizeof(text), "%" PRIu64 ":", v);

	memset(text + len, 'x', v % 300);
	return spool__push(s, text, len + v % 300);
}

TEST_F(spool, keeps_the_newest)
{
	ASSERT_EQ(0, spool__open(NULL, 4096, &self->s));
	EXPECT_EQ(0, spool__count(self->s));
	EXPECT_EQ(UINT64_MAX, value_at(self->s, 0));
	for (uint64_t v = 0; v < 5000; v++) {
		uint64_t first = spool__first(self->s), count;

		ASSERT_EQ(0, push(self->s, v));
		count = spool__count(self->s);
		ASSERT_EQ(v + 1, spool__lost(self->s) + count);
		ASSERT_LE(first, spool__first(self->s));
		ASSERT_EQ(spool__lost(self->s), spool__first(self->s));
		for (uint64_t i = 0; i < count; i++)
			ASSERT_EQ(v - count + 1 + i, value_at(self->s, spool__first(self->s) + i));
		ASSERT_EQ(UINT64_MAX, value_at(self->s, spool__first(self->s) + count));
	}
	/* Never less than half of what fits if all were of the largest size. */
	EXPECT_LE(6, spool__count(self->s));
}

TEST_F(spool, first_in_first_out)
{
	uint64_t out = 0;

	ASSERT_EQ(0, spool__open(NULL, 4096, &self->s));
	for (uint64_t v = 0; v < 3000; v++) {
		ASSERT_EQ(0, push(self->s, v));
		if (v % 3) {
			ASSERT_EQ(out, value_at(self->s, spool__first(self->s)));
			spool__pop(self->s);
			out++;
		}
		while (spool__count(self->s) > 5) {
			ASSERT_EQ(out, value_at(self->s, spool__first(self->s)));
			spool__pop(self->s);
			out++;
		}
	}
	EXPECT_EQ(0, spool__lost(self->s));
	while (spool__count(self->s))
		spool__pop(self->s);
	spool__pop(self->s);
	EXPECT_EQ(0, spool__count(self->s));
	EXPECT_EQ(3000, spool__first(self->s));
}

TEST_F(spool, too_long)
{
	char big[4096] = "";

	ASSERT_EQ(0, spool__open(NULL, 4096, &self->s));
	EXPECT_EQ(-EMSGSIZE, spool__push(self->s, big, sizeof(big)));
	EXPECT_EQ(1, spool__lost(self->s));
	EXPECT_EQ(0, spool__count(self->s));
	EXPECT_EQ(-EINVAL, spool__open(NULL, 4095, &self->s));
	EXPECT_EQ(-EINVAL, spool__open(NULL, 4097, &self->s));
}

TEST_F(spool, outlives_a_killed_process)
{
	struct spool *second;
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (spool__open(self->path, 8192, &self->s))
			_exit(1);
		for (uint64_t v = 0; v < 100; v++)
			push(self->s, v);
		while (spool__count(self->s) > 10)
			spool__pop(self->s);
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, &status, 0);
	ASSERT_TRUE(WIFSIGNALED(status));
	ASSERT_EQ(0, spool__open(self->path, 8192, &self->s));
	EXPECT_EQ(10, spool__count(self->s));
	for (uint64_t v = 90; v < 100; v++) {
		EXPECT_EQ(v, value_at(self->s, spool__first(self->s)));
		spool__pop(self->s);
	}
	/* One at a time. */
	EXPECT_EQ(-EBUSY, spool__open(self->path, 8192, &second));
}

TEST_F(spool, damage_is_discarded)
{
	struct stat st;
	uint8_t *bytes;
	int fd;

	ASSERT_EQ(0, spool__open(self->path, 4096, &self->s));
	for (uint64_t v = 0; v < 40; v++)
		push(self->s, v);
	spool__close(self->s);
	self->s = NULL;
	fd = open(self->path, O_RDWR);
	ASSERT_EQ(0, fstat(fd, &st));
	bytes = malloc(st.st_size);
	ASSERT_EQ(st.st_size, pread(fd, bytes, st.st_size, 0));
	/* Whatever one byte of it is changed to: opened, walked and used without touching what is not its own (ASan watches). */
	for (off_t at = 0; at < st.st_size; at += at < 300 ? 1 : 7) {
		uint8_t bad = ~bytes[at];
		size_t len;

		ASSERT_EQ(1, pwrite(fd, &bad, 1, at));
		ASSERT_EQ(0, spool__open(self->path, 4096, &self->s));
		for (uint64_t i = 0, n = spool__count(self->s); i < n; i++)
			ASSERT_NE(NULL, spool__at(self->s, spool__first(self->s) + i, &len));
		for (uint64_t v = 0; v < 40; v++)
			push(self->s, v);
		EXPECT_EQ(39, value_at(self->s, spool__first(self->s) + spool__count(self->s) - 1));
		spool__close(self->s);
		self->s = NULL;
		ASSERT_EQ(st.st_size, pwrite(fd, bytes, st.st_size, 0));
	}
	free(bytes);
	/* Another size: begun anew. */
	ASSERT_EQ(0, spool__open(self->path, 8192, &self->s));
	EXPECT_EQ(0, spool__count(self->s));
	close(fd);
}

TEST_HARNESS_MAIN
