// SPDX-License-Identifier: GPL-2.0
/*
 * What a deadlock is told as. The threads left over by the reduction fall apart into components, bound together by the
 * pools they block one another with; each is a finding. Its core are the threads that hold what others wait for; the
 * others only wait, for good.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "judge_internal.h"

/* Nodes are pools, then threads. */
struct components {
	uint32_t *parent;
	size_t n;
};

static uint32_t component__root(struct components *c, uint32_t i)
{
	while (c->parent[i] != i)
		i = c->parent[i] = c->parent[c->parent[i]];
	return i;
}

static void component__join(struct components *c, uint32_t a, uint32_t b)
{
	a = component__root(c, a);
	b = component__root(c, b);
	if (a < b)
		c->parent[b] = a;
	else
		c->parent[a] = b;
}

struct view {
	struct judge_look *look;
	const struct judge_reduction *r;
	bool *blocking;	       /* per pool: somebody left over waits for it */
	const uint64_t *first; /* per thread: when it was first left over */
	struct components c;
};

static bool request__blocked(const struct view *v, const struct poolwatch_request *r, int64_t *pool)
{
	int64_t p = judge_pool__index(v->look->now, r->pool);

	*pool = p;
	return p >= 0 && v->look->pools[p].provable && r->units > v->r->left[p];
}

static int64_t hold__blocking(const struct view *v, const struct poolwatch_hold *h)
{
	const struct poolwatch_pool *p =
	    POOLWATCH_HOLD_UNITS(h->word) ? ledger__pool_at(v->look->now, POOLWATCH_HOLD_POOL(h->word)) : NULL;

	return p && ledger__held(p, h) && v->blocking[p - v->look->now->pools] ? p - v->look->now->pools : -1;
}

/*
 * Threads and the pools that they block one another with. Return: false if a thread is not blocked by what is left: no
 * proof.
 */
static bool bind_components(struct view *v)
{
	const struct ledger *l = v->look->now;
	int64_t p;

	for (size_t i = 0; i < l->nthreads; i++) {
		bool blocked = false;

		for (uint32_t k = 0; v->look->deadlocked[i] && k < l->threads[i].requests; k++)
			if (request__blocked(v, &l->threads[i].request[k], &p)) {
				v->blocking[p] = blocked = true;
				component__join(&v->c, p, l->npools + i);
			}
		if (v->look->deadlocked[i] && !blocked)
			return false;
	}
	for (size_t i = 0; i < l->nthreads; i++)
		for (int k = 0; v->look->deadlocked[i] && k < POOLWATCH_HOLDS; k++) {
			p = hold__blocking(v, &l->threads[i].hold[k]);
			if (p >= 0)
				component__join(&v->c, p, l->npools + i);
		}
	return true;
}

static int deadlock__explain(const struct judge_found *found, struct finding *f, int64_t held)
{
	size_t rest = found->nthreads - found->ncore;
	char more[80] = "";

	if (rest)
		snprintf(more, sizeof(more), "; %zu more thread%s wait%s for them", rest, judge__plural(rest),
			 rest == 1 ? "s" : "");
	if (!held)
		return judge__explain(
		    f, "%zu thread%s ask%s for more units of %s than its %" PRId64 ": this can never be granted",
		    found->nthreads, judge__plural(found->nthreads), found->nthreads == 1 ? "s" : "", f->pool_name,
		    f->capacity);
	if (found->nplaces > 1)
		return judge__explain(
		    f, "%zu threads hold what the others of them need, of %zu pools, and none can go on%s",
		    found->ncore, found->nplaces, more);
	if (found->ncore == 1)
		return judge__explain(f,
				      "one thread holds %" PRId64 " of the %" PRId64 " unit%s of %s and waits for %s%s",
				      held, f->capacity, judge__plural(f->capacity), f->pool_name,
				      f->capacity == 1 ? "it" : "more than are left", more);
	return judge__explain(f,
			      "%zu threads hold %" PRId64 " of the %" PRId64
			      " units of %s, each waits for another, and none can go on%s",
			      found->ncore, held, f->capacity, f->pool_name, more);
}

static uint32_t units_of(const struct ledger *l, const struct poolwatch_thread *t, uint32_t pool)
{
	uint32_t units = 0;

	for (int i = 0; i < POOLWATCH_HOLDS; i++)
		if (POOLWATCH_HOLD_UNITS(t->hold[i].word) &&
		    ledger__pool_at(l, POOLWATCH_HOLD_POOL(t->hold[i].word)) == &l->pools[pool])
			units += ledger__held(&l->pools[pool], &t->hold[i]);
	return units;
}

static int deadlock__fill(const struct judge_look *look, const struct judge_found *found, struct finding *f)
{
	const struct ledger *l = look->now;
	uint32_t main = found->places[0], depth = 0;
	int64_t held = 0, nesting = 0;
	int err;

	judge__about(look, f, &l->pools[main]);
	f->proof = "reduction";
	for (size_t i = 0; i < found->ncore; i++) {
		const struct poolwatch_thread *t = &l->threads[found->threads[i]];
		uint32_t units = units_of(l, t, main), asked = 0;

		held += units;
		for (uint32_t k = 0; k < t->requests; k++)
			if (t->request[k].pool == l->pools[main].head.id && t->request[k].units > asked)
				asked = t->request[k].units;
		if (!units || !asked)
			continue;
		nesting++;
		if (units + asked > depth)
			depth = units + asked;
	}
	if (nesting) {
		const struct poolwatch_pool *p = &l->pools[main];

		judge__sizing(f, p->depth > depth ? p->depth : depth,
			      p->nesting_max > nesting ? p->nesting_max : nesting, f->capacity);
	}
	f->pools = calloc(found->nplaces, sizeof(*f->pools));
	if (!f->pools)
		return -ENOMEM;
	for (size_t i = 0; i < found->nplaces; i++)
		f->pools[f->npools++] = l->pools[found->places[i]].head.id;
	err = judge__threads(look, found, f);
	return err ? err : deadlock__explain(found, f, held);
}

struct place {
	uint32_t pool;
	uint32_t asked; /* requests of the component that it blocks */
};

/* The one most asked for first, then by what they are. */
static int compare_places(const void *a, const void *b, void *ledger)
{
	const struct place *x = a, *y = b;
	const struct ledger *l = ledger;
	const struct poolwatch_pool *p = &l->pools[x->pool], *q = &l->pools[y->pool];

	if (x->asked != y->asked)
		return x->asked > y->asked ? -1 : 1;
	return judge__compare_pools(p, q);
}

static int component__places(const struct view *v, struct judge_found *found)
{
	const struct ledger *l = v->look->now;
	_cleanup_free_ struct place *places = calloc(found->nthreads * POOLWATCH_REQUESTS + 1, sizeof(*places));
	_cleanup_free_ uint32_t *at = calloc(l->npools + 1, sizeof(*at));
	size_t n = 0;
	int64_t p;

	if (!places || !at)
		return -ENOMEM;
	for (size_t i = 0; i < found->nthreads; i++) {
		const struct poolwatch_thread *t = &l->threads[found->threads[i]];

		for (uint32_t k = 0; k < t->requests; k++) {
			if (!request__blocked(v, &t->request[k], &p))
				continue;
			if (!at[p]) {
				places[n].pool = p;
				at[p] = ++n;
			}
			places[at[p] - 1].asked++;
		}
	}
	qsort_r(places, n, sizeof(*places), compare_places, (void *)l);
	found->places = calloc(n + 1, sizeof(*found->places));
	if (!found->places)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		found->places[found->nplaces++] = places[i].pool;
	return 0;
}

/* The set of sites where the core asks and where it got what it holds. */
static int component__key(const struct view *v, struct judge_found *found)
{
	const struct ledger *l = v->look->now;
	const struct poolwatch_pool *p = &l->pools[found->places[0]];
	_cleanup_free_ uint64_t *sites =
	    calloc(found->nthreads * (POOLWATCH_HOLDS + POOLWATCH_REQUESTS) + 1, sizeof(*sites));
	uint64_t hash = 0;
	size_t n = 0;
	int64_t at;

	if (!sites)
		return -ENOMEM;
	for (size_t i = 0; i < found->ncore; i++) {
		const struct poolwatch_thread *t = &l->threads[found->threads[i]];

		for (int k = 0; k < POOLWATCH_HOLDS; k++)
			if (hold__blocking(v, &t->hold[k]) >= 0)
				sites[n++] = t->hold[k].site;
		for (uint32_t k = 0; k < t->requests; k++) {
			if (request__blocked(v, &t->request[k], &at))
				sites[n++] = t->request[k].site;
			if (t->request[k].since > found->since)
				found->since = t->request[k].since;
		}
	}
	qsort(sites, n, sizeof(*sites), judge__by_u64);
	for (size_t i = 0; i < n; i++)
		if (!i || sites[i] != sites[i - 1])
			hash = judge__mix(hash, sites[i]);
	found->key = judge__pool_key(p, hash);
	found->pool = p->head.id;
	return 0;
}

/* Does each poller of the component still try, since all of it was first seen as it is? */
static bool component__settled(const struct view *v, const struct judge_found *found)
{
	const struct ledger *l = v->look->now;
	uint64_t formed = 0;

	for (size_t i = 0; i < found->nthreads; i++)
		if (v->first[found->threads[i]] > formed)
			formed = v->first[found->threads[i]];
	for (size_t i = 0; i < found->nthreads; i++) {
		const struct poolwatch_thread *t = &l->threads[found->threads[i]];

		for (uint32_t k = 0; k < t->requests; k++)
			if (t->request[k].flags & POOLWATCH_REQ_POLL && t->request[k].tried <= formed)
				return false;
	}
	return true;
}

/* Has any unit that it turns on perhaps been handed on, for somebody else to return? */
static bool component__may_be_handed_on(const struct view *v, const struct judge_found *found)
{
	for (size_t i = 0; i < found->ncore; i++) {
		const struct poolwatch_thread *t = &v->look->now->threads[found->threads[i]];

		for (int k = 0; k < POOLWATCH_HOLDS; k++) {
			int64_t p = hold__blocking(v, &t->hold[k]);

			if (p >= 0 && judge__may_be_handed_on(v->look, t, &t->hold[k], p))
				return true;
		}
	}
	return false;
}

/*
 * One finding for each component. @order: the threads left over, by who they are; in a component the core comes first.
 */
static int gather(struct view *v, const uint32_t *order, size_t n)
{
	struct judge_look *look = v->look;
	const struct ledger *l = look->now;
	_cleanup_free_ uint32_t *at =
	    calloc(l->npools + l->nthreads + 1, sizeof(*at)); /* index + 1 in @size, by root */
	_cleanup_free_ uint32_t *size = calloc(n + 1, sizeof(*size));
	size_t first = look->nfound, count = 0;

	if (!at || !size)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		uint32_t root = component__root(&v->c, l->npools + order[i]);

		if (!at[root])
			at[root] = ++count;
		size[at[root] - 1]++;
	}
	for (size_t i = 0; i < count; i++) {
		struct judge_found *found = judge_look__add(look);

		if (!found)
			return -ENOMEM;
		found->kind = FINDING_DEADLOCK;
		found->fill = deadlock__fill;
		found->threads = calloc(size[i], sizeof(*found->threads));
		if (!found->threads)
			return -ENOMEM;
	}
	for (int core = 1; core >= 0; core--)
		for (size_t i = 0; i < n; i++) {
			struct judge_found *found =
			    &look->found[first + at[component__root(&v->c, l->npools + order[i])] - 1];
			bool holds = false;

			for (int k = 0; k < POOLWATCH_HOLDS && !holds; k++)
				holds = hold__blocking(v, &l->threads[order[i]].hold[k]) >= 0;
			if (holds != core)
				continue;
			found->threads[found->nthreads++] = order[i];
			found->ncore += core;
		}
	return 0;
}

static int finish(struct view *v, size_t first)
{
	struct judge_look *look = v->look;

	for (size_t i = first; i < look->nfound; i++) {
		struct judge_found *found = &look->found[i];
		int err;

		/* Nobody holds any of it: they ask for more than there is, each by itself. */
		if (!found->ncore)
			found->ncore = found->nthreads;
		err = component__places(v, found);
		if (!err)
			err = component__key(v, found);
		if (err)
			return err;
		found->held_back = !component__settled(v, found) ||
				   (found->since + JUDGE_HANDED_ON_NS > look->now->time && component__may_be_handed_on(v, found));
		found->said = judge_said__by_threads(look, found);
	}
	return 0;
}

static void view__clear(struct view *v)
{
	free(v->blocking);
	free(v->c.parent);
}

int judge_components(struct judge_look *look, const struct judge_reduction *r, const uint64_t *first)
{
	const struct ledger *l = look->now;
	_cleanup_(view__clear) struct view v = {.look = look, .r = r, .first = first};
	_cleanup_free_ uint32_t *order = calloc(r->n + 1, sizeof(*order));
	size_t n = 0, before = look->nfound;
	int err;

	v.blocking = calloc(l->npools + 1, sizeof(*v.blocking));
	v.c.n = l->npools + l->nthreads;
	v.c.parent = calloc(v.c.n + 1, sizeof(*v.c.parent));
	if (!order || !v.blocking || !v.c.parent)
		return -ENOMEM;
	for (size_t i = 0; i < v.c.n; i++)
		v.c.parent[i] = i;
	if (!bind_components(&v)) {
		memset(look->deadlocked, 0, l->nthreads * sizeof(*look->deadlocked));
		return 0;
	}
	for (size_t i = 0; i < l->nthreads; i++)
		if (look->deadlocked[i])
			order[n++] = i;
	qsort_r(order, n, sizeof(*order), judge__by_thread, (void *)l);
	err = gather(&v, order, n);
	return err ? err : finish(&v, before);
}
