// SPDX-License-Identifier: GPL-2.0
/* See exes.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "exes.h"
#include "match.h"
#include "roster.h"

#define MS 1000000ull
#define SECOND 1000000000ull
#define SCAN_WITH_EVENTS (60 * SECOND) /* a look at everything, in case an event was missed */

struct exes {
	const struct strlist *patterns;
	struct watch *watch;
	struct roster *roster;
	void (*notice)(void *ctx, const char *line);
	void *ctx;
	int events; /* -1: the kernel does not tell us */
	uint64_t next_scan;
};

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

static int match(void *ctx, const struct procs_facts *f)
{
	const struct exes *x = ctx;
	const struct match m = { .exes = *x->patterns };
	const struct match_facts facts = { .exe = f->exe, .cgroup = f->cgroup, .uid = f->uid };

	return match__process(&m, &facts) ? 0 : -1;
}

static int add(void *ctx, int group, uint32_t pid)
{
	struct exes *x = ctx;
	struct watch_error err = { 0 };
	char line[sizeof(err.message) + 60];
	int r;

	(void)group;
	if ((pid_t)pid == getpid())
		return -EINVAL;
	r = watch__add(x->watch, pid, 0, &err);
	if (r && r != -ENOENT && r != -EAGAIN && r != -EEXIST && r != -ESRCH && x->notice) {
		snprintf(line, sizeof(line), "process %" PRIu32 " is not watched: %s", pid, err.message[0] ? err.message : strerror(-r));
		x->notice(x->ctx, line);
	}
	return r;
}

static void drop(void *ctx, int group, uint32_t pid)
{
	const struct exes *x = ctx;

	(void)group;
	watch__remove(x->watch, pid);
}

static const struct roster_ops roster_ops = { .match = match, .add = add, .remove = drop };

int exes__new(const struct strlist *patterns, int events, struct watch *w, void (*notice)(void *ctx, const char *line), void *ctx,
	      struct exes **out)
{
	struct exes *x = calloc(1, sizeof(*x));
	int r;

	if (!x) {
		if (events >= 0)
			close(events);
		return -ENOMEM;
	}
	*x = (struct exes){ .patterns = patterns, .watch = w, .notice = notice, .ctx = ctx, .events = events };
	r = roster__new(&roster_ops, x, &x->roster);
	if (!r)
		r = exes__step(x);
	if (r) {
		exes__free(x);
		return r;
	}
	*out = x;
	return 0;
}

void exes__free(struct exes *x)
{
	if (!x)
		return;
	if (x->events >= 0)
		close(x->events);
	roster__free(x->roster);
	free(x);
}

int exes__fd(const struct exes *x)
{
	return x->events >= 0 ? x->events : -1;
}

int exes__timeout_ms(const struct exes *x)
{
	uint64_t now = clock_ns(), next = roster__deadline(x->roster);

	if (x->next_scan < next)
		next = x->next_scan;
	return next > now ? (next - now) / MS + 1 : 0;
}

int exes__step(struct exes *x)
{
	uint64_t now = clock_ns();
	uint32_t pid;
	int r = 0;

	while (x->events >= 0 && (r = procs_events__next(x->events, &pid)) == 1)
		roster__look(x->roster, pid, now);
	if (r == -ENOBUFS) {
		x->next_scan = 0;
	} else if (r < 0 && r != -EAGAIN) {
		close(x->events);
		x->events = -1;
	}
	roster__step(x->roster, now);
	if (now < x->next_scan)
		return 0;
	x->next_scan = now + (x->events >= 0 ? SCAN_WITH_EVENTS : SECOND);
	return roster__scan(x->roster, now);
}
