// SPDX-License-Identifier: GPL-2.0
/*
 * Leaks: a thread ended while holding, or holds for longer than the threshold without waiting for anything. One finding
 * for each site of a definition in a process, with a count: it is the code that leaks.
 *
 * A thread that ended has a record as long as what it held is out and its process lives. The event of its end tells the
 * same when the record is gone already: a process that died holding a unit of a shared pool.
 *
 * Whose unit it is must be known: not in a pool whose units are released by other threads than took them, and where the
 * definition says that anybody may return a unit, the end of a thread says nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "judge_internal.h"

#define MAX_EXITS 4096 /* the oldest are forgotten */

/* A thread that ended while holding, from its event, until what it held is returned. */
struct judge_exit {
	uint64_t pool;
	uint64_t site;
	uint64_t time;
	uint32_t tgid;
	uint32_t tid;
	uint32_t units;
	bool recorded; /* its thread's record was in a snapshot */
	bool now;      /* it is in the present one, and tells the rest */
	char comm[POOLWATCH_COMM];
};

/* One hold that leaks. */
struct leak {
	struct judge_key key;
	uint64_t since;
	uint32_t pool;	 /* index */
	uint32_t thread; /* index, or */
	uint32_t exit;	 /* index + 1 */
	uint32_t tid;
	uint32_t units;
	uint64_t addr; /* of the pool */
};

/* What key.v[5] tells apart beside the site. */
enum { LEAK_EXIT = 1, LEAK_AGE = 2 };

void judge_exits__clear(struct judge *j)
{
	free(j->exits);
	j->exits = NULL;
	j->nexits = j->exits_room = 0;
}

static int exits__add(struct judge *j, const struct poolwatch_event *e)
{
	if (j->nexits == MAX_EXITS)
		memmove(j->exits, j->exits + 1, --j->nexits * sizeof(*j->exits));
	if (j->nexits == j->exits_room) {
		size_t room = j->exits_room ? j->exits_room * 2 : 16;
		struct judge_exit *grown = reallocarray(j->exits, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		j->exits = grown;
		j->exits_room = room;
	}
	j->exits[j->nexits] = (struct judge_exit){
	    .pool = e->pool, .site = e->site, .time = e->time, .tgid = e->tgid, .tid = e->tid, .units = e->units};
	memcpy(j->exits[j->nexits++].comm, e->comm, sizeof(e->comm) - 1);
	return 0;
}

/* One unit of it came back. */
static void exits__returned(struct judge *j, const struct poolwatch_event *e)
{
	for (size_t i = 0; i < j->nexits; i++)
		if (j->exits[i].pool == e->pool && j->exits[i].tgid == e->tgid && j->exits[i].tid == e->tid) {
			j->exits[i].units -= j->exits[i].units > 0;
			return;
		}
}

static bool process_runs(const struct ledger *l, uint32_t tgid)
{
	for (size_t i = 0; i < l->nprocs; i++)
		if (l->procs[i].head.tgid == tgid && !(l->procs[i].flags & POOLWATCH_PROC_EXITED))
			return true;
	return false;
}

/* Bring the list up to date: new ends, units that were returned, pools that are gone, records that tell it themselves.
 */
static int exits__update(struct judge_look *look)
{
	struct judge *j = look->judge;
	const struct ledger *l = look->now;
	_cleanup_free_ uint64_t *recorded = calloc(l->nthreads + 1, sizeof(*recorded));
	size_t n = 0, kept = 0;

	if (!recorded)
		return -ENOMEM;
	for (size_t i = 0; i < j->nevents; i++) {
		if (j->events[i].type == POOLWATCH_EV_EXIT && exits__add(j, &j->events[i]))
			return -ENOMEM;
		if (j->events[i].type == POOLWATCH_EV_RETURNED)
			exits__returned(j, &j->events[i]);
	}
	if (!j->nexits)
		return 0;
	for (size_t i = 0; i < l->nthreads; i++)
		if (l->threads[i].flags & POOLWATCH_THREAD_EXITED)
			recorded[n++] = (uint64_t)l->threads[i].head.tgid << 32 | l->threads[i].tid;
	qsort(recorded, n, sizeof(*recorded), judge__by_u64);
	for (size_t i = 0; i < j->nexits; i++) {
		struct judge_exit *x = &j->exits[i];
		uint64_t who = (uint64_t)x->tgid << 32 | x->tid;

		x->now = bsearch(&who, recorded, n, sizeof(who), judge__by_u64);
		/* Its record went while the process runs: what it held was returned. */
		if (x->recorded && !x->now && process_runs(l, x->tgid))
			continue;
		x->recorded |= x->now;
		if (!x->units || !ledger__pool(l, x->pool))
			continue;
		j->exits[kept++] = *x;
	}
	j->nexits = kept;
	return 0;
}

static int compare_leaks(const void *a, const void *b)
{
	const struct leak *x = a, *y = b;

	for (int i = 0; i < JUDGE_KEY; i++)
		if (x->key.v[i] != y->key.v[i])
			return x->key.v[i] < y->key.v[i] ? -1 : 1;
	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	if (x->thread != y->thread)
		return x->thread < y->thread ? -1 : 1;
	if (x->since != y->since)
		return x->since < y->since ? -1 : 1;
	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->exit < y->exit ? -1 : x->exit > y->exit;
}

/* By definition and site, in whatever pool of the process. */
static struct judge_key leak__key(const struct poolwatch_pool *p, uint64_t site, uint64_t how)
{
	struct judge_key key = judge__pool_key(p, judge__mix(how, site));

	if (!(p->flags & POOLWATCH_POOL_SHARED))
		key.v[3] = 0;
	return key;
}

static size_t thread_leaks(const struct judge_look *look, uint32_t at, struct leak *out)
{
	const struct ledger *l = look->now;
	const struct poolwatch_thread *t = &l->threads[at];
	bool exited = t->flags & POOLWATCH_THREAD_EXITED;
	uint64_t old = look->judge->options.leak_ns;
	size_t n = 0;

	/* What keeps a unit while its holder waits is the wait: other findings tell that. */
	if (!exited && (!old || (t->requests && !look->elsewhere[at])))
		return 0;
	for (int k = 0; k < POOLWATCH_HOLDS; k++) {
		const struct poolwatch_hold *h = &t->hold[k];
		const struct poolwatch_pool *p =
		    POOLWATCH_HOLD_UNITS(h->word) ? ledger__pool_at(l, POOLWATCH_HOLD_POOL(h->word)) : NULL;
		uint64_t since = exited && t->exited ? t->exited : h->since;

		if (!p || !ledger__held(p, h) || !look->pools[p - l->pools].judged || p->flags & POOLWATCH_POOL_AMBIGUOUS)
			continue;
		if (exited ? !look->pools[p - l->pools].holders : h->since + old > l->time)
			continue;
		out[n++] = (struct leak){.key = leak__key(p, h->site, exited ? LEAK_EXIT : LEAK_AGE),
					 .since = since,
					 .pool = p - l->pools,
					 .thread = at,
					 .tid = t->tid,
					 .addr = p->addr,
					 .units = POOLWATCH_HOLD_UNITS(h->word)};
	}
	return n;
}

static int leak__from_exit(const struct judge_look *look, const struct judge_exit *x, struct finding_thread *out)
{
	const struct poolwatch_pool *p = ledger__pool(look->now, x->pool);

	*out = (struct finding_thread){.tid = x->tid, .pid = x->tgid};
	memcpy(out->comm, x->comm, sizeof(out->comm));
	out->holds = calloc(1, sizeof(*out->holds));
	if (!out->holds || judge__hold(look, p, x->units, x->site, out->holds))
		return -ENOMEM;
	out->nholds = 1;
	return 0;
}

static int leak__fill(const struct judge_look *look, const struct judge_found *found, struct finding *f)
{
	const struct ledger *l = look->now;
	bool exited = found->how == LEAK_EXIT;
	uint64_t n = found->nthreads + found->nexits;
	int err;

	judge__about(look, f, &l->pools[found->places[0]]);
	f->threads = calloc(found->nthreads + found->nexits + 1, sizeof(*f->threads));
	if (!f->threads)
		return -ENOMEM;
	for (size_t i = 0; i < found->nthreads; i++) {
		err = judge__thread(look, &l->threads[found->threads[i]], &f->threads[f->nthreads++]);
		if (err)
			return err;
	}
	for (size_t i = 0; i < found->nexits; i++) {
		err = leak__from_exit(look, &look->judge->exits[found->exits[i]], &f->threads[f->nthreads++]);
		if (err)
			return err;
	}
	if (exited && n == 1)
		return judge__explain(f, "a thread ended while it held %u unit%s of %s, which nobody has returned",
				      found->units, found->units == 1 ? "" : "s", f->pool_name);
	if (exited)
		return judge__explain(
		    f, "%" PRIu64 " threads ended while they held %u units of %s, which nobody has returned", n,
		    found->units, f->pool_name);
	return judge__explain(
	    f, "%u unit%s of %s %s been held for up to %" PRIu64 " s by %" PRIu64 " thread%s that wait%s for nothing",
	    found->units, found->units == 1 ? "" : "s", f->pool_name, found->units == 1 ? "has" : "have",
	    (l->time - found->since) / 1000000000, n, n == 1 ? "" : "s", n == 1 ? "s" : "");
}

static int leak__add(struct judge_look *look, const struct leak *group, size_t n)
{
	struct judge_found *found = judge_look__add(look);

	if (!found)
		return -ENOMEM;
	found->kind = FINDING_LEAK;
	found->key = group[0].key;
	found->fill = leak__fill;
	found->count = n;
	found->since = group[0].since;
	found->threads = calloc(n, sizeof(*found->threads));
	found->exits = calloc(n, sizeof(*found->exits));
	found->places = malloc(sizeof(*found->places));
	if (!found->threads || !found->exits || !found->places)
		return -ENOMEM;
	found->places[0] = group[0].pool;
	found->nplaces = 1;
	for (size_t i = 0; i < n; i++) {
		if (group[i].exit)
			found->exits[found->nexits++] = group[i].exit - 1;
		else if (!found->nthreads || found->threads[found->nthreads - 1] != group[i].thread)
			found->threads[found->nthreads++] = group[i].thread;
		found->units += group[i].units;
		if (group[i].since < found->since)
			found->since = group[i].since;
	}
	found->how =
	    group[0].exit || look->now->threads[group[0].thread].flags & POOLWATCH_THREAD_EXITED ? LEAK_EXIT : LEAK_AGE;
	return 0;
}

int judge_leak(struct judge_look *look)
{
	const struct ledger *l = look->now;
	struct judge *j = look->judge;
	_cleanup_free_ struct leak *all = NULL;
	size_t n = 0, most = 0;
	int err = exits__update(look);

	if (err)
		return err;
	for (size_t i = 0; i < l->nthreads; i++)
		for (int k = 0; k < POOLWATCH_HOLDS; k++)
			most += POOLWATCH_HOLD_UNITS(l->threads[i].hold[k].word) > 0;
	all = calloc(most + j->nexits + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < l->nthreads; i++)
		n += thread_leaks(look, i, all + n);
	for (size_t i = 0; i < j->nexits; i++) {
		const struct judge_exit *x = &j->exits[i];
		int64_t p = judge_pool__index(l, x->pool);

		if (x->now || p < 0 || !look->pools[p].holders)
			continue;
		all[n++] = (struct leak){.key = leak__key(&l->pools[p], x->site, LEAK_EXIT),
					 .since = x->time,
					 .pool = p,
					 .exit = i + 1,
					 .tid = x->tid,
					 .units = x->units,
					 .addr = l->pools[p].addr};
	}
	if (n)
		qsort(all, n, sizeof(*all), compare_leaks);
	for (size_t i = 0, end; i < n && !err; i = end) {
		for (end = i + 1; end < n && !memcmp(&all[end].key, &all[i].key, sizeof(all[i].key)); end++)
			;
		err = leak__add(look, all + i, end - i);
	}
	return err;
}
