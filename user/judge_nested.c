// SPDX-License-Identifier: GPL-2.0
/*
 * Nested requests: a unit asked for while holding one of the same pool. Seen without anything blocking, so one thread
 * on an idle machine suffices. One finding for each pair of sites of a definition in a process, however many pools it
 * has: it is the code that nests. The pool shown is the one with the least room.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "judge_internal.h"

struct nesting {
	struct judge_key key;
	int64_t margin;
	uint64_t addr;
	uint32_t edge;
};

/*
 * The sizing rule: T threads that hold d - 1 units while they ask for the d-th are safe with T * (d - 1) + 1 units, for
 * then one of them gets its last one. So C units are safe for floor((C - 1) / (d - 1)) threads.
 */
void judge__sizing(struct finding *f, uint32_t depth, int64_t threads, int64_t capacity)
{
	if (depth < 2)
		return;
	f->depth = depth;
	f->nesting_threads = threads;
	if (capacity < 1) {
		f->needed_capacity = threads * (int64_t)(depth - 1) + 1;
		return;
	}
	f->safe_threads = (capacity - 1) / (depth - 1);
	f->needed_capacity = (f->safe_threads + 1) * (depth - 1) + 1;
	f->margin = f->safe_threads > threads ? f->safe_threads - threads : 0;
}

/* Who nests now counts, also where the ledger's own maximum was missed. */
static void pool_sizing(const struct judge_look *look, struct finding *f, const struct poolwatch_pool *p,
			uint32_t depth)
{
	const struct judge_pool *jp = &look->pools[p - look->now->pools];
	int64_t threads = p->nesting_max > p->nesting ? p->nesting_max : p->nesting;

	judge__sizing(f, p->depth > depth ? p->depth : depth, threads > 0 ? threads : 1,
		      jp->how == LEDGER_CAPACITY_CERTAIN ? jp->capacity : POOLWATCH_UNKNOWN);
}

static int compare_nestings(const void *a, const void *b)
{
	const struct nesting *x = a, *y = b;

	for (int i = 0; i < JUDGE_KEY; i++)
		if (x->key.v[i] != y->key.v[i])
			return x->key.v[i] < y->key.v[i] ? -1 : 1;
	if (x->margin != y->margin)
		return x->margin < y->margin ? -1 : 1;
	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->edge < y->edge ? -1 : x->edge > y->edge;
}

static int nested__thread(const struct judge_look *look, const struct poolwatch_edge *e, const struct poolwatch_pool *p,
			  struct finding *f)
{
	const struct ledger *l = look->now;
	struct finding_thread *t;
	int err;

	f->threads = calloc(1, sizeof(*f->threads));
	if (!f->threads)
		return -ENOMEM;
	f->nthreads = 1;
	t = f->threads;
	t->tid = e->tid;
	t->pid = e->head.tgid;
	t->goroutine = e->goroutine;
	for (size_t i = 0; i < l->nthreads; i++)
		if (l->threads[i].tid == e->tid && l->threads[i].head.tgid == e->head.tgid) {
			memcpy(t->comm, l->threads[i].comm, strnlen(l->threads[i].comm, sizeof(t->comm) - 1));
			break;
		}
	t->holds = calloc(1, sizeof(*t->holds));
	if (!t->holds)
		return -ENOMEM;
	err = judge__hold(look, p, e->depth > 1 ? e->depth - 1 : 1, e->from_site, t->holds);
	if (err)
		return err;
	t->nholds = 1;
	t->requesting = true;
	return judge__hold(look, p, 1, e->to_site, &t->request);
}

/* What nests, up to the colon. */
static void nested__subject(const struct judge_look *look, const struct poolwatch_pool *p, const struct finding *f, uint32_t held,
			    char *buf, size_t size)
{
	const struct poolwatch_def *d = ledger__def(look->now, p->def);

	if (d && d->flags & POOLWATCH_DEF_PRESUMED)
		snprintf(buf, size, "a task on a worker of %s gave it tasks and waits, presumably for these", f->pool_name);
	else
		snprintf(buf, size, "a thread that holds %u unit%s of %s asks for another", held, judge__plural(held), f->pool_name);
}

static int nested__fill(const struct judge_look *look, const struct judge_found *found, struct finding *f)
{
	const struct poolwatch_edge *e = &look->now->edges[found->places[0]];
	const struct poolwatch_pool *p = ledger__pool(look->now, e->to);
	char what[120];
	int err;

	judge__about(look, f, p);
	nested__subject(look, p, f, e->depth > 1 ? e->depth - 1 : 1, what, sizeof(what));
	f->pid = e->head.tgid;
	f->proof = "observed";
	pool_sizing(look, f, p, e->depth);
	err = nested__thread(look, e, p, f);
	if (err)
		return err;
	if (f->safe_threads == POOLWATCH_UNKNOWN)
		return judge__explain(
		    f,
		    "%s: %u thread%s nesting at once need%s %" PRId64
		    " units, and the capacity is not known",
		    what, f->nesting_threads, judge__plural(f->nesting_threads),
		    f->nesting_threads == 1 ? "s" : "", f->needed_capacity);
	if (!f->safe_threads)
		return judge__explain(f,
				      "%s: with %" PRId64
				      " unit%s not safe for any thread; 1 of them needs %" PRId64 " units",
				      what, f->capacity, judge__plural(f->capacity),
				      f->needed_capacity);
	return judge__explain(f,
			      "%s: safe for up to %" PRId64
			      " thread%s nesting at once, %u seen; %" PRId64 " of them need %" PRId64 " units",
			      what, f->safe_threads, judge__plural(f->safe_threads),
			      f->nesting_threads, f->safe_threads + 1, f->needed_capacity);
}

static int nested__add(struct judge_look *look, const struct nesting *group, size_t n)
{
	struct judge_found *found = judge_look__add(look);

	if (!found)
		return -ENOMEM;
	found->kind = FINDING_NESTED;
	found->key = group[0].key;
	found->fill = nested__fill;
	found->places = malloc(sizeof(*found->places));
	if (!found->places)
		return -ENOMEM;
	found->places[0] = group[0].edge;
	found->nplaces = 1;
	found->count = 0;
	found->since = UINT64_MAX;
	for (size_t i = 0; i < n; i++) {
		const struct poolwatch_edge *e = &look->now->edges[group[i].edge];

		found->count += e->count;
		if (e->first < found->since)
			found->since = e->first;
	}
	return 0;
}

int judge_nested(struct judge_look *look)
{
	const struct ledger *l = look->now;
	_cleanup_free_ struct nesting *all = calloc(l->nedges + 1, sizeof(*all));
	size_t n = 0;
	int err = 0;

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < l->nedges; i++) {
		const struct poolwatch_edge *e = &l->edges[i];
		int64_t at = e->from == e->to ? judge_pool__index(l, e->to) : -1;
		const struct poolwatch_pool *p;
		struct finding size = {0};

		/* Not a pool, or not one yet: a semaphore in an automatic preset waits until it is confirmed. */
		if (at < 0 || !look->pools[at].holders)
			continue;
		/* See JUDGE_HANDED_ON_NS. */
		if (!look->pools[at].tried && e->from_site == e->to_site && e->first + JUDGE_HANDED_ON_NS > l->time)
			continue;
		p = &l->pools[at];
		size.margin = POOLWATCH_UNKNOWN;
		pool_sizing(look, &size, p, e->depth);
		all[n++] = (struct nesting){
		    .key = judge__key(e->head.tgid, p->space, p->def, e->from_site, e->to_site, 0),
		    .margin = size.margin == POOLWATCH_UNKNOWN ? INT64_MAX : size.margin,
		    .addr = p->addr,
		    .edge = i,
		};
	}
	qsort(all, n, sizeof(*all), compare_nestings);
	for (size_t i = 0, end; i < n && !err; i = end) {
		for (end = i + 1; end < n && !memcmp(&all[end].key, &all[i].key, sizeof(all[i].key)); end++)
			;
		err = nested__add(look, all + i, end - i);
	}
	return err;
}
