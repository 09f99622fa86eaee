// SPDX-License-Identifier: GPL-2.0
/* The judge: one look, and what its parts have in common (see judge.h and judge_internal.h). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "judge_internal.h"

int judge__new(const struct judge_options *options, struct judge **out)
{
	struct judge *j = calloc(1, sizeof(*j));

	if (!j)
		return -ENOMEM;
	j->options = *options;
	*out = j;
	return 0;
}

void judge__free(struct judge *j)
{
	if (!j)
		return;
	for (size_t i = 0; i < j->nsaid; i++)
		judge_said__clear(&j->said[i]);
	free(j->said);
	free(j->index);
	free(j->events);
	judge_left__clear(j);
	judge_exits__clear(j);
	free(j);
}

int judge__event(struct judge *j, const struct poolwatch_event *event)
{
	if (event->type != POOLWATCH_EV_EXIT && event->type != POOLWATCH_EV_RETURNED &&
	    event->type != POOLWATCH_EV_PROC_EXIT && event->type != POOLWATCH_EV_PROC_EXEC)
		return 0;
	if (j->nevents == j->events_room) {
		size_t room = j->events_room ? j->events_room * 2 : 16;
		struct poolwatch_event *grown = reallocarray(j->events, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		j->events = grown;
		j->events_room = room;
	}
	j->events[j->nevents++] = *event;
	return 0;
}

int64_t judge_pool__index(const struct ledger *l, uint64_t id)
{
	const struct poolwatch_pool *p = ledger__pool(l, id);

	return p ? p - l->pools : -1;
}

struct judge_key judge__key(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	return (struct judge_key){{a, b, c, d, e, f}};
}

uint64_t judge__mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 29;
}

bool judge__waits(const struct ledger *l, const struct poolwatch_thread *t)
{
	if (t->flags & POOLWATCH_THREAD_EXITED || !t->requests || t->requests > POOLWATCH_REQUESTS)
		return false;
	for (uint32_t i = 0; i < t->requests; i++) {
		const struct poolwatch_request *r = &t->request[i];

		if (!r->seq)
			return false;
		/* Who has not tried for a second waits no longer. */
		if (r->flags & POOLWATCH_REQ_POLL && (!r->tried || r->tried + 1000000000 < l->time))
			return false;
	}
	/*
	 * The innermost request is not the last one made: a later one came and went while this was in progress. That is
	 * how it looks when a call was left by longjmp or an exception and its return was never seen.
	 */
	return t->seq == t->request[t->requests - 1].seq;
}

int judge__assess(const struct ledger *l, struct judge_pool *pools)
{
	for (size_t i = 0; i < l->npools; i++) {
		const struct poolwatch_pool *p = &l->pools[i];
		const struct poolwatch_def *d = ledger__def(l, p->def);
		struct judge_pool *out = &pools[i];

		*out = (struct judge_pool){.capacity = POOLWATCH_UNKNOWN};
		out->how = ledger__capacity(l, p, &out->capacity);
		out->judged = ledger__is_pool(l, p);
		/*
		 * A blocked thread's units are stuck only if nobody else returns them. Where the definition says that
		 * anybody may, that is believed only of pools whose units have been returned by their takers, and by
		 * nobody else.
		 */
		out->holders =
		    out->judged && !(p->flags & POOLWATCH_POOL_AMBIGUOUS) &&
		    !(d && d->flags & POOLWATCH_DEF_OWNER_RES && !(p->flags & POOLWATCH_POOL_CONFIRMED && !p->foreign));
		out->tried = p->flags & POOLWATCH_POOL_CONFIRMED;
		/* A task that gave its pool others may wait for something else all the same. */
		out->provable = out->holders && !(d && d->flags & POOLWATCH_DEF_PRESUMED) && !p->foreign &&
				out->how == LEDGER_CAPACITY_CERTAIN && !(p->flags & POOLWATCH_POOL_UNCERTAIN);
	}
	for (size_t i = 0; i < l->nthreads; i++) {
		const struct poolwatch_thread *t = &l->threads[i];

		for (uint32_t k = 0; k < t->requests && k < POOLWATCH_REQUESTS; k++) {
			int64_t p = t->request[k].seq ? judge_pool__index(l, t->request[k].pool) : -1;

			if (p >= 0)
				pools[p].waiters++;
		}
	}
	return 0;
}

bool judge__may_be_handed_on(const struct judge_look *look, const struct poolwatch_thread *t, const struct poolwatch_hold *h,
			     int64_t p)
{
	for (uint32_t k = 0; !look->pools[p].tried && k < t->requests && k < POOLWATCH_REQUESTS; k++)
		if (t->request[k].site == h->site)
			return true;
	return false;
}

bool judge_look__waits(const struct judge_look *look, size_t i)
{
	return !look->elsewhere[i] && judge__waits(look->now, &look->now->threads[i]);
}

void judge_look__set_elsewhere(struct judge_look *look, size_t i)
{
	const struct poolwatch_thread *t = &look->now->threads[i];

	if (look->elsewhere[i])
		return;
	look->elsewhere[i] = true;
	look->open[i] = 0;
	for (uint32_t k = 0; k < t->requests && k < POOLWATCH_REQUESTS; k++) {
		int64_t p = t->request[k].seq ? judge_pool__index(look->now, t->request[k].pool) : -1;

		if (p >= 0)
			look->pools[p].waiters--;
	}
}

enum judge_presence judge_look__presence(const struct judge_look *look, size_t i)
{
	const struct judge_options *o = &look->judge->options;
	const struct poolwatch_thread *t = &look->now->threads[i];

	if (!o->presence)
		return JUDGE_ASLEEP;
	for (uint32_t k = 0; k < t->requests && k < POOLWATCH_REQUESTS; k++)
		if (t->request[k].flags & POOLWATCH_REQ_POLL)
			return JUDGE_ASLEEP;
	return o->presence(o->presence_ctx, t);
}

struct judge_found *judge_look__add(struct judge_look *look)
{
	if (look->nfound == look->room) {
		size_t room = look->room ? look->room * 2 : 64;
		struct judge_found *grown = reallocarray(look->found, room, sizeof(*grown));

		if (!grown)
			return NULL;
		look->found = grown;
		look->room = room;
	}
	look->found[look->nfound] = (struct judge_found){.count = 1};
	return &look->found[look->nfound++];
}

static void judge_look__clear(struct judge_look *look)
{
	for (size_t i = 0; i < look->nfound; i++) {
		free(look->found[i].threads);
		free(look->found[i].places);
		free(look->found[i].exits);
	}
	free(look->found);
	free(look->pools);
	free(look->deadlocked);
	free(look->elsewhere);
	free(look->open);
}

int judge__look(struct judge *j, const struct ledger *now, const struct ledger *before,
		int (*emit)(void *ctx, struct finding *f), void *ctx)
{
	_cleanup_(judge_look__clear) struct judge_look look = {
	    .judge = j,
	    .now = now,
	    .emit = emit,
	    .ctx = ctx,
	    .pools = calloc(now->npools + 1, sizeof(*look.pools)),
	    .deadlocked = calloc(now->nthreads + 1, sizeof(*look.deadlocked)),
	    .elsewhere = calloc(now->nthreads + 1, sizeof(*look.elsewhere)),
	    .open = calloc(now->nthreads + 1, sizeof(*look.open)),
	};
	static int (*const parts[])(struct judge_look * look) = {
	    judge_nested, judge_order, judge_deadlock, judge_stall, judge_leak, judge_track,
	};
	int err;

	if (!look.pools || !look.deadlocked || !look.elsewhere || !look.open)
		return -ENOMEM;
	/* A second copy confirms only what a first one of the same session showed before it. */
	if (before && before->session == now->session && before->time < now->time)
		look.before = before;
	err = judge__assess(now, look.pools);
	judge_left__find_elsewhere(&look);
	judge_said__find_open(&look);
	for (size_t i = 0; !err && i < sizeof(parts) / sizeof(*parts); i++)
		err = parts[i](&look);
	return err;
}

uint64_t judge__tension(const struct ledger *now)
{
	uint64_t tension = 0;

	for (size_t i = 0; i < now->nthreads; i++) {
		const struct poolwatch_thread *t = &now->threads[i];
		uint64_t held = 0;

		if (!t->requests || t->flags & POOLWATCH_THREAD_EXITED)
			continue;
		for (int k = 0; k < POOLWATCH_HOLDS; k++)
			if (POOLWATCH_HOLD_UNITS(t->hold[k].word))
				held = judge__mix(held, t->hold[k].word);
		if (held)
			tension = judge__mix(judge__mix(judge__mix(tension, t->head.id), t->seq), held) ?: 1;
	}
	return tension;
}

bool judge__is_undecided(const struct judge *j)
{
	return j->undecided;
}
