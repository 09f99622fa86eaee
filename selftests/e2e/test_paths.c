// SPDX-License-Identifier: GPL-2.0
/*
 * Whole stacks of what is held (--stacks=all): told apart where only the way to the acquire differs, in optimised code without
 * frame pointers, and how long units were held by each. What is expected is what paths.c says of itself.
 */
#include <inttypes.h>
#include <regex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "e2e.h"

#define SLOT "pool slot; lib exe; key arg0; capacity 8; acquire take_slot; release put_slot; "
#define SESSION "pool session; lib exe; key arg0; capacity 1; acquire open_session; release close_session"
#define SERVING "pool serving; lib exe; key arg0; capacity 4; scope open_session"

#define LOOKS 200 /* at most, for what comes with the next look or the one after */

FIXTURE(paths)
{
	struct proc program, watch, show;
	char pid[16];
};

FIXTURE_SETUP(paths)
{
	char *argv[] = { (char *)e2e__file("paths"), NULL };

	memset(self, 0, sizeof(*self));
	ASSERT_EQ(proc__start(&self->program, argv), 0);
	ASSERT_NE(proc__expect(&self->program, "ready"), NULL);
	snprintf(self->pid, sizeof(self->pid), "%d", self->program.pid);
}

FIXTURE_TEARDOWN(paths)
{
	proc__free(&self->show);
	proc__free(&self->watch);
	proc__free(&self->program);
}

static int watch(struct proc *w, const struct proc *program, const char *pid, const char *stacks, const char *pools)
{
	int err = poolwatch__start(w, "attach", "-p", pid, "--json", "--stacks", stacks, "--pool", pools, NULL);

	return err ? err : poolwatch__watches(w, program->pid) ? 0 : -EPROTO;
}

/* Lines of flame graphs: frames with ';' between, a space, a number. All printable. */
static bool is_folded(const char *line)
{
	regex_t re;
	bool is;

	if (regcomp(&re, "^[^;[:cntrl:]]+(;[^;[:cntrl:]]+)+ [0-9]+$", REG_EXTENDED | REG_NOSUB))
		abort();
	is = !regexec(&re, line, 0, NULL, 0);
	regfree(&re);
	return is;
}

static bool fold(struct proc *show, const char *pid)
{
	proc__free(show);
	memset(show, 0, sizeof(*show));
	if (poolwatch__run(show, "show", "graph", "--folded", "-p", pid, NULL))
		return false;
	for (size_t i = 0; i < show->out.n; i++)
		if (!is_folded(show->out.lines[i]))
			return false;
	return true;
}

/* us of the one line whose frames end in @tail; 0: there is none; -1: several. */
static long folded_us(const struct proc *show, const char *tail)
{
	long us = 0;

	for (size_t i = 0; i < show->out.n; i++) {
		const char *line = show->out.lines[i], *space = strrchr(line, ' ');
		size_t len = strlen(tail), all = space - line;

		if (all >= len && !strncmp(space - len, tail, len))
			us = us ? -1 : strtol(space, NULL, 10);
	}
	return us;
}

/* Look until a stack that ends so is known. */
static bool learned(struct proc *show, const char *pid, const char *tail)
{
	for (int i = 0; i < LOOKS; i++) {
		if (!fold(show, pid))
			return false;
		if (folded_us(show, tail) > 0)
			return true;
	}
	return false;
}

struct span {
	long least, most;
};

static bool take(struct proc *p, const char *way)
{
	return !proc__send(p, "take %s", way) && proc__expect(p, "took");
}

/* "give" or "thread", and what it answers, added to @s. */
static bool held(struct proc *p, const char *order, struct span *s)
{
	const char *line, *at;
	long least, most;

	if (proc__send(p, "%s", order))
		return false;
	line = proc__expect(p, "held");
	at = line ? strrchr(line, ' ') : NULL;
	while (at && at > line && at[-1] != ' ')
		at--;
	if (!at || sscanf(at, "%ld %ld", &least, &most) != 2)
		return false;
	s->least += least;
	s->most += most;
	return true;
}

#define MAIN ";main;take;run"
#define FIRST ";way_first;first;take_any;slot"
#define SECOND ";way_second;second;take_any;slot"

/* A sum of times of day, each less than a tick (256 ns) from the truth. */
#define EXPECT_TIME(span, tail)                                                      \
	do {                                                                         \
		EXPECT_LE((span).least, folded_us(&self->show, tail) + 10)           \
		{                                                                    \
			for (size_t l = 0; l < self->show.out.n; l++)                \
				TH_LOG("%s", self->show.out.lines[l]);               \
		}                                                                    \
		EXPECT_LE(folded_us(&self->show, tail), (span).most + 10);           \
	} while (0)

TEST_F(paths, of_equal_depth)
{
	struct span first = { 0 }, second = { 0 }, threads = { 0 };

	ASSERT_EQ(watch(&self->watch, &self->program, self->pid, "all", SLOT), 0);
	ASSERT_TRUE(take(&self->program, "first"));
	ASSERT_TRUE(learned(&self->show, self->pid, MAIN FIRST));
	ASSERT_TRUE(take(&self->program, "second"));
	ASSERT_TRUE(learned(&self->show, self->pid, MAIN SECOND));
	ASSERT_TRUE(held(&self->program, "give", &second));
	ASSERT_TRUE(held(&self->program, "give", &first));
	/* Both are known by now: the kernel tells them apart. */
	for (int i = 0; i < 3; i++) {
		ASSERT_TRUE(take(&self->program, "second"));
		ASSERT_TRUE(held(&self->program, "give", &second));
		ASSERT_TRUE(take(&self->program, "first"));
		ASSERT_TRUE(held(&self->program, "give", &first));
	}
	/* The same way on another stack, which begins elsewhere. The first is learned while it is held. */
	ASSERT_TRUE(held(&self->program, "thread 50 first", &threads));
	ASSERT_TRUE(learned(&self->show, self->pid, ";keep;run" FIRST));
	ASSERT_TRUE(held(&self->program, "thread 1 first", &threads));
	ASSERT_TRUE(fold(&self->show, self->pid));
	EXPECT_EQ(self->show.out.n, 3);
	EXPECT_TIME(first, MAIN FIRST);
	EXPECT_TIME(second, MAIN SECOND);
	EXPECT_TIME(threads, ";keep;run" FIRST);
	for (size_t i = 0; i < self->show.out.n; i++)
		EXPECT_EQ(strncmp(self->show.out.lines[i], "paths;", 6), 0);
}

/* Units taken one within the other: each counts for the way that it was taken, the one taken last is given back first. */
TEST_F(paths, one_within_the_other)
{
	struct span first = { 0 }, second = { 0 };

	ASSERT_EQ(watch(&self->watch, &self->program, self->pid, "all", SLOT), 0);
	ASSERT_TRUE(take(&self->program, "first"));
	ASSERT_TRUE(learned(&self->show, self->pid, MAIN FIRST));
	ASSERT_TRUE(take(&self->program, "second"));
	ASSERT_TRUE(learned(&self->show, self->pid, MAIN SECOND));
	ASSERT_TRUE(held(&self->program, "give", &second));
	ASSERT_TRUE(learned(&self->show, self->pid, MAIN FIRST));
	ASSERT_TRUE(held(&self->program, "give", &first));
	ASSERT_TRUE(fold(&self->show, self->pid));
	EXPECT_EQ(self->show.out.n, 2);
	EXPECT_TIME(first, MAIN FIRST);
	EXPECT_TIME(second, MAIN SECOND);
	EXPECT_LT(folded_us(&self->show, MAIN SECOND), folded_us(&self->show, MAIN FIRST));
}

/* An acquire of another pool in progress, whose return address is the kernel's. Unknown at first, then known. */
TEST_F(paths, within_another_acquire)
{
	struct span deep = { 0 }, first = { 0 };

	ASSERT_EQ(watch(&self->watch, &self->program, self->pid, "all", SLOT SESSION), 0);
	ASSERT_TRUE(take(&self->program, "first"));
	ASSERT_TRUE(learned(&self->show, self->pid, MAIN FIRST));
	ASSERT_TRUE(held(&self->program, "give", &first));
	ASSERT_TRUE(take(&self->program, "deep"));
	ASSERT_TRUE(learned(&self->show, self->pid, MAIN ";way_deep;open_session" FIRST));
	ASSERT_TRUE(held(&self->program, "give", &deep));
	for (int i = 0; i < 3; i++) {
		ASSERT_TRUE(take(&self->program, "deep"));
		ASSERT_TRUE(held(&self->program, "give", &deep));
		ASSERT_TRUE(take(&self->program, "first"));
		ASSERT_TRUE(held(&self->program, "give", &first));
	}
	ASSERT_TRUE(fold(&self->show, self->pid));
	EXPECT_TIME(deep, MAIN ";way_deep;open_session" FIRST);
	EXPECT_TIME(first, MAIN FIRST);
	EXPECT_LT(0, folded_us(&self->show, MAIN ";way_deep;session"));
	EXPECT_EQ(self->show.out.n, 3);
}

/* A function with a frame of no fixed size: never taken for another, if need be not known. */
TEST_F(paths, through_a_frame_of_any_size)
{
	struct span room = { 0 }, first = { 0 };
	long us;

	ASSERT_EQ(watch(&self->watch, &self->program, self->pid, "all", SLOT), 0);
	ASSERT_TRUE(take(&self->program, "room 100"));
	ASSERT_TRUE(learned(&self->show, self->pid, MAIN ";way_room" FIRST));
	ASSERT_TRUE(held(&self->program, "give", &room));
	ASSERT_TRUE(take(&self->program, "first"));
	ASSERT_TRUE(learned(&self->show, self->pid, MAIN FIRST));
	ASSERT_TRUE(held(&self->program, "give", &first));
	for (int i = 1; i < 20; i++) {
		char way[20];

		snprintf(way, sizeof(way), "room %d", i * 100);
		ASSERT_TRUE(take(&self->program, way));
		ASSERT_TRUE(held(&self->program, "give", &room));
	}
	ASSERT_TRUE(take(&self->program, "first"));
	ASSERT_TRUE(held(&self->program, "give", &first));
	ASSERT_TRUE(fold(&self->show, self->pid));
	EXPECT_TIME(first, MAIN FIRST);
	us = folded_us(&self->show, MAIN ";way_room" FIRST);
	/* What is missing is with the site. */
	if (self->show.out.n == 3)
		us += folded_us(&self->show, "paths;take_any;slot");
	else
		EXPECT_EQ(self->show.out.n, 2);
	EXPECT_LE(room.least, us + 10);
	EXPECT_LE(us, room.most + 10);
}

/* Both stacks of a nested request, though nothing is held any more when it is told. */
TEST_F(paths, nested_finding)
{
	static const char *const way[] = { "take_any", "first", "way_first", "run", "take", "main" };
	struct span span = { 0 };
	char path[60];
	const char *f;

	ASSERT_EQ(watch(&self->watch, &self->program, self->pid, "all", SLOT), 0);
	ASSERT_TRUE(take(&self->program, "first"));
	ASSERT_TRUE(take(&self->program, "second"));
	ASSERT_TRUE(held(&self->program, "give", &span));
	ASSERT_TRUE(held(&self->program, "give", &span));
	f = poolwatch__finding(&self->watch, "nested", "new");
	ASSERT_NE(f, NULL);
	for (size_t i = 0; i < sizeof(way) / sizeof(way[0]); i++) {
		snprintf(path, sizeof(path), "threads.0.holds.0.stack.%zu.symbol", i);
		EXPECT_STREQ(json_str(f, path), way[i]);
	}
	EXPECT_STREQ(json_str(f, "threads.0.holds.0.site.symbol"), "take_any");
	EXPECT_STREQ(json_str(f, "threads.0.stack.0.symbol"), "take_slot");
	EXPECT_STREQ(json_str(f, "threads.0.stack.2.symbol"), "second");
}

/* The calling function is a scope: its return is probed, and no request of the ledger says where it leads. */
TEST_F(paths, within_a_scope)
{
	struct span deep = { 0 }, first = { 0 };
	const char *f;

	ASSERT_EQ(watch(&self->watch, &self->program, self->pid, "nested", SLOT SERVING), 0);
	ASSERT_TRUE(take(&self->program, "first"));
	ASSERT_TRUE(take(&self->program, "deep"));
	ASSERT_TRUE(held(&self->program, "give", &deep));
	ASSERT_TRUE(held(&self->program, "give", &first));
	f = poolwatch__finding(&self->watch, "nested", "new");
	ASSERT_NE(f, NULL);
	EXPECT_STREQ(json_str(f, "threads.0.stack.4.symbol"), "open_session");
	EXPECT_STREQ(json_str(f, "threads.0.stack.5.symbol"), "way_deep");
	EXPECT_STREQ(json_str(f, "threads.0.stack.6.symbol"), "run");
	EXPECT_STREQ(json_str(f, "threads.0.stack.8.symbol"), "main");
	/* Not asked for: not there. */
	EXPECT_FALSE(json_has(f, "threads.0.holds.0.stack"));
}

/* Others' sessions say nothing of it. */
TEST_F(paths, of_a_process_that_is_not_watched)
{
	char *argv[] = { (char *)e2e__file("paths"), NULL };
	struct proc other = { 0 };
	char pid[16];

	ASSERT_EQ(watch(&self->watch, &self->program, self->pid, "nested", SLOT), 0);
	ASSERT_EQ(proc__start(&other, argv), 0);
	ASSERT_NE(proc__expect(&other, "ready"), NULL);
	snprintf(pid, sizeof(pid), "%d", other.pid);
	EXPECT_EQ(poolwatch__run(&self->show, "show", "graph", "-p", pid, NULL), 1);
	EXPECT_EQ(self->show.out.n, 0);
	ASSERT_EQ(self->show.err.n, 1);
	EXPECT_NE(strstr(self->show.err.lines[0], "is not watched"), NULL);
	proc__free(&other);
}

TEST_HARNESS_MAIN
