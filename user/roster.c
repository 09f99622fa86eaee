// SPDX-License-Identifier: GPL-2.0
/* Who is to be watched, and what became of it. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "roster.h"

#define MS	    1000000ull
#define RETRY_FIRST (20 * MS)
#define RETRY_LAST  (300 * 1000 * MS)
#define RETRY_SLOWER 4 /* a pause is a quarter longer than the one before: libraries loaded late are seen soon after */
#define YOUNG	    (10 * 1000 * MS) /* for so long a process may still change its user and its cgroup */

struct entry {
	uint32_t pid;
	enum roster_state state;
	int group; /* -1: not meant */
	struct procs_identity id;
	uint64_t first; /* seen, ns */
	uint64_t retry; /* ROSTER_TRYING: when */
	uint64_t pause;
	bool there; /* in this scan */
};

struct roster {
	const struct roster_ops *ops;
	void *ctx;
	struct entry *entries; /* by pid */
	size_t n, room;
};

int roster__new(const struct roster_ops *ops, void *ctx, struct roster **out)
{
	struct roster *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->ops = ops;
	r->ctx = ctx;
	*out = r;
	return 0;
}

void roster__free(struct roster *r)
{
	if (!r)
		return;
	free(r->entries);
	free(r);
}

/* Where @pid is, or would be. */
static size_t position(const struct roster *r, uint32_t pid)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (r->entries[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct entry *find(const struct roster *r, uint32_t pid)
{
	size_t i = position(r, pid);

	return i < r->n && r->entries[i].pid == pid ? &r->entries[i] : NULL;
}

static struct entry *insert(struct roster *r, uint32_t pid)
{
	size_t i = position(r, pid);

	if (r->n == r->room) {
		size_t room = r->room ? 2 * r->room : 256;
		struct entry *more = reallocarray(r->entries, room, sizeof(*more));

		if (!more)
			return NULL;
		r->entries = more;
		r->room = room;
	}
	memmove(&r->entries[i + 1], &r->entries[i], (r->n - i) * sizeof(*r->entries));
	r->n++;
	r->entries[i] = (struct entry){.pid = pid, .group = -1};
	return &r->entries[i];
}

static void drop(struct roster *r, struct entry *e)
{
	if (e->state == ROSTER_WATCHED)
		r->ops->remove(r->ctx, e->group, e->pid);
	e->state = ROSTER_OTHER;
}

static void attempt(struct roster *r, struct entry *e, uint64_t now)
{
	int err = r->ops->add(r->ctx, e->group, e->pid);

	if (!err || err == -EEXIST) {
		e->state = ROSTER_WATCHED;
	} else if (err == -ENOENT || err == -EAGAIN) {
		e->state = ROSTER_TRYING;
		e->retry = now + e->pause;
		e->pause += e->pause / RETRY_SLOWER;
		if (e->pause > RETRY_LAST)
			e->pause = RETRY_LAST;
	} else {
		e->state = ROSTER_REFUSED;
	}
}

static void evaluate(struct roster *r, struct entry *e, uint64_t now)
{
	struct procs_facts f;
	int group = procs__facts(e->pid, &f) ? -1 : r->ops->match(r->ctx, &f);

	if (group == e->group)
		return;
	drop(r, e);
	e->group = group;
	e->pause = RETRY_FIRST;
	if (group >= 0)
		attempt(r, e, now);
}

static int look(struct roster *r, uint32_t pid, uint64_t now)
{
	struct entry *e = find(r, pid);
	struct procs_identity id;

	if (procs__identify(pid, &id))
		return 0; /* a kernel thread, or gone: the scan forgets it */
	if (e && (e->id.start != id.start || e->id.exe != id.exe)) {
		/* Another program: the watch of the old one ends by itself. */
		e->state = ROSTER_OTHER;
		e->group = -1;
		e->id = id;
		e->first = now;
	} else if (!e) {
		e = insert(r, pid);
		if (!e)
			return -ENOMEM;
		e->id = id;
		e->first = now;
	} else if (now - e->first > YOUNG) {
		e->there = true;
		return 0;
	}
	e->there = true;
	evaluate(r, e, now);
	return 0;
}

int roster__look(struct roster *r, uint32_t pid, uint64_t now)
{
	struct entry *e = find(r, pid);

	/* Something about it changed: young again. */
	if (e)
		e->first = now;
	return look(r, pid, now);
}

int roster__scan(struct roster *r, uint64_t now)
{
	uint32_t *pids;
	size_t n, kept = 0;
	int err = procs__list(&pids, &n);

	if (err)
		return err;
	for (size_t i = 0; i < r->n; i++)
		r->entries[i].there = false;
	for (size_t i = 0; i < n && !err; i++)
		err = look(r, pids[i], now);
	free(pids);
	for (size_t i = 0; !err && i < r->n; i++)
		if (r->entries[i].there)
			r->entries[kept++] = r->entries[i];
	if (!err)
		r->n = kept;
	return err;
}

void roster__gone(struct roster *r, uint32_t pid)
{
	struct entry *e = find(r, pid);

	/* One that is tried was not watched: it has the number of the one that was. */
	if (!e || e->state == ROSTER_TRYING)
		return;
	/* As if it had never been seen: if it is still there, the next look starts over. */
	e->state = ROSTER_OTHER;
	e->group = -1;
	e->id = (struct procs_identity){0};
}

int roster__regroup(struct roster *r, const int *groups, size_t n, uint64_t now)
{
	for (size_t i = 0; i < r->n; i++) {
		struct entry *e = &r->entries[i];
		int group = e->group >= 0 && (size_t)e->group < n ? groups[e->group] : -1;

		/* The old group's watch is gone with it, and what it watched. */
		if (group < 0)
			e->state = ROSTER_OTHER;
		e->group = group;
		evaluate(r, e, now);
	}
	return roster__scan(r, now);
}

void roster__step(struct roster *r, uint64_t now)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->entries[i].state == ROSTER_TRYING && r->entries[i].retry <= now)
			attempt(r, &r->entries[i], now);
}

uint64_t roster__deadline(const struct roster *r)
{
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i < r->n; i++)
		if (r->entries[i].state == ROSTER_TRYING && r->entries[i].retry < first)
			first = r->entries[i].retry;
	return first;
}

size_t roster__count(const struct roster *r, enum roster_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->entries[i].state == state;
	return n;
}

uint64_t roster__start(const struct roster *r, uint32_t pid)
{
	const struct entry *e = find(r, pid);

	return e ? e->id.start : 0;
}
