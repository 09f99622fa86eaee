// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "views.h"

#define SHORTEST_INTERVAL_NS 50000000ull /* rates over less are noise */

const char *view_state__name(enum view_state state)
{
	static const char *const names[] = {
		[VIEW_OK] = "ok",	    [VIEW_BUSY] = "busy",	  [VIEW_FULL] = "full",
		[VIEW_STALL] = "STALL",	    [VIEW_DEADLOCK] = "DEADLOCK", [VIEW_UNCERTAIN] = "uncertain",
		[VIEW_NO_POOL] = "no pool",
	};

	return names[state];
}

/* Records are copied while they are written: a time may be a little later than the copy's. */
static uint64_t age(uint64_t now, uint64_t since)
{
	return since && since < now ? now - since : 0;
}

static int make_room(void **array, size_t *room, size_t n, size_t size)
{
	void *grown;

	if (n <= *room)
		return 0;
	grown = reallocarray(*array, n, size);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*room = n;
	return 0;
}

static void copy_chars(char *to, const char *from, size_t size)
{
	size_t len = strnlen(from, size);

	memcpy(to, from, len);
	to[len] = '\0';
}

static void recent(struct view_pool *row, const struct poolwatch_pool *p, const struct poolwatch_pool *old,
		   uint64_t interval)
{
	if (!old || interval < SHORTEST_INTERVAL_NS)
		return;
	row->has_recent = true;
	row->interval_ns = interval;
	row->rate = p->grants > old->grants ? (double)(p->grants - old->grants) * 1e9 / (double)interval : 0;
	for (int i = 0; i < POOLWATCH_BUCKETS; i++) {
		row->hold[i] = p->hold[i] > old->hold[i] ? p->hold[i] - old->hold[i] : 0;
		row->wait[i] = p->wait[i] > old->wait[i] ? p->wait[i] - old->wait[i] : 0;
	}
}

/* @proc: where the last row's process was found; rows of one process come in runs. */
static void fill_pool(struct view_pool *row, const struct views *v, const struct ledger *now,
		      const struct ledger *before, const struct poolwatch_pool *p, const struct poolwatch_proc **proc)
{
	const struct poolwatch_def *def = ledger__def(now, p->def);
	uint64_t since = age(now->time, p->created);

	*row = (struct view_pool){ .pool = p, .session = &v->session, .now = now->time, .capacity = POOLWATCH_UNKNOWN };
	if (def)
		copy_chars(row->name, def->name, sizeof(def->name));
	if (!*proc || (*proc)->head.tgid != p->head.tgid || (*proc)->space != p->space)
		*proc = ledger__proc(now, p->head.tgid, p->space);
	if (*proc)
		copy_chars(row->comm, (*proc)->comm, sizeof((*proc)->comm));
	row->capacity_known = ledger__capacity(now, p, &row->capacity);
	if (row->capacity_known == LEDGER_CAPACITY_UNKNOWN)
		row->capacity = POOLWATCH_UNKNOWN;
	row->unknown = ledger__unknown_units(now, p);
	row->safe_threads = views__safe_threads(row->capacity, p->depth);
	row->mean_rate = since ? (double)p->grants * 1e9 / (double)since : 0;
	if (before)
		recent(row, p, ledger__pool(before, p->head.id),
		       now->time > before->time ? now->time - before->time : 0);
}

static enum view_state state_of(const struct ledger *now, const struct view_pool *row, uint64_t stall_ns)
{
	const struct poolwatch_pool *p = row->pool;
	double taken = (double)p->in_use + (double)row->unknown;

	if (row->state == VIEW_DEADLOCK)
		return VIEW_DEADLOCK;
	if (!ledger__is_pool(now, p))
		return VIEW_NO_POOL;
	if (p->flags & (POOLWATCH_POOL_UNCERTAIN | POOLWATCH_POOL_AMBIGUOUS))
		return VIEW_UNCERTAIN;
	if (row->capacity == POOLWATCH_UNKNOWN)
		return row->waiters ? VIEW_BUSY : VIEW_OK;
	if (taken >= (double)row->capacity)
		return row->oldest_wait_ns > stall_ns && (!p->last_grant || age(now->time, p->last_grant) > stall_ns)
			       ? VIEW_STALL
			       : VIEW_FULL;
	return row->waiters || taken * 4 >= (double)row->capacity * 3 ? VIEW_BUSY : VIEW_OK;
}

static void later(uint64_t *oldest, uint64_t ns)
{
	if (ns > *oldest)
		*oldest = ns;
}

/* Holders, waiters and ages, from the threads. @row_of: index + 1 of the row of each pool of @now. */
static void count_threads(struct views *v, const struct ledger *now, const uint32_t *row_of, const bool *deadlocked)
{
	for (size_t i = 0; i < now->nthreads; i++) {
		const struct poolwatch_thread *t = &now->threads[i];
		const struct poolwatch_pool *p;

		for (int k = 0; k < POOLWATCH_HOLDS; k++) {
			if (!POOLWATCH_HOLD_UNITS(t->hold[k].word))
				continue;
			p = ledger__pool_at(now, POOLWATCH_HOLD_POOL(t->hold[k].word));
			if (!p || !row_of[p - now->pools])
				continue;
			v->pools[row_of[p - now->pools] - 1].holders++;
			later(&v->pools[row_of[p - now->pools] - 1].oldest_hold_ns, age(now->time, t->hold[k].since));
		}
		for (int k = 0; k < POOLWATCH_REQUESTS; k++) {
			if (!t->request[k].seq)
				continue;
			p = ledger__pool(now, t->request[k].pool);
			if (!p || !row_of[p - now->pools])
				continue;
			v->pools[row_of[p - now->pools] - 1].waiters++;
			later(&v->pools[row_of[p - now->pools] - 1].oldest_wait_ns,
			      age(now->time, t->request[k].since));
			if (deadlocked[i])
				v->pools[row_of[p - now->pools] - 1].state = VIEW_DEADLOCK;
		}
	}
}

static int compare_pools(const void *a, const void *b)
{
	const struct view_pool *x = a, *y = b;
	int names = strcmp(x->name, y->name);

	if (x->pool->head.tgid != y->pool->head.tgid)
		return x->pool->head.tgid < y->pool->head.tgid ? -1 : 1;
	if (names)
		return names;
	if (x->pool->addr != y->pool->addr)
		return x->pool->addr < y->pool->addr ? -1 : 1;
	return x->pool->head.id < y->pool->head.id ? -1 : x->pool->head.id > y->pool->head.id;
}

static int make_pools(struct views *v, const struct ledger *now, const struct ledger *before,
		      const struct views_options *o, const bool *deadlocked)
{
	_cleanup_free_ uint32_t *row_of = calloc(now->npools + 1, sizeof(*row_of));
	uint64_t stall_ns = o->stall_ns ? o->stall_ns : VIEWS_STALL_NS;
	const struct poolwatch_proc *proc = NULL;

	if (!row_of || make_room((void **)&v->pools, &v->room_pools, now->npools, sizeof(*v->pools)))
		return -ENOMEM;
	v->npools = 0;
	for (size_t i = 0; i < now->npools; i++) {
		if (!o->all && !ledger__is_pool(now, &now->pools[i]))
			continue;
		fill_pool(&v->pools[v->npools++], v, now, before, &now->pools[i], &proc);
		row_of[i] = (uint32_t)v->npools;
	}
	count_threads(v, now, row_of, deadlocked);
	for (size_t i = 0; i < v->npools; i++)
		v->pools[i].state = state_of(now, &v->pools[i], stall_ns);
	if (v->npools)
		qsort(v->pools, v->npools, sizeof(*v->pools), compare_pools);
	return 0;
}

static void set_hold(struct finding_hold *h, const struct ledger *now, const struct poolwatch_pool *p, uint32_t units,
		     uint64_t since, uint64_t site)
{
	const struct poolwatch_def *def = p ? ledger__def(now, p->def) : NULL;

	*h = (struct finding_hold){
		.pool = p ? p->head.id : 0,
		.pool_name = def && memchr(def->name, 0, sizeof(def->name)) ? (char *)def->name : NULL,
		.key = p ? p->addr : 0,
		.units = units,
		.for_ms = age(now->time, since) / 1000000,
		.site = { .address = site },
	};
}

/* "sem, db x2" */
static void list_pools(struct view_thread *t)
{
	size_t len = 0;

	for (size_t i = 0; i < t->who.nholds; i++) {
		const struct finding_hold *h = &t->who.holds[i];
		size_t room = sizeof(t->pools_text) - len;

		if (room < POOLWATCH_NAME + 24) {
			if (room > 6)
				strcpy(t->pools_text + len, ", ...");
			return;
		}
		len += (size_t)snprintf(t->pools_text + len, room, h->units > 1 ? "%s%s x%u" : "%s%s", len ? ", " : "",
					h->pool_name ? h->pool_name : "?", h->units);
	}
}

const struct finding_frame *view_thread__site(const struct view_thread *t)
{
	const struct finding_hold *oldest = NULL;

	if (t->who.requesting)
		return &t->who.request.site;
	for (size_t i = 0; i < t->who.nholds; i++)
		if (!oldest || t->who.holds[i].for_ms > oldest->for_ms)
			oldest = &t->who.holds[i];
	return oldest ? &oldest->site : NULL;
}

static void fill_thread(struct view_thread *row, struct views *v, const struct ledger *now,
			const struct poolwatch_thread *t, struct finding_hold **next)
{
	*row = (struct view_thread){ .record = t, .session = &v->session };
	row->who.tid = t->tid;
	row->who.pid = t->head.tgid;
	row->who.goroutine = t->flags & POOLWATCH_THREAD_GOROUTINE ? t->owner : 0;
	memcpy(row->who.comm, t->comm, sizeof(row->who.comm));
	copy_chars(row->comm, t->comm, sizeof(t->comm));
	row->who.holds = *next;
	for (int k = 0; k < POOLWATCH_HOLDS; k++) {
		uint32_t units = POOLWATCH_HOLD_UNITS(t->hold[k].word);

		if (!units)
			continue;
		set_hold(*next, now, ledger__pool_at(now, POOLWATCH_HOLD_POOL(t->hold[k].word)), units,
			 t->hold[k].since, t->hold[k].site);
		(*next)->resource = t->hold[k].resource;
		(*next)++;
		row->who.nholds++;
		row->units += units;
		later(&row->oldest_hold_ns, age(now->time, t->hold[k].since));
	}
	for (int k = 0; k < POOLWATCH_REQUESTS; k++) {
		const struct poolwatch_request *r = &t->request[k];

		if (!r->seq)
			continue;
		/* The innermost is the one that it sits in. */
		set_hold(&row->who.request, now, ledger__pool(now, r->pool), r->units, r->since, r->site);
		row->who.requesting = true;
		row->wait_ns = age(now->time, r->since);
	}
	list_pools(row);
}

static int compare_threads(const void *a, const void *b)
{
	const struct view_thread *x = a, *y = b;

	if (x->who.pid != y->who.pid)
		return x->who.pid < y->who.pid ? -1 : 1;
	if (x->record->owner != y->record->owner)
		return x->record->owner < y->record->owner ? -1 : 1;
	return x->record->head.id < y->record->head.id ? -1 : x->record->head.id > y->record->head.id;
}

static int make_threads(struct views *v, const struct ledger *now, const struct views_options *o,
			const bool *deadlocked)
{
	struct finding_hold *next;
	size_t holds = 0;

	for (size_t i = 0; i < now->nthreads; i++)
		for (int k = 0; k < POOLWATCH_HOLDS; k++)
			holds += POOLWATCH_HOLD_UNITS(now->threads[i].hold[k].word) != 0;
	if (make_room((void **)&v->threads, &v->room_threads, now->nthreads, sizeof(*v->threads)) ||
	    make_room((void **)&v->holds, &v->room_holds, holds, sizeof(*v->holds)))
		return -ENOMEM;
	next = v->holds;
	for (size_t i = 0; i < now->nthreads; i++) {
		struct view_thread *row = &v->threads[v->nthreads];

		fill_thread(row, v, now, &now->threads[i], &next);
		row->deadlocked = deadlocked[i];
		/* One that neither holds nor asks only remembers pools it used. */
		if (o->all || row->units || row->who.requesting)
			v->nthreads++;
	}
	if (v->nthreads)
		qsort(v->threads, v->nthreads, sizeof(*v->threads), compare_threads);
	return 0;
}

static void make_counters(struct views *v, const struct ledger *now, const struct views_options *o)
{
	for (size_t i = 0; i < now->ncounters; i++) {
		const struct poolwatch_counter *c = &now->counters[i];
		uint32_t cause = (uint32_t)c->head.id;

		if (cause >= POOLWATCH_CAUSES || v->ncounters == POOLWATCH_CAUSES || (!c->count && !o->all))
			continue;
		v->counters[v->ncounters++] = (struct view_counter){
			.counter = c, .session = &v->session, .cause = cause, .age_ns = age(now->time, c->last)
		};
	}
}

/* Forget the rows, and what their frames own; keep the memory of the arrays. */
static void views__reset(struct views *v)
{
	for (size_t i = 0; i < v->nthreads; i++) {
		struct finding_thread *who = &v->threads[i].who;

		for (size_t k = 0; k < who->nholds; k++)
			finding_frame__clear(&who->holds[k].site);
		finding_frame__clear(&who->request.site);
		for (size_t k = 0; k < who->nstack; k++)
			finding_frame__clear(&who->stack[k]);
		free(who->stack);
		free(who->doing);
	}
	v->npools = v->nthreads = v->ncounters = 0;
}

int views__make(struct views *v, const struct ledger *now, const struct ledger *before, const char *mode,
		const struct views_options *o)
{
	_cleanup_free_ bool *deadlocked = calloc(now->nthreads + 1, sizeof(*deadlocked));
	int err;

	views__reset(v);
	if (!deadlocked)
		return -ENOMEM;
	v->session = (struct view_session){ .number = now->session, .mode = mode };
	err = views__deadlocked(now, before, deadlocked);
	if (err >= 0)
		err = make_pools(v, now, before, o, deadlocked);
	if (!err && o->threads)
		err = make_threads(v, now, o, deadlocked);
	if (err) {
		views__reset(v);
		return err;
	}
	make_counters(v, now, o);
	return 0;
}

void views__clear(struct views *v)
{
	views__reset(v);
	free(v->pools);
	free(v->threads);
	free(v->holds);
	*v = (struct views){ 0 };
}
