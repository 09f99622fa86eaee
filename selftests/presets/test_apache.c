// SPDX-License-Identifier: GPL-2.0
/*
 * Debian's Apache, unmodified, with modules of its own package only: mod_authn_dbd takes a connection of mod_dbd for as long as a
 * request lasts, and a page of mod_lua asks for another. mod_dbd hands its connection out once per request to those who
 * ask by ap_dbd_acquire, but mod_lua asks by ap_dbd_open. With DBDMax 2, two such requests at once never end.
 *
 * The server lives in a directory, a network and a process number space of this test's own: all of it ends with its first process.
 */
#include <kselftest_harness.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include "follow.h"

#define SERVER "/usr/sbin/apache2"
#define MODULES "/usr/lib/apache2/modules/"
#define PORT 8080
#define REQUESTS 2 /* DBDMax */

/* %s: the directory. The query gives a constant: a table would only be one more thing to make. */
static const char configuration[] =
	"ServerRoot %s\n"
	"ServerName localhost\n"
	"DefaultRuntimeDir .\n"
	"PidFile pid\n"
	"ErrorLog log\n"
	"Listen 127.0.0.1:8080\n"
	"LoadModule mpm_event_module " MODULES "mod_mpm_event.so\n"
	"LoadModule authn_core_module " MODULES "mod_authn_core.so\n"
	"LoadModule authz_core_module " MODULES "mod_authz_core.so\n"
	"LoadModule authz_user_module " MODULES "mod_authz_user.so\n"
	"LoadModule auth_basic_module " MODULES "mod_auth_basic.so\n"
	"LoadModule dbd_module " MODULES "mod_dbd.so\n"
	"LoadModule authn_dbd_module " MODULES "mod_authn_dbd.so\n"
	"LoadModule lua_module " MODULES "mod_lua.so\n"
	"User www-data\n"
	"Group www-data\n"
	"StartServers 1\n"
	"ServerLimit 1\n"
	"ThreadLimit 4\n"
	"ThreadsPerChild 4\n"
	"MaxRequestWorkers 4\n"
	"DBDriver sqlite3\n"
	"DBDParams :memory:\n"
	"DBDMin 1\n"
	"DBDKeep 2\n"
	"DBDMax 2\n"
	"LuaMapHandler ^/ %s/page.lua\n"
	"<Location /signed-in>\n"
	"AuthType Basic\n"
	"AuthName test\n"
	"AuthBasicProvider dbd\n"
	"AuthDBDUserPWQuery \"SELECT '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=' WHERE %%s <> ''\"\n"
	"Require valid-user\n"
	"</Location>\n";

/* A request that names a gate waits until it was opened: it reads a pipe to its end. */
static const char page[] =
	"function handle(r)\n"
	"  if r.args then\n"
	"    local gate = io.open('%s/' .. r.args)\n"
	"    gate:read('*a')\n"
	"    gate:close()\n"
	"  end\n"
	"  if r.uri:find('query') then\n"
	"    local db = r:dbacquire('mod_dbd')\n"
	"    db:close()\n"
	"  end\n"
	"  r:puts('done')\n"
	"  return apache2.OK\n"
	"end\n";

FIXTURE(apache)
{
	struct follow f;
	char dir[64];
	pid_t server;
	FILE *log;
	int sent[REQUESTS];
};

__attribute__((format(printf, 1, 2))) static const char *text(const char *fmt, ...)
{
	static char buf[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	return buf;
}

static bool write_file(const char *dir, const char *name, const char *contents)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	if (!f)
		return false;
	fputs(contents, f);
	return !fclose(f);
}

static bool own_network(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd, r;

	if (unshare(CLONE_NEWNET))
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	r = ioctl(fd, SIOCSIFFLAGS, &lo);
	close(fd);
	return !r;
}

static pid_t start_server(const char *dir)
{
	pid_t pid;

	/* And of its semaphores, which would outlive it. */
	if (unshare(CLONE_NEWPID | CLONE_NEWIPC))
		return -1;
	pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execl(SERVER, SERVER, "-f", text("%s/httpd.conf", dir), "-DFOREGROUND", NULL);
	_exit(127);
}

/* Send a request. Return: the connection, or -1. */
static int ask(const char *path)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) ||
	    dprintf(fd, "GET %s HTTP/1.0\r\nAuthorization: Basic %s\r\n\r\n", path, "dTpwYXNzd29yZA==" /* u:password */) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Request @path and wait for its answer, watching meanwhile if there is a watch. */
static bool served(struct follow *f, const char *path)
{
	char line[64] = "";
	int fd = ask(path);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "r");
	bool ok;

	if (!out)
		return false;
	f->out = out;
	ok = f->watch ? follow__until(f, line, sizeof(line), 0) && !watch__drain(f->watch) : fgets(line, sizeof(line), out) != NULL;
	f->out = NULL;
	fclose(out);
	return ok && !strncmp(line, "HTTP/1.1 200 ", 13);
}

/* The one process that serves, a child of the one that was started. */
static pid_t child_of(pid_t pid)
{
	FILE *f = fopen(text("/proc/%d/task/%d/children", pid, pid), "re");
	int child = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%d", &child) != 1)
		child = 0;
	fclose(f);
	return child;
}

FIXTURE_SETUP(apache)
{
	char line[512] = "";

	memset(self->sent, -1, sizeof(self->sent));
	strcpy(self->dir, "/tmp/poolwatch-apache-XXXXXX");
	ASSERT_TRUE(own_network());
	ASSERT_NE(NULL, mkdtemp(self->dir));
	umask(0);
	ASSERT_EQ(0, chmod(self->dir, 0755));
	ASSERT_TRUE(write_file(self->dir, "httpd.conf", text(configuration, self->dir, self->dir)));
	ASSERT_TRUE(write_file(self->dir, "page.lua", text(page, self->dir)));
	ASSERT_EQ(0, mkfifo(text("%s/log", self->dir), 0666));
	for (int i = 0; i < REQUESTS; i++)
		ASSERT_EQ(0, mkfifo(text("%s/gate%d", self->dir, i), 0666));
	self->server = start_server(self->dir);
	ASSERT_LT(0, self->server);
	self->log = fopen(text("%s/log", self->dir), "re");
	ASSERT_NE(NULL, self->log);
	while (!strstr(line, "resuming normal operations"))
		ASSERT_NE(NULL, fgets(line, sizeof(line), self->log)) TH_LOG("it did not start: %s", line);
	/* Served by a process whose pool is there: attached to as it runs. */
	ASSERT_TRUE(served(&self->f, "/query"));
	self->f.pid = child_of(self->server);
	ASSERT_LT(0, self->f.pid);
	ASSERT_EQ(0, follow__watch(&self->f, NULL, false)) TH_LOG("%s", self->f.error.message);
}

FIXTURE_TEARDOWN(apache)
{
	static const char *const files[] = { "httpd.conf", "page.lua", "log", "gate0", "gate1", "pid", "" };

	/* Its child is not ours to wait for. */
	self->f.pid = 0;
	follow__end(&self->f);
	if (self->server > 0) {
		kill(self->server, SIGKILL);
		waitpid(self->server, NULL, 0);
	}
	for (int i = 0; i < REQUESTS; i++)
		if (self->sent[i] >= 0)
			close(self->sent[i]);
	if (self->log)
		fclose(self->log);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		remove(text("%s/%s", self->dir, files[i]));
}

TEST_F(apache, one_request_that_nests_is_warned_of)
{
	const struct followed *n = &self->f.found[0];

	ASSERT_TRUE(served(&self->f, "/signed-in/query"));
	ASSERT_EQ(1, self->f.nfound);
	EXPECT_EQ(FINDING_NESTED, n->kind);
	EXPECT_EQ(FINDING_NEW, n->event);
	EXPECT_STREQ("apr_reslist", n->pool);
	EXPECT_EQ(REQUESTS, n->capacity);
	EXPECT_EQ(2, n->depth);
	EXPECT_EQ(0, n->unknown);
	EXPECT_FALSE(n->uncertain);
	/* Both in mod_dbd, which has no debug symbols: by name, without a line. What led there tells who asked. */
	EXPECT_STREQ("ap_dbd_open ?:0", n->held);
	EXPECT_STREQ("mod_dbd.so", n->held_in);
	EXPECT_STREQ("ap_dbd_open ?:0", n->asked);
	EXPECT_STREQ("mod_dbd.so", n->asked_in);
	EXPECT_NE(NULL, strstr(n->through, "ap_dbd_open(mod_dbd.so) ")) TH_LOG("%s", n->through);
	EXPECT_NE(NULL, strstr(n->through, "(mod_lua.so) ")) TH_LOG("%s", n->through);
	EXPECT_NE(NULL, strstr(n->through, "ap_invoke_handler(apache2) ")) TH_LOG("%s", n->through);
}

TEST_F(apache, as_many_requests_as_connections_deadlock)
{
	const struct followed *d;
	int gate[REQUESTS];

	for (int i = 0; i < REQUESTS; i++) {
		self->sent[i] = ask(text("/signed-in/query?gate%d", i));
		ASSERT_LE(0, self->sent[i]);
	}
	/* Opened for writing when the request has opened it: each holds its connection then. */
	for (int i = 0; i < REQUESTS; i++) {
		gate[i] = open(text("%s/gate%d", self->dir, i), O_WRONLY | O_CLOEXEC);
		ASSERT_LE(0, gate[i]);
	}
	for (int i = 0; i < REQUESTS; i++)
		close(gate[i]);
	ASSERT_TRUE(follow__until(&self->f, NULL, 0, FINDING_DEADLOCK));
	d = follow__find(&self->f, FINDING_DEADLOCK, FINDING_NEW);
	EXPECT_STREQ("apr_reslist", d->pool);
	EXPECT_EQ(REQUESTS, d->capacity);
	EXPECT_EQ(REQUESTS, d->in_use);
	EXPECT_EQ(REQUESTS, d->waiters);
	EXPECT_EQ(REQUESTS, d->nthreads);
	EXPECT_EQ(0, d->unknown);
	EXPECT_FALSE(d->uncertain);
	EXPECT_STREQ("ap_dbd_open ?:0", d->held);
	EXPECT_STREQ("mod_dbd.so", d->held_in);
	EXPECT_STREQ("mod_dbd.so", d->asked_in);
	EXPECT_NE(NULL, strstr(d->through, "apr_reslist_acquire(libaprutil-1.so.0")) TH_LOG("%s", d->through);
	EXPECT_NE(NULL, strstr(d->through, "ap_dbd_open(mod_dbd.so) ")) TH_LOG("%s", d->through);
	for (size_t i = 0; i < self->f.nfound; i++)
		EXPECT_TRUE(&self->f.found[i] == d || self->f.found[i].kind == FINDING_NESTED);
}

TEST_F(apache, requests_that_use_one_connection_yield_nothing)
{
	for (int i = 0; i < 4; i++) {
		ASSERT_TRUE(served(&self->f, "/query"));
		ASSERT_TRUE(served(&self->f, "/signed-in/page"));
	}
	EXPECT_EQ(0, self->f.nfound) TH_LOG("%s", self->f.found[0].pool);
}

TEST_HARNESS_MAIN
