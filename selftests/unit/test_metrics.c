// SPDX-License-Identifier: GPL-2.0
/* Metrics: numbers that are right and never go back, names that cannot break the format, the server, the file. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "metrics.h"
#include "metrics_server.h"

static struct ledger l;

static void def(uint32_t slot, const char *name)
{
	struct poolwatch_def *d = ledger__room(&l, POOLWATCH_DEFS, 1);

	*d = (struct poolwatch_def){ .head = { .id = 1ull << 32 | slot }, .capacity = POOLWATCH_UNKNOWN };
	snprintf(d->name, sizeof(d->name), "%s", name);
	ledger__added(&l, POOLWATCH_DEFS, 1);
}

static void proc(uint32_t tgid, const char *comm)
{
	struct poolwatch_proc *p = ledger__room(&l, POOLWATCH_PROCS, 1);

	*p = (struct poolwatch_proc){ .head = { .id = 1ull << 32 | l.nprocs, .tgid = tgid }, .space = tgid };
	memcpy(p->comm, comm, strnlen(comm, sizeof(p->comm)));
	ledger__added(&l, POOLWATCH_PROCS, 1);
}

static struct poolwatch_pool *pool(uint32_t slot, uint32_t d, uint32_t tgid, int64_t capacity, int64_t in_use)
{
	struct poolwatch_pool *p = ledger__room(&l, POOLWATCH_POOLS, 1);

	*p = (struct poolwatch_pool){ .head = { .id = 1ull << 32 | slot, .tgid = tgid }, .def = d, .space = tgid, .capacity = capacity,
				      .available = POOLWATCH_UNKNOWN, .blocked_at = POOLWATCH_UNKNOWN, .in_use = in_use, .in_use_max = in_use,
				      .flags = capacity == POOLWATCH_UNKNOWN ? 0 : POOLWATCH_POOL_STATED | POOLWATCH_POOL_CREATED };
	ledger__added(&l, POOLWATCH_POOLS, 1);
	return p;
}

static void counter(enum poolwatch_cause cause, uint64_t count)
{
	struct poolwatch_counter *c = ledger__room(&l, POOLWATCH_COUNTERS, 1);

	*c = (struct poolwatch_counter){ .head = { .id = 1ull << 32 | cause }, .count = count };
	ledger__added(&l, POOLWATCH_COUNTERS, 1);
}

static void look(struct metrics *m, uint32_t session)
{
	ledger__index(&l);
	metrics__begin(m);
	metrics__add(m, &l, session);
	metrics__end(m);
	ledger__reset(&l);
}

static char *text;
static size_t text_len;

static const char *print(const struct metrics *m, const struct metrics_own *own, bool otel)
{
	FILE *out;

	free(text);
	out = open_memstream(&text, &text_len);
	if (metrics__write(m, own, otel, out))
		return "failed";
	fclose(out);
	return text;
}

/* The value of a series, by its line up to the blank; NULL: not there. */
static const char *value(const char *series)
{
	static char v[64];
	size_t len = strlen(series);

	for (const char *line = text; line && *line; line = strchr(line, '\n') + 1)
		if (!strncmp(line, series, len) && line[len] == ' ') {
			snprintf(v, sizeof(v), "%.*s", (int)strcspn(line + len + 1, "\n"), line + len + 1);
			return v;
		}
	return "(none)";
}

static const struct metrics_sink sinks[] = { { "syslog", 5, 0, 0 }, { "remote a", 7, 2, 3 } };
static const struct metrics_own own = { .version = "1.2.3", .found = { [FINDING_DEADLOCK] = 2 }, .targets = 3, .suppressed = 4,
					.sinks = sinks, .nsinks = 2, .resident_bytes = 4096, .cpu_seconds = 1.5, .start_seconds = 1e9 };

/* promtool's opinion of the text: what it says, "" if nothing. */
static const char *promtool(void)
{
	static char said[4096];
	char path[] = "/tmp/poolwatch-metrics-XXXXXX", cmd[100];
	int fd = mkstemp(path);
	size_t n;
	FILE *p;

	if (write(fd, text, text_len) != (ssize_t)text_len)
		return "cannot write";
	close(fd);
	snprintf(cmd, sizeof(cmd), "promtool check metrics <%s 2>&1", path);
	p = popen(cmd, "r");
	n = fread(said, 1, sizeof(said) - 1, p);
	said[n] = '\0';
	if (pclose(p) && !n)
		strcpy(said, "promtool failed");
	unlink(path);
	return said;
}

TEST(gauges_and_counters)
{
	struct poolwatch_pool *p;
	struct metrics *m;

	ASSERT_EQ(0, metrics__new(10, &m));
	def(0, "sem");
	def(1, "mongoc");
	proc(100, "api");
	proc(101, "api");
	proc(102, "cron");
	p = pool(0, 0, 100, 4, 4);
	p->requests = 10;
	p->grants = 9;
	p->requesting = 1;
	p->wait[20] = 3;
	p->wait[0] = 2;
	p->wait[39] = 1;
	p = pool(1, 0, 101, 6, 1);
	p->requests = 1;
	p->flags |= POOLWATCH_POOL_UNCERTAIN;
	p = pool(2, 1, 102, POOLWATCH_UNKNOWN, 2);
	counter(POOLWATCH_LOST_STACKS, 8);
	look(m, 1);
	print(m, &own, false);
	EXPECT_STREQ("2", value("poolwatch_pools{pool=\"sem\",process=\"api\"}"));
	EXPECT_STREQ("10", value("poolwatch_pool_capacity_units{pool=\"sem\",process=\"api\"}"));
	EXPECT_STREQ("5", value("poolwatch_pool_in_use_units{pool=\"sem\",process=\"api\"}"));
	EXPECT_STREQ("4", value("poolwatch_pool_in_use_max_units{pool=\"sem\",process=\"api\"}"));
	EXPECT_STREQ("1", value("poolwatch_pools_exhausted{pool=\"sem\",process=\"api\"}"));
	EXPECT_STREQ("1", value("poolwatch_pools_uncertain{pool=\"sem\",process=\"api\"}"));
	EXPECT_STREQ("1", value("poolwatch_pool_pending_requests{pool=\"sem\",process=\"api\"}"));
	EXPECT_STREQ("11", value("poolwatch_pool_requests_total{pool=\"sem\",process=\"api\"}"));
	EXPECT_STREQ("1", value("poolwatch_pools_capacity_unknown{pool=\"mongoc\",process=\"cron\"}"));
	EXPECT_STREQ("2", value("poolwatch_pool_wait_seconds_bucket{pool=\"sem\",process=\"api\",le=\"1.024e-06\"}"));
	EXPECT_STREQ("2", value("poolwatch_pool_wait_seconds_bucket{pool=\"sem\",process=\"api\",le=\"0.000262144\"}"));
	EXPECT_STREQ("5", value("poolwatch_pool_wait_seconds_bucket{pool=\"sem\",process=\"api\",le=\"0.001048576\"}"));
	EXPECT_STREQ("5", value("poolwatch_pool_wait_seconds_bucket{pool=\"sem\",process=\"api\",le=\"68.7194767\"}"));
	EXPECT_STREQ("6", value("poolwatch_pool_wait_seconds_bucket{pool=\"sem\",process=\"api\",le=\"+Inf\"}"));
	EXPECT_STREQ("6", value("poolwatch_pool_wait_seconds_count{pool=\"sem\",process=\"api\"}"));
	EXPECT_STREQ("8", value("poolwatch_lost_total{cause=\"stacks\"}"));
	EXPECT_STREQ("2", value("poolwatch_findings_total{kind=\"deadlock\"}"));
	EXPECT_STREQ("7", value("poolwatch_alerts_total{sink=\"remote a\"}"));
	EXPECT_STREQ("(none)", value("poolwatch_pools{pool=\"other\",process=\"other\"}"));
	EXPECT_STREQ("1.500000", value("process_cpu_seconds_total"));
	EXPECT_STREQ("", promtool());

	/* One pool ends, the other counts on: gauges follow, the counter does not go back; nor does a new session's. */
	def(0, "sem");
	proc(101, "api");
	p = pool(1, 0, 101, 6, 0);
	p->requests = 3;
	counter(POOLWATCH_LOST_STACKS, 9);
	look(m, 1);
	print(m, &own, false);
	EXPECT_STREQ("1", value("poolwatch_pools{pool=\"sem\",process=\"api\"}"));
	EXPECT_STREQ("13", value("poolwatch_pool_requests_total{pool=\"sem\",process=\"api\"}"));
	EXPECT_STREQ("9", value("poolwatch_lost_total{cause=\"stacks\"}"));
	def(0, "sem");
	proc(101, "api");
	p = pool(1, 0, 101, 6, 0);
	p->requests = 2;
	counter(POOLWATCH_LOST_STACKS, 1);
	look(m, 2);
	print(m, &own, false);
	EXPECT_STREQ("15", value("poolwatch_pool_requests_total{pool=\"sem\",process=\"api\"}"));
	EXPECT_STREQ("10", value("poolwatch_lost_total{cause=\"stacks\"}"));
	metrics__free(m);
	ledger__clear(&l);
}

TEST(cardinality_is_bounded)
{
	struct metrics *m;

	ASSERT_EQ(0, metrics__new(3, &m));
	def(0, "sem");
	for (uint32_t i = 0; i < 50; i++) {
		char comm[16];

		snprintf(comm, sizeof(comm), "c%u", i);
		proc(100 + i, comm);
		pool(i, 0, 100 + i, 2, 1);
	}
	look(m, 1);
	print(m, &own, false);
	EXPECT_STREQ("1", value("poolwatch_pools{pool=\"sem\",process=\"c2\"}"));
	EXPECT_STREQ("(none)", value("poolwatch_pools{pool=\"sem\",process=\"c3\"}"));
	EXPECT_STREQ("47", value("poolwatch_pools{pool=\"other\",process=\"other\"}"));
	EXPECT_STREQ("94", value("poolwatch_pool_capacity_units{pool=\"other\",process=\"other\"}"));
	EXPECT_STREQ("47", value("poolwatch_pools_without_series"));
	EXPECT_STREQ("", promtool());
	metrics__free(m);
	ledger__clear(&l);
}

TEST(hostile_names)
{
	struct metrics *m;

	ASSERT_EQ(0, metrics__new(3, &m));
	def(0, "a\"} 1\nfake{x=\"");
	proc(100, "\x1b[2J\\\xff\xe2\x80\xae");
	pool(0, 0, 100, 2, 1);
	look(m, 1);
	print(m, &own, false);
	EXPECT_STREQ("1", value("poolwatch_pools{pool=\"a\\\"} 1\\\\x0afake{x=\\\"\",process=\"\\\\x1b[2J\\\\\\\\\\\\xff\\\\xe2\\\\x80\\\\xae\"}"));
	EXPECT_EQ(NULL, strstr(text, "\nfake"));
	EXPECT_STREQ("", promtool());
	metrics__free(m);
	ledger__clear(&l);
}

TEST(opentelemetry)
{
	struct poolwatch_pool *p;
	struct metrics *m;

	ASSERT_EQ(0, metrics__new(3, &m));
	def(0, "mongoc");
	proc(100, "api");
	p = pool(0, 0, 100, 10, 3);
	p->failures = 2;
	p->requesting = 5;
	look(m, 1);
	print(m, &own, true);
#define L "{db_client_connection_pool_name=\"mongoc\",process_executable_name=\"api\""
	EXPECT_STREQ("3", value("db_client_connection_count" L ",db_client_connection_state=\"used\"}"));
	EXPECT_STREQ("7", value("db_client_connection_count" L ",db_client_connection_state=\"idle\"}"));
	EXPECT_STREQ("10", value("db_client_connection_max" L "}"));
	EXPECT_STREQ("5", value("db_client_connection_pending_requests" L "}"));
	EXPECT_STREQ("2", value("db_client_connection_timeouts_total" L "}"));
	EXPECT_EQ(NULL, strstr(text, "poolwatch_pool_"));
	EXPECT_STREQ("3", value("poolwatch_target_processes"));
	metrics__free(m);
	ledger__clear(&l);
}

TEST(memory_is_bounded_by_what_lives)
{
	struct metrics *m;

	/* Pools that come and go for a long time: what they counted is kept, they are not. */
	ASSERT_EQ(0, metrics__new(3, &m));
	for (uint32_t i = 0; i < 20000; i++) {
		def(0, "sem");
		proc(100, "api");
		pool(i, 0, 100, 2, 1)->requests = 5;
		look(m, 1);
	}
	print(m, &own, false);
	EXPECT_STREQ("100000", value("poolwatch_pool_requests_total{pool=\"sem\",process=\"api\"}"));
	EXPECT_GT(16384, text_len);
	metrics__free(m);
	ledger__clear(&l);
}

/* --- server */

static int give(void *ctx, char **out, size_t *len)
{
	if (*(int *)ctx)
		return -EIO;
	*out = strdup("# a metric\nx 1\n");
	*len = strlen(*out);
	return 0;
}

static const char *ask(struct metrics_server *s, const char *path, const char *request)
{
	static char reply[4096];
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	size_t got = 0;
	ssize_t n;

	strcpy(sun.sun_path, path);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
		return "no connection";
	if (write(fd, request, strlen(request)) < 0)
		return "no request";
	for (;;) {
		struct pollfd p[] = { { .fd = metrics_server__fd(s), .events = POLLIN }, { .fd = fd, .events = POLLIN } };

		poll(p, 2, metrics_server__timeout_ms(s));
		metrics_server__step(s);
		n = recv(fd, reply + got, sizeof(reply) - 1 - got, MSG_DONTWAIT);
		if (n == 0)
			break;
		got += n > 0 ? n : 0;
	}
	reply[got] = '\0';
	close(fd);
	return reply;
}

TEST(server)
{
	struct metrics_server *s, *second;
	char dir[] = "/tmp/poolwatch-server-XXXXXX", path[64], address[80];
	const char *reply;
	struct stat st;
	int fail = 0;

	ASSERT_NE(NULL, mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sock", dir);
	snprintf(address, sizeof(address), "unix:%s", path);
	umask(0);
	ASSERT_EQ(0, metrics_server__new(address, give, &fail, &s));
	ASSERT_EQ(0, stat(path, &st));
	EXPECT_EQ(0660, st.st_mode & 0777);
	EXPECT_EQ(-EADDRINUSE, metrics_server__new(address, give, &fail, &second));

	reply = ask(s, path, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	EXPECT_EQ(0, strncmp(reply, "HTTP/1.1 200 OK\r\n", 17));
	EXPECT_NE(NULL, strstr(reply, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	EXPECT_STREQ("\r\n\r\n# a metric\nx 1\n", strstr(reply, "\r\n\r\n"));
	reply = ask(s, path, "GET /../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	EXPECT_EQ(0, strncmp(reply, "HTTP/1.1 404 ", 13));
	reply = ask(s, path, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	EXPECT_EQ(0, strncmp(reply, "HTTP/1.1 405 ", 13));
	fail = 1;
	reply = ask(s, path, "GET /metrics HTTP/1.0\r\n\r\n");
	EXPECT_EQ(0, strncmp(reply, "HTTP/1.0 503 ", 13) && strncmp(reply, "HTTP/1.1 503 ", 13));
	metrics_server__free(s);
	EXPECT_EQ(-1, access(path, F_OK));

	/* What a killed one left is no obstacle; a file that is no socket is. */
	pid_t pid = fork();
	if (!pid) {
		metrics_server__new(address, give, &fail, &s);
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, NULL, 0);
	ASSERT_EQ(0, access(path, F_OK));
	ASSERT_EQ(0, metrics_server__new(address, give, &fail, &s));
	metrics_server__free(s);
	fclose(fopen(path, "w"));
	EXPECT_EQ(-EADDRINUSE, metrics_server__new(address, give, &fail, &s));
	EXPECT_EQ(0, access(path, F_OK));
	unlink(path);
	rmdir(dir);
}

TEST(textfile)
{
	char dir[] = "/tmp/poolwatch-text-XXXXXX", path[64], buf[64];
	FILE *f, *reader;

	ASSERT_NE(NULL, mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/poolwatch.prom", dir);
	ASSERT_EQ(0, metrics_file__write(path, "x 1\n", 4));
	/* Who reads the old one while the new one comes reads the whole old one. */
	reader = fopen(path, "r");
	ASSERT_EQ(0, metrics_file__write(path, "x 2\ny 3\n", 8));
	ASSERT_NE(NULL, fgets(buf, sizeof(buf), reader));
	EXPECT_STREQ("x 1\n", buf);
	EXPECT_EQ(NULL, fgets(buf, sizeof(buf), reader));
	fclose(reader);
	f = fopen(path, "r");
	EXPECT_EQ(8, fread(buf, 1, sizeof(buf), f));
	fclose(f);
	unlink(path);
	/* Nothing else is left there. */
	EXPECT_EQ(0, rmdir(dir));
	EXPECT_EQ(-ENOENT, metrics_file__write(path, "x", 1));
}

TEST_HARNESS_MAIN
