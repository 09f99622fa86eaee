// SPDX-License-Identifier: GPL-2.0
/*
 * What all findings are made of: the pool and process they are about, threads with their holds and requests, a
 * sentence.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "judge_internal.h"

/* What is no pool to judge, an interpreter's own locks for one, is nothing to tell of a thread either. */
static const struct poolwatch_pool *pool_or_null(const struct ledger *l, const struct poolwatch_pool *p)
{
	return p && ledger__is_pool(l, p) ? p : NULL;
}

static uint64_t ms_since(const struct ledger *l, uint64_t then)
{
	return then && l->time > then ? (l->time - then) / 1000000 : 0;
}

static void copy_text(char *to, size_t size, const char *from, size_t max)
{
	size_t n = strnlen(from, max < size ? max : size - 1);

	memcpy(to, from, n);
	memset(to + n, 0, size - n);
}

void judge__pool_name(const struct ledger *l, const struct poolwatch_pool *p, char name[POOLWATCH_NAME])
{
	const struct poolwatch_def *d = ledger__def(l, p->def);

	copy_text(name, POOLWATCH_NAME, d ? d->name : "pool", d ? sizeof(d->name) : sizeof("pool"));
}

void judge__about(const struct judge_look *look, struct finding *f, const struct poolwatch_pool *p)
{
	const struct ledger *l = look->now;
	const struct judge_pool *jp = &look->pools[p - l->pools];
	const struct poolwatch_proc *proc = ledger__proc(l, p->head.tgid, p->space);
	const struct poolwatch_def *d = ledger__def(l, p->def);

	f->worker = d && d->flags & POOLWATCH_DEF_WORKER;
	f->time = l->time;
	f->pool = p->head.id;
	judge__pool_name(l, p, f->pool_name);
	f->key = p->addr;
	f->capacity = jp->how == LEDGER_CAPACITY_UNKNOWN ? POOLWATCH_UNKNOWN : jp->capacity;
	f->in_use = p->in_use;
	f->waiters = jp->waiters;
	f->unknown = ledger__unknown_units(l, p);
	f->pid = p->head.tgid;
	if (proc)
		copy_text(f->comm, sizeof(f->comm), proc->comm, sizeof(proc->comm));
	f->uncertain = p->flags & (POOLWATCH_POOL_UNCERTAIN | POOLWATCH_POOL_AMBIGUOUS);
	f->needed_capacity = f->safe_threads = f->margin = POOLWATCH_UNKNOWN;
}

int judge__hold(const struct judge_look *look, const struct poolwatch_pool *p, uint32_t units, uint64_t site,
		struct finding_hold *out)
{
	char name[POOLWATCH_NAME];

	judge__pool_name(look->now, p, name);
	*out = (struct finding_hold){.pool = p->head.id, .key = p->addr, .units = units, .site.address = site};
	out->pool_name = strdup(name);
	return out->pool_name ? 0 : -ENOMEM;
}

static int compare_holds(const void *a, const void *b, void *ledger)
{
	const struct finding_hold *x = a, *y = b;

	return judge__compare_pools(ledger__pool(ledger, x->pool), ledger__pool(ledger, y->pool));
}

int judge__thread(const struct judge_look *look, const struct poolwatch_thread *t, struct finding_thread *out)
{
	const struct ledger *l = look->now;
	size_t n = 0;

	*out = (struct finding_thread){.tid = t->tid, .pid = t->head.tgid};
	if (t->flags & POOLWATCH_THREAD_GOROUTINE)
		out->goroutine = t->owner;
	copy_text(out->comm, sizeof(out->comm), t->comm, sizeof(t->comm));
	for (int i = 0; i < POOLWATCH_HOLDS; i++)
		n += POOLWATCH_HOLD_UNITS(t->hold[i].word) &&
		     pool_or_null(l, ledger__pool_at(l, POOLWATCH_HOLD_POOL(t->hold[i].word)));
	out->holds = calloc(n ? n : 1, sizeof(*out->holds));
	if (!out->holds)
		return -ENOMEM;
	for (int i = 0; i < POOLWATCH_HOLDS; i++) {
		const struct poolwatch_hold *h = &t->hold[i];
		const struct poolwatch_pool *p = pool_or_null(l, ledger__pool_at(l, POOLWATCH_HOLD_POOL(h->word)));
		struct finding_hold *to = &out->holds[out->nholds];

		if (!POOLWATCH_HOLD_UNITS(h->word) || !p)
			continue;
		if (judge__hold(look, p, POOLWATCH_HOLD_UNITS(h->word), h->site, to))
			return -ENOMEM;
		to->for_ms = ms_since(l, h->since);
		to->resource = h->resource;
		out->nholds++;
	}
	qsort_r(out->holds, out->nholds, sizeof(*out->holds), compare_holds, (void *)l);
	if (t >= l->threads && t < l->threads + l->nthreads && look->elsewhere[t - l->threads])
		return 0;
	/* The innermost request is where it sleeps. */
	for (uint32_t i = t->requests < POOLWATCH_REQUESTS ? t->requests : POOLWATCH_REQUESTS;
	     i-- && !out->requesting;) {
		const struct poolwatch_request *r = &t->request[i];
		const struct poolwatch_pool *p = r->seq ? pool_or_null(l, ledger__pool(l, r->pool)) : NULL;

		if (!p)
			continue;
		if (judge__hold(look, p, r->units, r->site, &out->request))
			return -ENOMEM;
		out->request.for_ms = ms_since(l, r->since);
		out->requesting = true;
	}
	return 0;
}

int judge__threads(const struct judge_look *look, const struct judge_found *found, struct finding *f)
{
	f->threads = calloc(found->nthreads ? found->nthreads : 1, sizeof(*f->threads));
	if (!f->threads)
		return -ENOMEM;
	for (size_t i = 0; i < found->nthreads; i++) {
		f->nthreads++;
		if (judge__thread(look, &look->now->threads[found->threads[i]], &f->threads[i]))
			return -ENOMEM;
	}
	return 0;
}

int judge__explain(struct finding *f, const char *format, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0)
		return -ENOMEM;
	free(f->explanation);
	f->explanation = text;
	return 0;
}

int64_t judge__find_thread(const struct ledger *l, uint64_t id)
{
	size_t low = 0, high = l->nthreads;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		uint64_t at = l->threads[mid].head.id;

		if (at == id)
			return mid;
		if ((uint32_t)at < (uint32_t)id || ((uint32_t)at == (uint32_t)id && at < id))
			low = mid + 1;
		else
			high = mid;
	}
	return -1;
}

/* By who they are; slots, which depend on the order of arrival, decide nothing. */
int judge__compare_threads(const struct ledger *l, uint32_t a, uint32_t b)
{
	const struct poolwatch_thread *x = &l->threads[a], *y = &l->threads[b];

	if (x->head.tgid != y->head.tgid)
		return x->head.tgid < y->head.tgid ? -1 : 1;
	if (x->owner != y->owner)
		return x->owner < y->owner ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

int judge__compare_pools(const struct poolwatch_pool *a, const struct poolwatch_pool *b)
{
	const struct judge_key x = judge__pool_key(a, 0), y = judge__pool_key(b, 0);

	for (int i = 0; i < JUDGE_KEY; i++)
		if (x.v[i] != y.v[i])
			return x.v[i] < y.v[i] ? -1 : 1;
	return a->head.id < b->head.id ? -1 : a->head.id > b->head.id;
}

/* A shared pool is the same one for all processes. */
struct judge_key judge__pool_key(const struct poolwatch_pool *p, uint64_t what)
{
	bool shared = p->flags & POOLWATCH_POOL_SHARED;

	return judge__key(shared ? 0 : p->head.tgid, shared ? p->dev : p->space, shared ? p->ino : 0, p->addr, p->def,
			  what);
}

int judge__by_thread(const void *a, const void *b, void *ledger)
{
	return judge__compare_threads(ledger, *(const uint32_t *)a, *(const uint32_t *)b);
}

int judge__by_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}
