// SPDX-License-Identifier: GPL-2.0
/* poolwatch.conf: every kind of value, what is refused and how it is said, files on top of one another, who is meant. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "address.h"
#include "conf.h"
#include "match.h"

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
}

FIXTURE(conf)
{
	char dir[64], file[96], confd[96];
	struct conf *c;
	struct conf_error err;
};

FIXTURE_SETUP(conf)
{
	strcpy(self->dir, "/tmp/poolwatch-conf-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	snprintf(self->file, sizeof(self->file), "%s/poolwatch.conf", self->dir);
	snprintf(self->confd, sizeof(self->confd), "%s/conf.d", self->dir);
	ASSERT_EQ(0, mkdir(self->confd, 0700));
	self->c = NULL;
	self->err = (struct conf_error){ 0 };
}

FIXTURE_TEARDOWN(conf)
{
	char path[160];

	conf__free(self->c);
	conf_error__clear(&self->err);
	unlink(self->file);
	for (const char *const *n = (const char *const[]){ "10-a.conf", "20-b.conf", "ignored", NULL }; *n; n++) {
		snprintf(path, sizeof(path), "%s/%s", self->confd, *n);
		unlink(path);
	}
	rmdir(self->confd);
	rmdir(self->dir);
}

#define READ(text)                                                                   \
	({                                                                           \
		put(self->file, text);                                               \
		conf__read(self->file, self->confd, false, &self->c, &self->err);    \
	})

#define REFUSED(text, at, said)                                      \
	do {                                                         \
		EXPECT_EQ(-EINVAL, READ(text));                      \
		EXPECT_EQ(NULL, self->c);                            \
		EXPECT_STREQ(self->file, self->err.file ?: "(none)"); \
		EXPECT_EQ((unsigned int)(at), self->err.line);       \
		EXPECT_STREQ(said, self->err.message);               \
	} while (0)

TEST_F(conf, defaults)
{
	ASSERT_EQ(0, READ(""));
	EXPECT_EQ(5000000000ull, self->c->stall_ns);
	EXPECT_EQ(0, self->c->leak_ns);
	EXPECT_EQ(20, self->c->budget_permille);
	EXPECT_EQ(true, self->c->follow);
	EXPECT_EQ(10, self->c->rate);
	EXPECT_EQ(0, self->c->ntargets);
	EXPECT_EQ(NULL, self->c->listen);
	/* Alerts go somewhere, whatever was left out. */
	ASSERT_EQ(1, self->c->nsinks);
	EXPECT_EQ(CONF_SYSLOG, self->c->sinks[0].type);
	EXPECT_EQ((1u << FINDING_KINDS) - 1, self->c->sinks[0].kinds);
}

TEST_F(conf, every_key)
{
	ASSERT_EQ(0, READ("# all of it\n"
			  "[daemon]\n"
			  "pools = sem /etc/x.pool\n"
			  "  mongoc\n"
			  "state = /var/lib/x\n"
			  "stall = 250ms\n"
			  "leak = 2h\n"
			  "budget = 0.5%\n"
			  "scan = 1\n"
			  "max-pools = 99\n"
			  "max-threads = 100\n"
			  "stacks = all\n"
			  "follow = no\n"
			  "device = off\n"
			  "jvm-dump = yes\n"
			  "debuginfod = true\n"
			  "debug-dirs = /a:/b\n"
			  "[target api]\n"
			  "exe = /usr/bin/api \"/opt/my api/*\"\n"
			  "unit = api@*.service\n"
			  "container = 0123456789ab\n"
			  "user = root 4711\n"
			  "pools = sem\n"
			  "[alert]\n"
			  "rate = 3/10s ; few\n"
			  "ends = no\n"
			  "[syslog]\n"
			  "facility = LOCAL3\n"
			  "kinds = deadlock stall\n"
			  "severity = error\n"
			  "[journal]\n"
			  "enable = no\n"
			  "[remote one]\n"
			  "to = tcp://[::1]:6514\n"
			  "spool = 64K\n"
			  "spool-file = /var/lib/x/one\n"
			  "facility = user\n"
			  "[file]\n"
			  "path = /var/log/x.json\n"
			  "[command page]\n"
			  "run = /bin/page \"a \\\"b\\\"\" c\n"
			  "limit = 3s\n"
			  "[metrics]\n"
			  "listen = 127.0.0.1:9464\n"
			  "textfile = /var/x.prom\n"
			  "interval = 1m\n"
			  "names = opentelemetry\n"
			  "series = 7\n"));
	const struct conf *c = self->c;

	ASSERT_EQ(3, c->pools.n);
	EXPECT_STREQ("/etc/x.pool", c->pools.items[1]);
	EXPECT_STREQ("mongoc", c->pools.items[2]);
	EXPECT_STREQ("/var/lib/x", c->state);
	EXPECT_EQ(250000000, c->stall_ns);
	EXPECT_EQ(7200000000000ull, c->leak_ns);
	EXPECT_EQ(5, c->budget_permille);
	EXPECT_EQ(1000000000, c->scan_ns);
	EXPECT_EQ(99, c->max_pools);
	EXPECT_EQ(100, c->max_threads);
	EXPECT_EQ(2, c->stacks);
	EXPECT_EQ(false, c->follow);
	EXPECT_EQ(false, c->device);
	EXPECT_EQ(true, c->jvm_dump);
	EXPECT_EQ(true, c->debuginfod);
	EXPECT_STREQ("/a:/b", c->debug_dirs);
	ASSERT_EQ(1, c->ntargets);
	EXPECT_STREQ("api", c->targets[0].name);
	ASSERT_EQ(2, c->targets[0].match.exes.n);
	EXPECT_STREQ("/opt/my api/*", c->targets[0].match.exes.items[1]);
	ASSERT_EQ(2, c->targets[0].match.nuids);
	EXPECT_EQ(0, c->targets[0].match.uids[0]);
	EXPECT_EQ(4711, c->targets[0].match.uids[1]);
	EXPECT_EQ(3, c->rate);
	EXPECT_EQ(10000000000ull, c->rate_ns);
	EXPECT_EQ(false, c->ends);
	ASSERT_EQ(5, c->nsinks);
	EXPECT_EQ(1u << FINDING_DEADLOCK | 1u << FINDING_STALL, c->sinks[0].kinds);
	EXPECT_EQ(FINDING_ERROR, c->sinks[0].severity);
	EXPECT_EQ(false, c->sinks[1].enable);
	EXPECT_STREQ("remote one", c->sinks[2].name);
	EXPECT_EQ(65536, c->sinks[2].spool);
	EXPECT_STREQ("/var/lib/x/one", c->sinks[2].path);
	EXPECT_STREQ("/var/log/x.json", c->sinks[3].path);
	ASSERT_EQ(3, c->sinks[4].run.n);
	EXPECT_STREQ("a \"b\"", c->sinks[4].run.items[1]);
	EXPECT_EQ(NULL, c->sinks[4].run.items[3]);
	EXPECT_EQ(3000000000ull, c->sinks[4].limit_ns);
	EXPECT_STREQ("127.0.0.1:9464", c->listen);
	EXPECT_EQ(60000000000ull, c->textfile_ns);
	EXPECT_EQ(CONF_NAMES_OPENTELEMETRY, c->names);
	EXPECT_EQ(7, c->series);
}

TEST_F(conf, refused)
{
	REFUSED("[daemon]\n\nstal = 5s\n", 3,
		"[daemon] has no key 'stal'; it has: pools state stall leak budget scan max-pools max-threads stacks follow device "
		"jvm-dump debuginfod debug-dirs");
	REFUSED("stall = 5s\n", 1, "'stall' stands before the first [section]");
	REFUSED("[deamon]\nstall = 5s\n", 1,
		"no section [deamon]; there are: daemon, target NAME, alert, syslog, journal, remote NAME, file NAME, command NAME, metrics");
	REFUSED("[daemon]\nstall = soon\n", 2, "stall = soon: expected a duration: 250ms, 5s, 2m, 1h, 3d, or off");
	REFUSED("[daemon]\nstall = 5 s\n", 2, "stall = 5 s: expected a duration: 250ms, 5s, 2m, 1h, 3d, or off");
	REFUSED("[daemon]\nstacks = some\n", 2, "stacks = some: expected one of nested, site, all");
	REFUSED("[daemon]\nbudget = 101%\n", 2, "budget = 101%: expected 0.1% to 100%, or off");
	REFUSED("[daemon]\nmax-pools = -1\n", 2, "max-pools = -1: expected a number");
	REFUSED("[daemon]\npools = \"a b\n", 2, "pools = \"a b: expected words; a quoted one must end in a quote");
	REFUSED("[daemon x]\nstall = 5s\n", 1, "[daemon] takes no name");
	REFUSED("[alert]\nrate = 5\n", 2, "rate = 5: expected COUNT/DURATION: 10/1m, or off");
	REFUSED("[syslog]\nkinds = deadlock dedlock\n", 2,
		"kinds = deadlock dedlock: expected kinds of findings: nested order deadlock stall leak detached");
	REFUSED("[daemon]\nnonsense\n", 2, "expected [SECTION], KEY = VALUE, or a comment");
	REFUSED("[target]\nexe = a\n", 1, "a target needs a name: [target NAME]");
	REFUSED("\n[target a]\npools = sem\n", 2, "[target a] names no process: give exe, unit, container or user");
	REFUSED("[target a]\nexe = bin/a\n", 1, "[target a] exe = bin/a: expected an absolute path or glob, or a base name");
	REFUSED("[target a]\nuser = no-such-user-here\n", 1, "[target a] user = no-such-user-here: no such user");
	REFUSED("[target a]\ncontainer = 0123\n", 1, "[target a] container = 0123: expected at least 12 digits of its id");
	REFUSED("[remote]\nspool = 8K\n", 1, "[remote] needs 'to': udp://HOST:PORT, tcp://HOST:PORT or unix:PATH");
	REFUSED("[remote]\nto = logs:514\n", 1, "[remote] to = logs:514: expected udp://HOST:PORT, tcp://HOST:PORT or unix:PATH");
	REFUSED("[file]\npath = x.json\n", 1, "[file] needs 'path': an absolute path");
	REFUSED("[command]\nrun = page me\n", 1, "[command] needs 'run': a program by absolute path, and its arguments");
	REFUSED("[command]\nrun = /bin/true\nlimit = off\n", 1, "[command] limit: a command must have one");
	REFUSED("[syslog]\nfacility = kern\n", 1,
		"[syslog] facility = kern: expected daemon, user, auth, local0 .. local7 or the like");
	REFUSED("[metrics]\nlisten = 0.0.0.0:9464\n", 1,
		"[metrics] listen = 0.0.0.0:9464 can be reached from other machines: say any-address = yes if that is meant");
	REFUSED("[metrics]\nlisten = localhost:9464\n", 1,
		"[metrics] listen = localhost:9464: expected unix:PATH, IPV4:PORT or [IPV6]:PORT");
	/* The first of several errors. */
	REFUSED("[daemon]\nx = 1\ny = 2\n[deamon]\nz = 3\n", 2,
		"[daemon] has no key 'x'; it has: pools state stall leak budget scan max-pools max-threads stacks follow device "
		"jvm-dump debuginfod debug-dirs");
}

TEST_F(conf, long_lines_are_not_cut)
{
	char text[400] = "[daemon]\npools = ";
	size_t len = strlen(text);

	memset(text + len, 'a', 250);
	REFUSED(text, 2, "the line is longer than 198 bytes: go on in the next one, indented");
	strcpy(text, "[target ");
	memset(text + 8, 'b', 60);
	strcpy(text + 68, "]\nexe = a\n");
	REFUSED(text, 1, "the section's name is longer than 46 bytes");
}

TEST_F(conf, sections_without_keys)
{
	ASSERT_EQ(0, READ("[journal]\n[syslog]\n"));
	ASSERT_EQ(2, self->c->nsinks);
	EXPECT_EQ(CONF_JOURNAL, self->c->sinks[0].type);
	EXPECT_EQ(true, self->c->sinks[0].enable);
	conf__free(self->c);
	self->c = NULL;
	REFUSED("[daemon]\n[jornal]\n", 2,
		"no section [jornal]; there are: daemon, target NAME, alert, syslog, journal, remote NAME, file NAME, command NAME, metrics");
	REFUSED("[file]\n", 1, "[file] needs 'path': an absolute path");
	REFUSED("[daemon\n", 1, "expected [SECTION], KEY = VALUE, or a comment");
}

TEST_F(conf, any_address_if_meant)
{
	ASSERT_EQ(0, READ("[metrics]\nlisten = 0.0.0.0:9464\nany-address = yes\n"));
}

TEST_F(conf, directory_on_top)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/20-b.conf", self->confd);
	put(path, "[daemon]\nstall = 20s\n[target a]\nexe = two\n");
	snprintf(path, sizeof(path), "%s/10-a.conf", self->confd);
	put(path, "[daemon]\nstall = 10s\nleak = 1h\n");
	snprintf(path, sizeof(path), "%s/ignored", self->confd);
	put(path, "nonsense\n");
	ASSERT_EQ(0, READ("[daemon]\nstall = 1s\n[target a]\nexe = one\n"));
	EXPECT_EQ(20000000000ull, self->c->stall_ns);
	EXPECT_EQ(3600000000000ull, self->c->leak_ns);
	ASSERT_EQ(1, self->c->ntargets);
	ASSERT_EQ(2, self->c->targets[0].match.exes.n);
	EXPECT_STREQ("two", self->c->targets[0].match.exes.items[1]);

	conf__free(self->c);
	self->c = NULL;
	snprintf(path, sizeof(path), "%s/20-b.conf", self->confd);
	put(path, "[daemon]\nstal = 20s\n");
	EXPECT_EQ(-EINVAL, READ(""));
	EXPECT_STREQ(path, self->err.file);
	EXPECT_EQ(2, self->err.line);
}

TEST_F(conf, no_file)
{
	EXPECT_EQ(-ENOENT, conf__read(self->file, self->confd, false, &self->c, &self->err));
	EXPECT_STREQ(self->file, self->err.file);
	EXPECT_STREQ("No such file or directory", self->err.message);
	EXPECT_EQ(0, conf__read(self->file, "/nonexistent/conf.d", true, &self->c, &self->err));
}

TEST(values)
{
	uint64_t v = 42;

	EXPECT_EQ(0, conf__duration("0", &v));
	EXPECT_EQ(0, v);
	EXPECT_EQ(0, conf__duration("3d", &v));
	EXPECT_EQ(259200000000000ull, v);
	EXPECT_EQ(-ERANGE, conf__duration("99999999999d", &v));
	EXPECT_EQ(-EINVAL, conf__duration("-1s", &v));
	EXPECT_EQ(-EINVAL, conf__duration("", &v));
	EXPECT_EQ(-EINVAL, conf__duration("1.5s", &v));
	EXPECT_EQ(259200000000000ull, v);
	EXPECT_EQ(0, conf__size("4M", &v));
	EXPECT_EQ(4 << 20, v);
	EXPECT_EQ(-EINVAL, conf__size("4G", &v));
}

TEST(addresses)
{
	static const char *const bad[] = { "", "tcp://", "tcp://a", "tcp://a:", "tcp://a:0", "tcp://a:65536", "tcp://a:1x",
					   "tcp://::1:514", "tcp://[]:1", "udp:a:1", "unix:x", "unix:", "tcp://a:-1", "tcp://a: 1" };
	struct address a = { .kind = ADDRESS_UDP, .host = "untouched" };

	EXPECT_EQ(0, address__parse_remote("udp://logs.example.org:514", &a));
	EXPECT_EQ(ADDRESS_UDP, a.kind);
	EXPECT_STREQ("logs.example.org", a.host);
	EXPECT_STREQ("514", a.port);
	EXPECT_EQ(0, address__parse_remote("tcp://[2001:db8::1]:6514", &a));
	EXPECT_STREQ("2001:db8::1", a.host);
	EXPECT_EQ(0, address__parse_remote("unix:/run/log", &a));
	EXPECT_STREQ("/run/log", a.host);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(-EINVAL, address__parse_remote(bad[i], &a))
		{
			TH_LOG("accepted '%s'", bad[i]);
		}
	}
	EXPECT_STREQ("/run/log", a.host);
	EXPECT_EQ(0, address__parse_listen("[::1]:9464", &a));
	EXPECT_EQ(true, address__is_local(&a));
	EXPECT_EQ(0, address__parse_listen("127.9.9.9:1", &a));
	EXPECT_EQ(true, address__is_local(&a));
	EXPECT_EQ(0, address__parse_listen("[::]:1", &a));
	EXPECT_EQ(false, address__is_local(&a));
	EXPECT_EQ(0, address__parse_listen("10.0.0.1:1", &a));
	EXPECT_EQ(false, address__is_local(&a));
}

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

TEST(containers)
{
	char id[MATCH_ID_MAX] = "";

	EXPECT_EQ(0, match__container_id("/system.slice/docker-" ID ".scope", id));
	EXPECT_STREQ(ID, id);
	EXPECT_EQ(0, match__container_id("/docker/" ID, id));
	EXPECT_EQ(0, match__container_id("/kubepods/pod1/cri-containerd-" ID ".scope/sub", id));
	EXPECT_EQ(-ENOENT, match__container_id("/system.slice/api.service", id));
	EXPECT_EQ(-ENOENT, match__container_id("/a/0" ID, id));
	EXPECT_EQ(-ENOENT, match__container_id("", id));
}

static bool fits(const char *exe, const char *unit, const char *container, int uid, const struct match_facts *f)
{
	struct match m = { 0 };
	uint32_t u = uid;
	bool yes;

	if (exe)
		strlist__split(&m.exes, exe);
	if (unit)
		strlist__split(&m.units, unit);
	if (container)
		strlist__split(&m.containers, container);
	if (uid >= 0) {
		m.uids = &u;
		m.nuids = 1;
	}
	yes = match__process(&m, f);
	m.uids = NULL;
	match__clear(&m);
	return yes;
}

TEST(matches)
{
	const struct match_facts f = { .exe = "/opt/v2/bin/api", .cgroup = "/system.slice/api@1.service/docker-" ID ".scope", .uid = 33 };

	EXPECT_FALSE(fits(NULL, NULL, NULL, -1, &f));
	EXPECT_TRUE(fits("/opt/v2/bin/api", NULL, NULL, -1, &f));
	EXPECT_TRUE(fits("/opt/*/bin/api", NULL, NULL, -1, &f));
	EXPECT_FALSE(fits("/opt/*/api", NULL, NULL, -1, &f));
	EXPECT_TRUE(fits("api", NULL, NULL, -1, &f));
	EXPECT_TRUE(fits("other a?i", NULL, NULL, -1, &f));
	EXPECT_FALSE(fits("ap", NULL, NULL, -1, &f));
	EXPECT_TRUE(fits(NULL, "api@*.service", NULL, -1, &f));
	EXPECT_FALSE(fits(NULL, "api.service", NULL, -1, &f));
	EXPECT_TRUE(fits(NULL, NULL, "0123456789ab", -1, &f));
	EXPECT_FALSE(fits(NULL, NULL, "0123456789ac", -1, &f));
	EXPECT_TRUE(fits(NULL, NULL, NULL, 33, &f));
	EXPECT_FALSE(fits("api", NULL, NULL, 34, &f));
	EXPECT_TRUE(fits("api", "api@1.service", ID, 33, &f));
}

TEST_HARNESS_MAIN
