// SPDX-License-Identifier: GPL-2.0
/*
 * Orders of pools that close a circle: holding a unit of p1 somebody asked for p2, ..., holding pk for p1. Each step need
 * only have been seen once, at any time, by any thread.
 *
 * Steps are between classes: the pools of one definition in one process, whose code treats them alike. Where a definition
 * says nothing of what its pools are for (automatic presets: every semaphore of a process), or a pool belongs to several
 * processes, each pool is a class of its own. A circle through two pools of the same class shows only between pools, not
 * between classes; so there is a second round, in which all pools stand for themselves.
 *
 * For each class in a circle the shortest one through it is told: others follow from those, and all are too many to tell.
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
	uint64_t count;
};

struct circles {
	struct judge_look *look;
	uint32_t *class; /* per pool */
	struct judge_key *key; /* per class; their numbers are in the keys' order */
	size_t nclasses;
	struct arc *arcs; /* by from, then to */
	size_t narcs;
	uint32_t *first; /* per class: its first arc; nclasses + 1 */
	/* a breadth-first search */
	uint32_t *queue;
	uint32_t *by; /* per class: index + 1 of the arc that led there */
};

static void circles__clear(struct circles *c)
{
	free(c->class);
	free(c->key);
	free(c->arcs);
	free(c->first);
	free(c->queue);
	free(c->by);
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
		c->arcs[c->narcs++] = (struct arc){ .from = c->class[from], .to = c->class[to], .edge = i, .count = e->count,
						    .alike = each && !compare_keys(&a, &b) };
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
	if (!c->first || !c->queue || !c->by)
		return -ENOMEM;
	for (size_t i = 0, k = 0; i <= c->nclasses; i++) {
		while (k < c->narcs && c->arcs[k].from < i)
			k++;
		c->first[i] = k;
	}
	return 0;
}

/*
 * Drop arcs that no circle goes through: of classes that nobody leads to, or that lead to nobody, again and again. What is
 * usually there, a hierarchy, vanishes at once; the searches then see only what may matter.
 */
static int prune(struct circles *c)
{
	_cleanup_free_ uint32_t *in = calloc(c->nclasses + 1, sizeof(*in));
	bool again = true;

	if (!in)
		return -ENOMEM;
	while (again && c->narcs) {
		size_t kept = 0;

		memset(in, 0, c->nclasses * sizeof(*in));
		for (size_t i = 0; i < c->narcs; i++)
			in[c->arcs[i].to]++;
		for (size_t i = 0; i < c->narcs; i++) {
			const struct arc *a = &c->arcs[i];

			if (in[a->from] && c->first[a->to] != c->first[a->to + 1])
				c->arcs[kept++] = *a;
		}
		again = kept != c->narcs;
		c->narcs = kept;
		for (size_t i = 0, k = 0; i <= c->nclasses; i++) {
			while (k < c->narcs && c->arcs[k].from < i)
				k++;
			c->first[i] = k;
		}
	}
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

/* The circle that the search found from @start back to it, told once whichever of its classes it was found from. */
static int circle__add(struct circles *c, uint32_t start, uint32_t last_arc)
{
	struct judge_found *found;
	uint32_t at = last_arc, least = start, n = 0, turn = 0;
	_cleanup_free_ uint32_t *path = calloc(c->nclasses + 1, sizeof(*path));
	uint64_t hash = 0, since = 0, count = UINT64_MAX;

	if (!path)
		return -ENOMEM;
	for (;;) {
		path[n++] = at;
		if (c->arcs[at].from < least)
			least = c->arcs[at].from;
		if (c->arcs[at].from == start)
			break;
		at = c->by[c->arcs[at].from] - 1;
	}
	/* path[] is backwards; it begins with the arc that leaves the least class. */
	while (c->arcs[path[turn]].from != least)
		turn++;
	found = judge_look__add(c->look);
	if (!found)
		return -ENOMEM;
	found->kind = FINDING_ORDER;
	found->fill = order__fill;
	found->places = calloc(n, sizeof(*found->places));
	if (!found->places)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		const struct arc *a = &c->arcs[path[(turn + n - i) % n]];
		const struct poolwatch_edge *e = &c->look->now->edges[a->edge];

		found->places[found->nplaces++] = a->edge;
		for (int k = 0; k < JUDGE_KEY; k++)
			hash = judge__mix(hash, c->key[a->from].v[k]);
		if (e->first > since)
			since = e->first;
		if (a->count < count)
			count = a->count;
	}
	found->count = count;
	found->since = since;
	found->key = judge__key(c->key[least].v[0], c->key[least].v[1], n, hash, 0, 0);
	return 0;
}

/* The shortest way from @start back to it; if @only is given, one that begins with this arc. */
static int circle__search(struct circles *c, uint32_t start, const struct arc *only)
{
	size_t head = 0, tail = 0;

	memset(c->by, 0, c->nclasses * sizeof(*c->by));
	if (only)
		c->by[only->to] = only - c->arcs + 1;
	c->queue[tail++] = only ? only->to : start;
	while (head < tail) {
		uint32_t at = c->queue[head++];

		for (uint32_t i = c->first[at]; i < c->first[at + 1]; i++) {
			uint32_t to = c->arcs[i].to;

			if (to == start)
				return circle__add(c, start, i);
			if (c->by[to])
				continue;
			c->by[to] = i + 1;
			c->queue[tail++] = to;
		}
	}
	return 0;
}

static int compare_circles(const void *a, const void *b)
{
	const struct judge_found *x = a, *y = b;

	return compare_keys(&x->key, &y->key);
}

static int look_for_circles(struct judge_look *look, bool each)
{
	_cleanup_(circles__clear) struct circles c = { .look = look };
	size_t first = look->nfound, kept = look->nfound;
	int err = make_classes(&c, each);

	if (!err)
		err = make_arcs(&c, each);
	if (!err)
		err = prune(&c);
	for (uint32_t i = 0; !err && !each && i < c.nclasses; i++)
		if (c.first[i] != c.first[i + 1])
			err = circle__search(&c, i, NULL);
	/* What has no two alike in it was told between classes. */
	for (size_t i = 0; !err && each && i < c.narcs; i++)
		if (c.arcs[i].alike)
			err = circle__search(&c, c.arcs[i].from, &c.arcs[i]);
	if (err)
		return err;
	if (look->nfound > first)
		qsort(look->found + first, look->nfound - first, sizeof(*look->found), compare_circles);
	for (size_t i = first; i < look->nfound; i++) {
		if (kept > first && !compare_circles(&look->found[kept - 1], &look->found[i])) {
			free(look->found[i].places);
			continue;
		}
		look->found[kept++] = look->found[i];
	}
	look->nfound = kept;
	return 0;
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
