// SPDX-License-Identifier: GPL-2.0
/*
 * The reduction of the multi-unit resource graph (Holt), and what it proves.
 *
 * Every thread that is not known to wait is taken to give back all it holds. What is then free goes to any waiting
 *thread whose request fits; it is taken to finish and to give back what it holds, and so on. Let D be the threads left
 *over. For each t in D there is a pool p that it asks with
 *
 *	r(t,p) > C(p) - sum over d in D of h(d,p)
 *
 * and that is the whole certificate: as long as nobody in D moves, nobody in D can. It speaks of D's own holds and
 *requests and of the capacity, and of nothing else:
 *
 * - Everybody outside D, seen or not, is assumed to give everything back. Holds from before the attach, of processes
 *that are not watched, and of threads that the ledger had no room for are units outside D: they can prevent a proof,
 *never make one. in_use is not used.
 * - D's states must have been so at one moment: two copies of the ledger with the same words (judge_deadlock.c).
 * - Books in flight err on the safe side. A grant is booked when the call returns, a release when it is entered, so a
 *thread really holds at least what the books say. And if one of D had been granted its unit with the return still under
 *way, more than C(p) units would be out, which cannot be.
 * - A hold that may have been given back by another hand since (a bare unit that a thread from before the attach
 *returned) is no hold.
 * - C(p) must be certain, and units must come back by their holders only: see `provable` in judge__assess.
 *
 * A thread with several requests (an acquire that calls another pool's) needs all of them. A request that takes nothing
 * (wait-on) needs its units all the same.
 *
 * Cost: each request is looked at once, as pools only ever gain units while others finish. O(n log n) in requests,
 *linear in holds; memory linear in pools, threads and requests.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "judge_internal.h"

/* One request that might have to wait. */
struct want {
	uint32_t pool;
	uint32_t thread;
	int64_t units;
};

struct graph {
	const struct ledger *l;
	struct want *wants; /* sorted by pool, then units: the least demanding first */
	size_t nwants;
	uint32_t *next;	    /* per pool: its first want that does not fit yet; npools + 1 entries, the last unused */
	uint32_t *end;	    /* per pool: behind its wants */
	uint32_t *missing;  /* per thread: requests that do not fit yet */
	int64_t *left;	    /* per pool: free */
	uint32_t *finished; /* threads that finished and whose holds are to be given back: a stack */
	size_t nfinished;
};

static void graph__clear(struct graph *g)
{
	free(g->wants);
	free(g->next);
	free(g->end);
	free(g->missing);
	free(g->left);
	free(g->finished);
}

static int compare_wants(const void *a, const void *b)
{
	const struct want *x = a, *y = b;

	if (x->pool != y->pool)
		return x->pool < y->pool ? -1 : 1;
	return x->units < y->units ? -1 : x->units > y->units;
}

static int graph__alloc(struct graph *g, const struct ledger *l)
{
	size_t np = l->npools + 1, nt = l->nthreads + 1, nw = 0;

	for (size_t i = 0; i < l->nthreads; i++)
		nw += l->threads[i].requests < POOLWATCH_REQUESTS ? l->threads[i].requests : POOLWATCH_REQUESTS;
	g->l = l;
	g->wants = calloc(nw + 1, sizeof(*g->wants));
	g->next = calloc(np, sizeof(*g->next));
	g->end = calloc(np, sizeof(*g->end));
	g->missing = calloc(nt, sizeof(*g->missing));
	g->left = calloc(np, sizeof(*g->left));
	g->finished = calloc(nt, sizeof(*g->finished));
	return g->wants && g->next && g->end && g->missing && g->left && g->finished ? 0 : -ENOMEM;
}

/* Requests of threads that wait, for pools that can prove something; what those threads hold is not free. */
static void graph__build(struct graph *g, const struct judge_pool *pools, const bool *waiting)
{
	const struct ledger *l = g->l;

	for (size_t i = 0; i < l->npools; i++)
		g->left[i] = pools[i].provable ? pools[i].capacity : INT64_MAX;
	for (size_t i = 0; i < l->nthreads; i++) {
		const struct poolwatch_thread *t = &l->threads[i];

		if (!waiting[i])
			continue;
		for (uint32_t k = 0; k < t->requests && k < POOLWATCH_REQUESTS; k++) {
			int64_t p = judge_pool__index(l, t->request[k].pool);

			if (p < 0 || !pools[p].provable)
				continue;
			g->wants[g->nwants++] = (struct want){p, i, t->request[k].units};
			g->missing[i]++;
		}
		for (int k = 0; k < POOLWATCH_HOLDS; k++) {
			const struct poolwatch_pool *p = ledger__pool_at(l, POOLWATCH_HOLD_POOL(t->hold[k].word));

			if (p && pools[p - l->pools].provable)
				g->left[p - l->pools] -= ledger__held(p, &t->hold[k]);
		}
	}
	/* More held by them than there is: the capacity is not so, and proves nothing. */
	for (size_t i = 0; i < l->npools; i++)
		if (g->left[i] < 0)
			g->left[i] = INT64_MAX;
	qsort(g->wants, g->nwants, sizeof(*g->wants), compare_wants);
	for (size_t i = 0; i < g->nwants; i++) {
		if (!i || g->wants[i].pool != g->wants[i - 1].pool)
			g->next[g->wants[i].pool] = i;
		g->end[g->wants[i].pool] = i + 1;
	}
}

/* Requests for @pool that fit now. Units only ever come back, so what fits stays fitting. */
static void graph__fit(struct graph *g, uint32_t pool)
{
	while (g->next[pool] < g->end[pool] && g->wants[g->next[pool]].units <= g->left[pool])
		if (!--g->missing[g->wants[g->next[pool]++].thread])
			g->finished[g->nfinished++] = g->wants[g->next[pool] - 1].thread;
}

static void graph__give_back(struct graph *g, const struct poolwatch_thread *t)
{
	for (int k = 0; k < POOLWATCH_HOLDS; k++) {
		uint32_t units = POOLWATCH_HOLD_UNITS(t->hold[k].word);
		const struct poolwatch_pool *p =
		    units ? ledger__pool_at(g->l, POOLWATCH_HOLD_POOL(t->hold[k].word)) : NULL;
		size_t i;

		if (!p)
			continue;
		i = p - g->l->pools;
		if (g->left[i] == INT64_MAX)
			continue;
		g->left[i] += ledger__held(p, &t->hold[k]);
		graph__fit(g, i);
	}
}

int judge__reduce_with(const struct ledger *l, const struct judge_pool *pools, const bool *eligible, bool *deadlocked,
		       struct judge_reduction *r)
{
	_cleanup_(graph__clear) struct graph g = {0};
	_cleanup_free_ bool *waiting = calloc(l->nthreads + 1, sizeof(*waiting));
	int err = graph__alloc(&g, l);
	size_t n = 0;

	if (err || !waiting)
		return -ENOMEM;
	/* Of a thread that holds more than its record can name, the books say too little. */
	for (size_t i = 0; i < l->nthreads; i++)
		waiting[i] = (!eligible || eligible[i]) && judge__waits(l, &l->threads[i]) &&
			     !(l->threads[i].flags & POOLWATCH_THREAD_OVERFLOW);
	graph__build(&g, pools, waiting);
	/* Nothing in the way at all: such a thread finishes at once. */
	for (size_t i = 0; i < l->nthreads; i++)
		if (waiting[i] && !g.missing[i])
			g.finished[g.nfinished++] = i;
	for (size_t i = 0; i < l->npools; i++)
		graph__fit(&g, i);
	while (g.nfinished)
		graph__give_back(&g, &l->threads[g.finished[--g.nfinished]]);
	for (size_t i = 0; i < l->nthreads; i++) {
		deadlocked[i] = waiting[i] && g.missing[i];
		n += deadlocked[i];
	}
	r->n = n;
	r->left = take_ptr(g.left);
	return 0;
}

int judge__reduce(const struct ledger *l, const bool *eligible, bool *deadlocked)
{
	_cleanup_free_ struct judge_pool *pools = calloc(l->npools + 1, sizeof(*pools));
	struct judge_reduction r;
	int err;

	if (!pools)
		return -ENOMEM;
	err = judge__assess(l, pools);
	if (!err)
		err = judge__reduce_with(l, pools, eligible, deadlocked, &r);
	if (err)
		return err;
	free(r.left);
	return r.n;
}
