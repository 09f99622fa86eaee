// SPDX-License-Identifier: GPL-2.0
/*
 * The whole of it, with the module loaded: root watches a process of alice's and one of its own, each with a loader of its own;
 * then each user looks through the device with the ordinary commands, and sees what that user may see.
 */
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include "kselftest_harness.h"
#include "dev.h"

#define TOOL ".output/poolwatch"
#define PAIR ".output/selftests/vm/pair"
#define READERS 10

enum { GROUP = 900, ALICE = 1000, BOB = 1001, CAROL = 1002 };

/* A program with pipes to its standard input and from its standard output (and error, if @both). */
struct program {
	pid_t pid;
	int in;
	FILE *out;
};

static int start(struct program *p, uid_t uid, bool member, bool both, const char *const argv[])
{
	gid_t group = GROUP;
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		return -errno;
	p->pid = fork();
	if (!p->pid) {
		if (setgroups(member, &group) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
			_exit(126);
		dup2(in[0], 0);
		dup2(out[1], 1);
		if (both)
			dup2(out[1], 2);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	p->in = in[1];
	p->out = fdopen(out[0], "r");
	return p->pid < 0 ? -errno : 0;
}

/* Read lines until one has @text. False: the program ended without it. */
static bool until(struct program *p, const char *text)
{
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	while (!found && getline(&line, &size, p->out) >= 0)
		found = strstr(line, text) != NULL;
	free(line);
	return found;
}

/* Close its input, read what it still has to say, and wait for it. Return: wait status. */
static int finish(struct program *p, char *text, size_t len)
{
	size_t n = 0, got;
	int status;

	close(p->in);
	while (n + 1 < len && (got = fread(text + n, 1, len - 1 - n, p->out)) > 0)
		n += got;
	text[n] = 0;
	fclose(p->out);
	waitpid(p->pid, &status, 0);
	return status;
}

struct text {
	char bytes[65536];
};

/* Run the tool as a user; @t is all it printed. Return: its exit code, or -1. */
static int tool(struct text *t, uid_t uid, bool member, ...)
{
	const char *argv[16] = { TOOL };
	struct program p;
	va_list args;
	int status;

	va_start(args, member);
	for (int i = 1; i < 15 && (argv[i] = va_arg(args, const char *)); i++)
		;
	va_end(args);
	if (start(&p, uid, member, true, argv))
		return -1;
	status = finish(&p, t->bytes, sizeof(t->bytes));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* How often "pid":@pid is said, as a number of its own. */
static int count_pid(const struct text *t, pid_t pid)
{
	char text[32];
	int n = 0;

	snprintf(text, sizeof(text), "\"pid\":%d,", pid);
	for (const char *at = t->bytes; (at = strstr(at, text)); at++)
		n++;
	return n;
}

static int count_lines(const struct text *t, const char *begin)
{
	int n = 0;

	for (const char *at = t->bytes; at && *at; at = strchr(at, '\n'), at += !!at)
		n += !strncmp(at, begin, strlen(begin));
	return n;
}

/* Wait until some session says that it has its probes in @pid. */
static void until_attached(pid_t pid)
{
	struct ledger l = { 0 };
	bool attached = false;

	while (!attached) {
		struct source **list = NULL;
		struct dev_why why;
		size_t n = 0;

		if (dev__list(&list, &n, &why))
			continue;
		for (size_t i = 0; i < n; i++) {
			if (!list[i]->ops->snapshot(list[i], 1u << POOLWATCH_PROCS, &l))
				for (size_t j = 0; j < l.nprocs; j++)
					attached |= l.procs[j].head.tgid == (uint32_t)pid && l.procs[j].attached != UINT64_MAX;
			source__close(list[i]);
		}
		free(list);
	}
	ledger__clear(&l);
}

FIXTURE(users)
{
	struct program target[2], loader[2]; /* alice's, root's */
	struct text *text;
};

FIXTURE_SETUP(users)
{
	static const uid_t owner[] = { ALICE, 0 };

	self->text = calloc(1, sizeof(*self->text));
	for (int i = 0; i < 2; i++) {
		char pid[16];

		ASSERT_EQ(start(&self->target[i], owner[i], false, false, (const char *const[]){ PAIR, NULL }), 0);
		ASSERT_TRUE(until(&self->target[i], "ready"));
		snprintf(pid, sizeof(pid), "%d", self->target[i].pid);
		ASSERT_EQ(start(&self->loader[i], 0, false, false,
				(const char *const[]){ TOOL, "attach", "-p", pid, "--acquire", "take", "--release", "give", "--capacity",
						       "2", "--json", NULL }),
			  0);
		until_attached(self->target[i].pid);
		ASSERT_EQ(write(self->target[i].in, "\n", 1), 1);
		ASSERT_TRUE(until(&self->target[i], "stuck"));
		ASSERT_TRUE(until(&self->loader[i], "\"kind\":\"deadlock\""));
	}
}

/* Interrupted, a loader tells by its exit code that it found something. */
FIXTURE_TEARDOWN(users)
{
	for (int i = 0; i < 2; i++) {
		int status;

		kill(self->loader[i].pid, SIGINT);
		status = finish(&self->loader[i], self->text->bytes, sizeof(self->text->bytes));
		EXPECT_TRUE(WIFEXITED(status));
		EXPECT_EQ(WEXITSTATUS(status), 3);
		EXPECT_EQ(finish(&self->target[i], self->text->bytes, sizeof(self->text->bytes)), 0);
	}
	free(self->text);
}

TEST_F_TIMEOUT(users, each_sees_their_own_and_root_sees_all, 600)
{
	pid_t alices = self->target[0].pid, roots = self->target[1].pid;

	ASSERT_EQ(tool(self->text, ALICE, true, "show", "pools", "--json", NULL), 0);
	EXPECT_EQ(count_lines(self->text, "{\"type\":\"pool\""), 1);
	EXPECT_EQ(count_pid(self->text, alices), 1);
	EXPECT_NE(strstr(self->text->bytes, "\"mode\":\"device\""), NULL);
	EXPECT_NE(strstr(self->text->bytes, "\"state\":\"DEADLOCK\""), NULL);
	ASSERT_EQ(tool(self->text, ALICE, true, "show", "threads", "--json", NULL), 0);
	EXPECT_EQ(count_lines(self->text, "{\"type\":\"thread\""), 2);
	EXPECT_EQ(count_pid(self->text, roots), 0);

	ASSERT_EQ(tool(self->text, 0, false, "show", "pools", "--json", NULL), 0);
	EXPECT_EQ(count_lines(self->text, "{\"type\":\"pool\""), 2);
	EXPECT_EQ(count_pid(self->text, alices), 1);
	EXPECT_EQ(count_pid(self->text, roots), 1);

	ASSERT_EQ(tool(self->text, ALICE, true, "top", "-b", "-n", "1", "--json", NULL), 0);
	EXPECT_NE(count_pid(self->text, alices), 0);
	EXPECT_EQ(count_pid(self->text, roots), 0);
	ASSERT_EQ(tool(self->text, 0, false, "top", "-b", "-n", "1", "--json", NULL), 0);
	EXPECT_NE(count_pid(self->text, alices), 0);
	EXPECT_NE(count_pid(self->text, roots), 0);

	ASSERT_EQ(tool(self->text, ALICE, true, "log", "--json", NULL), 0);
	EXPECT_NE(count_pid(self->text, alices), 0);
	EXPECT_EQ(count_pid(self->text, roots), 0);
	ASSERT_EQ(tool(self->text, 0, false, "log", "--json", NULL), 0);
	EXPECT_NE(count_pid(self->text, alices), 0);
	EXPECT_NE(count_pid(self->text, roots), 0);

	/* Nothing of bob's is watched; carol is not in the group. */
	ASSERT_EQ(tool(self->text, BOB, true, "show", "pools", "--json", NULL), 0);
	EXPECT_EQ(count_lines(self->text, "{\"type\":\"pool\""), 0);
	EXPECT_EQ(tool(self->text, CAROL, false, "show", "pools", NULL), 1);
	TH_LOG("carol is told: %s", self->text->bytes);
}

TEST_F_TIMEOUT(users, two_loaders_and_ten_readers, 600)
{
	struct program reader[READERS];
	int pools = 0;

	for (int i = 0; i < READERS; i++)
		ASSERT_EQ(start(&reader[i], i % 2 ? ALICE : 0, i % 2, false,
				(const char *const[]){ TOOL, "show", "pools", "--json", NULL }),
			  0);
	for (int i = 0; i < READERS; i++) {
		EXPECT_EQ(finish(&reader[i], self->text->bytes, sizeof(self->text->bytes)), 0);
		pools += count_lines(self->text, "{\"type\":\"pool\"");
	}
	EXPECT_EQ(pools, READERS / 2 * 1 + READERS / 2 * 2);
}

TEST_HARNESS_MAIN
