// SPDX-License-Identifier: GPL-2.0
/*
 * Orders of pools that close a circle: holding a unit of p1 somebody asked for p2, ..., holding pk for p1. Each step
 * need only have been seen once, at any time, by any thread.
 *
 * Steps are between classes: the pools of one definition in one process, whose code treats them alike. Where a
 * definition says nothing of what its pools are for (automatic presets: every semaphore of a process), or a pool
 * belongs to several processes, each pool is a class of its own. A circle through two pools of the same class shows
 * only between pools, not between classes; so there is a second round, in which all pools stand for themselves.
 *
 * For each step that is in no circle told so far, the shortest one that it is in is told: all are too many to tell.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "judge_internal.h"

/* From one class to another; of all edges between the two the first one seen stands for them. */
struct arc {
	uint32_t from, to; /* classes */
	uint32_t edge;	   /* index */
	bool alike;	   /* between pools of one class, in the second round */
	bool told;	   /* in a circle that is told */
	uint64_t count;
};

struct circles {
	struct judge_look *look;
	uint32_t *class;       /* per pool */
	struct judge_key *key; /* per class; their numbers are in the keys' order */
	size_t nclasses;
	struct arc *arcs; /* by from, then to */
	size_t narcs;
	uint32_t *first; /* per class: its first arc; nclasses + 1 */
	/* a breadth-first search */
	uint32_t *queue;
	uint32_t *by;	 /* per class: the arc that led there, */
	uint32_t *stamp; /* if in this search */
	uint32_t search;
};

static void circles__clear(struct circles *c)
{
	free(c->class);
	free(c->key);
	free(c->arcs);
	free(c->first);
	free(c->queue);
	free(c->by);
	free(c->stamp);
}

static struct judge_key class_key(const struct ledger *l, const struct poolwatch_pool *p, bool each)
{
	const struct poolwatch_def *d = ledger__def(l, p->def);

	if (each || p->flags & POOLWATCH_POOL_SHARED || (d && d->flags & POOLWATCH_DEF_CONFIRM))
		return judge__pool_key(p, 0);
	return judge__key(p->head.tgid, p->space, 0, 0, p->def, 1);
}

static int compare_keys(const void *a, const void *b)
{
	const struct judge_key *x = a, *y = b;

	for (int i = 0; i < JUDGE_KEY; i++)
		if (x->v[i] != y->v[i])
			return x->v[i] < y->v[i] ? -1 : 1;
	return 0;
}

static int make_classes(struct circles *c, bool each)
{
	const struct ledger *l = c->look->now;

	c->class = calloc(l->npools + 1, sizeof(*c->class));
	c->key = calloc(l->npools + 1, sizeof(*c->key));
	if (!c->class || !c->key)
		return -ENOMEM;
	for (size_t i = 0; i < l->npools; i++)
		c->key[i] = class_key(l, &l->pools[i], each);
	qsort(c->key, l->npools, sizeof(*c->key), compare_keys);
	for (size_t i = 0; i < l->npools; i++)
		if (!i || compare_keys(&c->key[i], &c->key[c->nclasses - 1]))
			c->key[c->nclasses++] = c->key[i];
	for (size_t i = 0; i < l->npools; i++) {
		const struct judge_key key = class_key(l, &l->pools[i], each);
		const struct judge_key *at = bsearch(&key, c->key, c->nclasses, sizeof(key), compare_keys);

		c->class[i] = at - c->key;
	}
	return 0;
}

/* Between the same classes: which came first, and if at once, by what it says. */
static int compare_arcs(const void *a, const void *b, void *ledger)
{
	const struct arc *x = a, *y = b;
	const struct ledger *l = ledger;
	const struct poolwatch_edge *e = &l->edges[x->edge], *f = &l->edges[y->edge];

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	if (e->first != f->first)
		return e->first < f->first ? -1 : 1;
	if (e->from_site != f->from_site)
		return e->from_site < f->from_site ? -1 : 1;
	if (e->to_site != f->to_site)
		return e->to_site < f->to_site ? -1 : 1;
	return e->tid < f->tid ? -1 : e->tid > f->tid;
}

static void index_arcs(struct circles *c)
{
	for (size_t i = 0, k = 0; i <= c->nclasses; i++) {
		while (k < c->narcs && c->arcs[k].from < i)
			k++;
		c->first[i] = k;
	}
}

static int make_arcs(struct circles *c, bool each)
{
	const struct ledger *l = c->look->now;
	size_t kept = 0;

	c->arcs = calloc(l->nedges + 1, sizeof(*c->arcs));
	if (!c->arcs)
		return -ENOMEM;
	for (size_t i = 0; i < l->nedges; i++) {
		const struct poolwatch_edge *e = &l->edges[i];
		int64_t from = judge_pool__index(l, e->from), to = judge_pool__index(l, e->to);
		struct judge_key a, b;

		if (from < 0 || to < 0 || !c->look->pools[from].holders || !c->look->pools[to].holders ||
		    c->class[from] == c->class[to])
			continue;
		a = class_key(l, &l->pools[from], false);
		b = class_key(l, &l->pools[to], false);
		c->arcs[c->narcs++] = (struct arc){.from = c->class[from],
						   .to = c->class[to],
						   .edge = i,
						   .count = e->count,
						   .alike = each && !compare_keys(&a, &b)};
	}
	qsort_r(c->arcs, c->narcs, sizeof(*c->arcs), compare_arcs, (void *)l);
	for (size_t i = 0; i < c->narcs; i++) {
		struct arc *last = kept ? &c->arcs[kept - 1] : NULL;

		if (last && last->from == c->arcs[i].from && last->to == c->arcs[i].to)
			last->count += c->arcs[i].count;
		else
			c->arcs[kept++] = c->arcs[i];
	}
	c->narcs = kept;
	c->first = calloc(c->nclasses + 2, sizeof(*c->first));
	c->queue = calloc(c->nclasses + 1, sizeof(*c->queue));
	c->by = calloc(c->nclasses + 1, sizeof(*c->by));
	c->stamp = calloc(c->nclasses + 1, sizeof(*c->stamp));
	if (!c->first || !c->queue || !c->by || !c->stamp)
		return -ENOMEM;
	index_arcs(c);
	return 0;
}

/* Tarjan's strongly connected components, with a stack of its own instead of recursion. */
struct components {
	uint32_t *number; /* in order of discovery, from 1; 0: not yet */
	uint32_t *low;
	uint32_t *stack;
	uint32_t *path; /* classes being looked at, outermost first */
	uint32_t *next; /* per class: the arc to follow next */
	uint32_t *of;	/* per class: its component, from 1; 0: not known yet */
	uint32_t numbers, nstack, npath, n;
};

static void components__clear(struct components *k)
{
	free(k->number);
	free(k->low);
	free(k->stack);
	free(k->path);
	free(k->next);
	free(k->of);
}

static void component__enter(struct components *k, const struct circles *c, uint32_t class)
{
	k->number[class] = k->low[class] = ++k->numbers;
	k->next[class] = c->first[class];
	k->stack[k->nstack++] = k->path[k->npath++] = class;
}

static void component__leave(struct components *k)
{
	uint32_t class = k->path[--k->npath], member;

	if (k->npath && k->low[class] < k->low[k->path[k->npath - 1]])
		k->low[k->path[k->npath - 1]] = k->low[class];
	if (k->low[class] != k->number[class])
		return;
	k->n++;
	do {
		member = k->stack[--k->nstack];
		k->of[member] = k->n;
	} while (member != class);
}

/* Drop the arcs that are in no circle: those between components. What is usually there, a hierarchy, vanishes. */
static int keep_circles(struct circles *c)
{
	size_t room = c->nclasses + 1, kept = 0;
	_cleanup_(components__clear) struct components k = {
	    .number = calloc(room, sizeof(uint32_t)),
	    .low = calloc(room, sizeof(uint32_t)),
	    .stack = calloc(room, sizeof(uint32_t)),
	    .path = calloc(room, sizeof(uint32_t)),
	    .next = calloc(room, sizeof(uint32_t)),
	    .of = calloc(room, sizeof(uint32_t)),
	};

	if (!k.number || !k.low || !k.stack || !k.path || !k.next || !k.of)
		return -ENOMEM;
	for (uint32_t start = 0; start < c->nclasses; start++) {
		if (k.number[start])
			continue;
		component__enter(&k, c, start);
		while (k.npath) {
			uint32_t at = k.path[k.npath - 1], to;

			if (k.next[at] == c->first[at + 1]) {
				component__leave(&k);
				continue;
			}
			to = c->arcs[k.next[at]++].to;
			if (!k.number[to])
				component__enter(&k, c, to);
			else if (!k.of[to] && k.number[to] < k.low[at])
				k.low[at] = k.number[to];
		}
	}
	for (size_t i = 0; i < c->narcs; i++)
		if (k.of[c->arcs[i].from] == k.of[c->arcs[i].to])
			c->arcs[kept++] = c->arcs[i];
	c->narcs = kept;
	index_arcs(c);
	return 0;
}

static void name_of(const struct ledger *l, uint64_t id, char name[POOLWATCH_NAME])
{
	const struct poolwatch_pool *p = ledger__pool(l, id);

	judge__pool_name(l, p, name);
}

static int order__thread(const struct judge_look *look, const struct poolwatch_edge *e, struct finding_thread *t)
{
	int err;

	t->tid = e->tid;
	t->pid = e->head.tgid;
	t->holds = calloc(1, sizeof(*t->holds));
	if (!t->holds)
		return -ENOMEM;
	err = judge__hold(look, ledger__pool(look->now, e->from), e->depth ? e->depth : 1, e->from_site, t->holds);
	if (err)
		return err;
	t->nholds = 1;
	t->requesting = true;
	return judge__hold(look, ledger__pool(look->now, e->to), 1, e->to_site, &t->request);
}

static int order__fill(const struct judge_look *look, const struct judge_found *found, struct finding *f)
{
	const struct ledger *l = look->now;
	_cleanup_free_ char *steps = NULL;
	size_t size = 0;
	FILE *out;

	judge__about(look, f, ledger__pool(l, l->edges[found->places[0]].from));
	f->proof = "observed";
	f->threads = calloc(found->nplaces, sizeof(*f->threads));
	f->pools = calloc(found->nplaces, sizeof(*f->pools));
	out = open_memstream(&steps, &size);
	if (!f->threads || !f->pools || !out) {
		if (out)
			fclose(out);
		return -ENOMEM;
	}
	for (size_t i = 0; i < found->nplaces; i++) {
		const struct poolwatch_edge *e = &l->edges[found->places[i]];
		char from[POOLWATCH_NAME], to[POOLWATCH_NAME];
		int err = order__thread(look, e, &f->threads[f->nthreads++]);

		if (err) {
			fclose(out);
			return err;
		}
		f->pools[f->npools++] = e->from;
		name_of(l, e->from, from);
		name_of(l, e->to, to);
		fprintf(out, "%s%s is asked for while holding %s", i ? ", " : "", to, from);
	}
	if (fclose(out))
		return -ENOMEM;
	return judge__explain(f, "%s: threads that do this at the same time can wait for one another for ever", steps);
}

/* The circle that the search found: back from @last to @first. It is told from its least class on. */
static int circle__add(struct circles *c, uint32_t first, uint32_t last)
{
	struct judge_found *found;
	uint32_t at = last, n = 0, turn = 0;
	_cleanup_free_ uint32_t *path = calloc(c->nclasses + 1, sizeof(*path)); /* backwards */
	uint64_t hash = 0;

	if (!path)
		return -ENOMEM;
	for (;; at = c->by[c->arcs[at].from]) {
		path[n++] = at;
		if (c->arcs[at].from < c->arcs[path[turn]].from)
			turn = n - 1;
		if (at == first)
			break;
	}
	found = judge_look__add(c->look);
	if (!found)
		return -ENOMEM;
	found->kind = FINDING_ORDER;
	found->fill = order__fill;
	found->count = UINT64_MAX;
	found->places = calloc(n, sizeof(*found->places));
	if (!found->places)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		struct arc *a = &c->arcs[path[(turn + n - i) % n]];
		const struct poolwatch_edge *e = &c->look->now->edges[a->edge];

		a->told = true;
		found->places[found->nplaces++] = a->edge;
		for (int k = 0; k < JUDGE_KEY; k++)
			hash = judge__mix(hash, c->key[a->from].v[k]);
		if (e->first > found->since)
			found->since = e->first;
		if (a->count < found->count)
			found->count = a->count;
	}
	at = c->arcs[path[turn]].from;
	found->key = judge__key(c->key[at].v[0], c->key[at].v[1], n, hash, 0, 0);
	return 0;
}

/* The shortest circle that the arc @first is in; there is one. */
static int circle__search(struct circles *c, uint32_t first)
{
	uint32_t start = c->arcs[first].from, head = 0, tail = 0;

	c->search++;
	c->by[c->arcs[first].to] = first;
	c->stamp[c->arcs[first].to] = c->search;
	c->queue[tail++] = c->arcs[first].to;
	while (head < tail) {
		uint32_t at = c->queue[head++];

		for (uint32_t i = c->first[at]; i < c->first[at + 1]; i++) {
			uint32_t to = c->arcs[i].to;

			if (to == start)
				return circle__add(c, first, i);
			if (c->stamp[to] == c->search)
				continue;
			c->stamp[to] = c->search;
			c->by[to] = i;
			c->queue[tail++] = to;
		}
	}
	return 0;
}

static int look_for_circles(struct judge_look *look, bool each)
{
	_cleanup_(circles__clear) struct circles c = {.look = look};
	int err = make_classes(&c, each);

	if (!err)
		err = make_arcs(&c, each);
	if (!err)
		err = keep_circles(&c);
	/* In the second round: what has no two alike in it was told between classes. */
	for (uint32_t i = 0; !err && i < c.narcs; i++)
		if (!c.arcs[i].told && (!each || c.arcs[i].alike))
			err = circle__search(&c, i);
	return err;
}

int judge_order(struct judge_look *look)
{
	bool several = false;
	int err;

	for (size_t i = 0; i < look->now->nedges && !several; i++)
		several = look->now->edges[i].from != look->now->edges[i].to;
	if (!several)
		return 0;
	err = look_for_circles(look, false);
	return err ? err : look_for_circles(look, true);
}
