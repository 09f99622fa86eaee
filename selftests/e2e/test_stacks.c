// SPDX-License-Identifier: GPL-2.0
/*
 * The stack of a nested finding, of code that makes it hard: optimised, without frame pointers, inlined, its debug file apart,
 * hidden, deleted, stripped, ended. What is expected is what nest.c says of itself.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "kselftest_harness.h"
#include "e2e.h"

#define TWO_POOLS                                                                                              \
	"pool slot; lib exe; key arg0; capacity 3; acquire take_slot; release put_slot; "                      \
	"pool session; lib exe; key arg0; capacity 1; acquire open_session; release close_session"

FIXTURE(stacks)
{
	struct proc program, watch;
	char dir[300];	 /* private to the test */
	char debug[320]; /* what --debug-dir says */
	char link[500];	 /* the debug file in it */
	char gone[320];	 /* a program in the directory */
	char chain[600]; /* the stack that is expected */
	uint64_t handle, session, serve;
};

FIXTURE_SETUP(stacks)
{
	char path[400];

	memset(self, 0, sizeof(*self));
	snprintf(self->dir, sizeof(self->dir), "%s", e2e__file("stacks-XXXXXX"));
	ASSERT_NE(mkdtemp(self->dir), NULL);
	snprintf(self->debug, sizeof(self->debug), "%s/debug", self->dir);
	snprintf(self->gone, sizeof(self->gone), "%s/gone", self->dir);
	ASSERT_EQ(mkdir(self->debug, 0755), 0);
	snprintf(path, sizeof(path), "%s/.build-id", self->debug);
	ASSERT_EQ(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/.build-id/%.2s", self->debug, NEST_ID);
	ASSERT_EQ(mkdir(path, 0755), 0);
	snprintf(self->link, sizeof(self->link), "%s/%s.debug", path, NEST_ID + 2);
	ASSERT_EQ(symlink(e2e__file("nest_split.debug"), self->link), 0);
}

FIXTURE_TEARDOWN(stacks)
{
	char path[400];

	proc__free(&self->watch);
	proc__free(&self->program);
	unlink(self->gone);
	unlink(self->link);
	snprintf(path, sizeof(path), "%s/.build-id/%.2s", self->debug, NEST_ID);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/.build-id", self->debug);
	rmdir(path);
	rmdir(self->debug);
	rmdir(self->dir);
}

static const char *base(const char *path)
{
	return strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
}

/*
 * The frames of @module on the finding's stack but the first, which is the acquire itself: "symbol file:line" each, "inlined"
 * behind it, or "+0xADDRESS" where nothing is known. In static memory.
 */
static const char *stack_of(const char *f, const char *module)
{
	static char text[4000];
	size_t n = json_len(f, "threads.0.stack"), len = 0;
	char path[80];

	text[0] = '\0';
	for (size_t i = 1; n != SIZE_MAX && i < n && len < sizeof(text) - 1200; i++) {
		int p = snprintf(path, sizeof(path), "threads.0.stack.%zu.", i);
		const char *symbol;

		strcpy(path + p, "module");
		if (strcmp(json_str(f, path), module))
			continue;
		len += sprintf(text + len, "%s", len ? ", " : "");
		strcpy(path + p, "symbol");
		symbol = json_str(f, path);
		if (!strcmp(symbol, "(null)")) {
			strcpy(path + p, "offset");
			len += sprintf(text + len, "+%#" PRIx64, json_int(f, path));
			continue;
		}
		len += sprintf(text + len, "%s", symbol);
		strcpy(path + p, "file");
		if (strcmp(json_str(f, path), "(null)")) {
			len += sprintf(text + len, " %s", base(json_str(f, path)));
			strcpy(path + p, "line");
			len += sprintf(text + len, ":%" PRId64, json_int(f, path));
		}
		strcpy(path + p, "inlined");
		if (json_true(f, path))
			len += sprintf(text + len, " inlined");
	}
	return text;
}

/* Attach to the program, to its slots if @pools says nothing else, and wait until it is watched. Return: 0 or -errno. */
static int watch(struct proc *w, const struct proc *program, const char *debug, const char *pools)
{
	char pid[16];
	int err;

	snprintf(pid, sizeof(pid), "%d", program->pid);
	err = pools ? poolwatch__start(w, "attach", "-p", pid, "--json", "--debug-dir", debug, "--pool", pools, NULL) :
		      poolwatch__start(w, "attach", "-p", pid, "--json", "--debug-dir", debug, "--acquire", "take_slot", "--release",
				       "put_slot", "--capacity", "3", NULL);
	if (err)
		return err;
	return poolwatch__watches(w, program->pid) ? 0 : -EPROTO;
}

static int start(struct proc *p, const char *program)
{
	char *argv[] = { (char *)program, NULL };
	int err = proc__start(p, argv);

	if (!err && !proc__expect(p, "ready"))
		err = -EPROTO;
	return err;
}

/* Take in what the program says of the stack that it had. */
#define NESTED(line)                                                                                                          \
	do {                                                                                                                  \
		int l[4];                                                                                                     \
		ASSERT_EQ(sscanf((line) ?: "", "nested %d %d %d %d %" SCNx64 " %" SCNx64 " %" SCNx64, l, l + 1, l + 2, l + 3, \
				 &self->handle, &self->session, &self->serve), 7);                                            \
		snprintf(self->chain, sizeof(self->chain),                                                                    \
			 "save_audit nest.c:%d inlined, handle_request nest.c:%d, open_session nest.c:%d, serve nest.c:%d",   \
			 l[0], l[1], l[2], l[3]);                                                                             \
	} while (0)

#define NEST()                                                       \
	do {                                                         \
		ASSERT_EQ(proc__send(&self->program, "nest"), 0);    \
		NESTED(proc__expect(&self->program, "nested"));      \
	} while (0)

/* Inner and outer function, the second taken by one that was inlined into the one that took the first. */
#define EXPECT_SITES(f)                                                                       \
	do {                                                                                  \
		EXPECT_STREQ(json_str(f, "threads.0.holds.0.site.symbol"), "handle_request"); \
		EXPECT_STREQ(base(json_str(f, "threads.0.holds.0.site.file")), "nest.c");     \
		EXPECT_STREQ(json_str(f, "threads.0.request.site.symbol"), "save_audit");     \
		EXPECT_STREQ(base(json_str(f, "threads.0.request.site.file")), "nest.c");     \
		EXPECT_STREQ(json_str(f, "threads.0.stack.0.symbol"), "take_slot");           \
	} while (0)

TEST_F(stacks, debug_file_apart)
{
	const char *f;

	ASSERT_EQ(start(&self->program, e2e__file("nest_split")), 0);
	ASSERT_EQ(watch(&self->watch, &self->program, self->debug, NULL), 0);
	NEST();
	f = poolwatch__finding(&self->watch, "nested", "new");
	ASSERT_NE(f, NULL);
	EXPECT_SITES(f);
	EXPECT_STREQ(stack_of(f, "nest_split"), self->chain);
}

/* The program and its debug file are nowhere else. */
TEST_F(stacks, another_mount_namespace)
{
	char *argv[] = { NULL, self->dir, NULL, NULL, NEST_ID, NULL };
	const char *f;

	argv[0] = strdup(e2e__file("hide"));
	argv[2] = strdup(e2e__file("nest_split"));
	argv[3] = strdup(e2e__file("nest_split.debug"));
	ASSERT_EQ(unlink(self->link), 0);
	ASSERT_EQ(proc__start(&self->program, argv), 0);
	ASSERT_NE(proc__expect(&self->program, "ready"), NULL);
	ASSERT_EQ(watch(&self->watch, &self->program, self->debug, NULL), 0);
	NEST();
	f = poolwatch__finding(&self->watch, "nested", "new");
	ASSERT_NE(f, NULL);
	EXPECT_SITES(f);
	EXPECT_STREQ(stack_of(f, "hidden"), self->chain);
	free(argv[0]);
	free(argv[2]);
	free(argv[3]);
}

TEST_F(stacks, deleted)
{
	const char *f;

	ASSERT_EQ(link(e2e__file("nest_split"), self->gone), 0);
	ASSERT_EQ(start(&self->program, self->gone), 0);
	ASSERT_EQ(unlink(self->gone), 0);
	ASSERT_EQ(watch(&self->watch, &self->program, self->debug, NULL), 0);
	NEST();
	f = poolwatch__finding(&self->watch, "nested", "new");
	ASSERT_NE(f, NULL);
	EXPECT_SITES(f);
	EXPECT_STREQ(stack_of(f, "gone"), self->chain);
}

/* Addresses as the file has them. It is the same code, so what is known of one tells what must be said of the other. */
TEST_F(stacks, stripped)
{
	const char *f;
	int64_t into;

	ASSERT_EQ(start(&self->program, e2e__file("nest")), 0);
	ASSERT_EQ(watch(&self->watch, &self->program, self->debug, NULL), 0);
	NEST();
	f = poolwatch__finding(&self->watch, "nested", "new");
	ASSERT_NE(f, NULL);
	EXPECT_STREQ(stack_of(f, "nest"), self->chain);
	ASSERT_STREQ(json_str(f, "threads.0.stack.2.symbol"), "handle_request");
	into = json_int(f, "threads.0.stack.2.offset");
	proc__free(&self->watch);
	proc__free(&self->program);

	ASSERT_EQ(start(&self->program, e2e__file("nest_stripped")), 0);
	ASSERT_EQ(watch(&self->watch, &self->program, self->debug, NULL), 0);
	NEST();
	f = poolwatch__finding(&self->watch, "nested", "new");
	ASSERT_NE(f, NULL);
	EXPECT_STREQ(json_str(f, "threads.0.stack.0.symbol"), "take_slot");
	EXPECT_STREQ(json_str(f, "threads.0.request.site.symbol"), "(null)");
	EXPECT_STREQ(json_str(f, "threads.0.request.site.module"), "nest_stripped");
	EXPECT_EQ(json_int(f, "threads.0.request.site.offset"), self->handle + into);
	ASSERT_EQ(strncmp(stack_of(f, "nest_stripped"), "+", 1), 0);
	snprintf(self->chain, sizeof(self->chain), "+%#" PRIx64 ", +%#" PRIx64 ", +%#" PRIx64 ", ", self->handle + into, self->session,
		 self->serve);
	EXPECT_EQ(strncmp(stack_of(f, "nest_stripped"), self->chain, strlen(self->chain) - 2), 0)
	{
		TH_LOG("%s", stack_of(f, "nest_stripped"));
	}
}

/* The session's acquire has not returned yet: its return address is the kernel's. */
TEST_F(stacks, within_another_acquire)
{
	const char *f;

	ASSERT_EQ(start(&self->program, e2e__file("nest_split")), 0);
	ASSERT_EQ(watch(&self->watch, &self->program, self->debug, TWO_POOLS), 0);
	NEST();
	f = poolwatch__finding(&self->watch, "nested", "new");
	ASSERT_NE(f, NULL);
	EXPECT_STREQ(json_str(f, "pool.name"), "slot");
	EXPECT_SITES(f);
	EXPECT_STREQ(stack_of(f, "nest_split"), self->chain);
}

/* All of it is read when nothing is left of the process. */
TEST_F(stacks, after_the_end)
{
	const char *f;
	int status;

	ASSERT_EQ(start(&self->program, e2e__file("nest_split")), 0);
	ASSERT_EQ(watch(&self->watch, &self->program, self->debug, TWO_POOLS), 0);
	ASSERT_EQ(kill(self->watch.pid, SIGSTOP), 0);
	ASSERT_EQ(waitpid(self->watch.pid, &status, WUNTRACED), self->watch.pid);
	ASSERT_TRUE(WIFSTOPPED(status));
	NEST();
	ASSERT_EQ(proc__end(&self->program, SIGKILL), 128 + SIGKILL);
	ASSERT_EQ(kill(self->watch.pid, SIGCONT), 0);
	ASSERT_EQ(proc__wait(&self->watch), 3);
	f = poolwatch__finding(&self->watch, "nested", "new");
	ASSERT_NE(f, NULL);
	EXPECT_SITES(f);
	EXPECT_STREQ(stack_of(f, "nest_split"), self->chain);
}

TEST_F(stacks, run_of_a_short_program)
{
	const char *f;

	ASSERT_EQ(poolwatch__run(&self->watch, "run", "--fail-on", "nested", "--json", "--debug-dir", self->debug, "--acquire", "take_slot",
				 "--release", "put_slot", "--capacity", "3", "--", e2e__file("nest_split"), "1", NULL), 3);
	NESTED(proc__expect(&self->watch, "nested"));
	self->watch.out.next = 0;
	f = poolwatch__finding(&self->watch, "nested", "new");
	ASSERT_NE(f, NULL);
	EXPECT_SITES(f);
	EXPECT_STREQ(stack_of(f, "nest_split"), self->chain);
}

/* All that there is to attach to was there from the start; the stack goes through what came later. */
TEST_F(stacks, library_loaded_later)
{
	const char *f;

	ASSERT_EQ(start(&self->program, e2e__file("nest_split")), 0);
	ASSERT_EQ(watch(&self->watch, &self->program, self->debug, TWO_POOLS), 0);
	ASSERT_EQ(proc__send(&self->program, "load %s", e2e__file("nest_library.so")), 0);
	ASSERT_STREQ(proc__line(&self->program), "load done");
	NEST();
	f = poolwatch__finding(&self->watch, "nested", "new");
	ASSERT_NE(f, NULL);
	EXPECT_EQ(strncmp(stack_of(f, "nest_library.so"), "through nest_library.c:", 23), 0);
	EXPECT_EQ(strncmp(stack_of(f, "nest_split"), self->chain, strlen(self->chain)), 0);
	EXPECT_STREQ(strstr(stack_of(f, "nest_split"), ", serve_through") ? "reached" : stack_of(f, "nest_split"), "reached");
}

TEST_F(stacks, cxx_names)
{
	const char *f;

	ASSERT_EQ(start(&self->program, e2e__file("nest_cxx")), 0);
	ASSERT_EQ(watch(&self->watch, &self->program, self->debug,
			"pool store; lib exe; key arg0; capacity 3; acquire store::Pool::take; release store::Pool::put"), 0);
	ASSERT_EQ(proc__send(&self->program, "nest"), 0);
	ASSERT_STREQ(proc__expect(&self->program, "nested"), "nested 7");
	f = poolwatch__finding(&self->watch, "nested", "new");
	ASSERT_NE(f, NULL);
	EXPECT_STREQ(json_str(f, "threads.0.stack.0.symbol"), "store::Pool::take");
	EXPECT_STREQ(json_str(f, "threads.0.holds.0.site.symbol"), "store::Table<store::Order>::fetch");
	EXPECT_STREQ(json_str(f, "threads.0.request.site.symbol"),
		     "store::Table<store::Order>::fetch(store::Order const&)::{lambda()#1}::operator()");
	EXPECT_TRUE(json_true(f, "threads.0.stack.1.inlined"));
	EXPECT_STREQ(json_str(f, "threads.0.stack.2.symbol"), "store::Table<store::Order>::fetch");
	EXPECT_FALSE(json_true(f, "threads.0.stack.2.inlined"));
	EXPECT_STREQ(base(json_str(f, "threads.0.stack.2.file")), "nest_cxx.cc");
	EXPECT_STREQ(json_str(f, "threads.0.stack.3.symbol"), "main");
}

/* The one line with @text in it; NULL: there is none, or another. */
static const char *line_with(const struct proc *p, const char *text)
{
	const char *found = NULL;

	for (size_t i = 0; i < p->out.n; i++)
		if (strstr(p->out.lines[i], text)) {
			if (found)
				return NULL;
			found = p->out.lines[i];
		}
	return found;
}

/* Other sessions may run on the machine: they have a graph each, with nothing of this process in it. */
TEST_F(stacks, graph)
{
	int kept, handle = -1, audit = -1, pool = -1;
	struct proc show = { 0 };
	char pid[16], text[200];
	long us = 0;

	ASSERT_EQ(start(&self->program, e2e__file("nest_split")), 0);
	ASSERT_EQ(watch(&self->watch, &self->program, self->debug, NULL), 0);
	snprintf(pid, sizeof(pid), "%d", self->program.pid);
	NEST();
	ASSERT_EQ(proc__send(&self->program, "keep"), 0);
	ASSERT_EQ(sscanf(proc__expect(&self->program, "kept") ?: "", "kept %d", &kept), 1);

	ASSERT_EQ(poolwatch__run(&show, "show", "graph", "--dot", "-p", pid, "--debug-dir", self->debug, NULL), 0);
	EXPECT_EQ(sscanf(line_with(&show, "[label=\"handle_request\\n") ?: "", "\tsite%d", &handle), 1);
	snprintf(text, sizeof(text), "nest.c:%d\"", atoi(strchr(self->chain, ':') + 1));
	EXPECT_EQ(sscanf(line_with(&show, text) ?: "", "\tsite%d [label=\"save_audit", &audit), 1);
	EXPECT_EQ(sscanf(line_with(&show, "[shape=box, label=\"pool\\n") ?: "", "\tpool%d", &pool), 1);
	snprintf(text, sizeof(text), "\tpool%d -> site%d [label=\"taken 1\", class=\"cycle\"", pool, handle);
	EXPECT_NE(line_with(&show, text), NULL);
	snprintf(text, sizeof(text), "\tsite%d -> site%d [label=\"then 1\", class=\"cycle\"", handle, audit);
	EXPECT_NE(line_with(&show, text), NULL);
	snprintf(text, sizeof(text), "\tsite%d -> pool%d [label=\"asked 1\", class=\"cycle\"", audit, pool);
	EXPECT_NE(line_with(&show, text), NULL);
	proc__free(&show);

	ASSERT_EQ(poolwatch__run(&show, "show", "graph", "--folded", "-p", pid, "--debug-dir", self->debug, NULL), 0);
	ASSERT_EQ(show.out.n, 1);
	EXPECT_EQ(sscanf(show.out.lines[0], "nest_split;keep;pool %ld", &us), 1);
	EXPECT_LT(0, us);
	proc__free(&show);
}

TEST_HARNESS_MAIN
