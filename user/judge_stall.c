// SPDX-License-Identifier: GPL-2.0
/*
 * Stalls: a pool has nothing to give, somebody waits longer than the threshold, nothing was granted meanwhile, and it
 * cannot be proven that it will never end. The finding names the holders first and the waiters after them; what each
 * holder does now is for the caller to add (finding_thread.doing). Whom a holder waits for itself is in its request.
 *
 * One copy suffices: pools are copied before threads, so a request that is still in progress when its thread is copied
 * was in progress when its pool was, and nothing had been granted then.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "judge_internal.h"

/* Who waits for, and who holds units of, each pool that stalls: threads in lists, by pool. */
struct stall {
	uint64_t oldest; /* since when the longest waits; 0: nobody */
	uint32_t asked;	 /* the least that a waiter asks for */
	uint32_t nholders, nwaiters;
	uint32_t found; /* index + 1 in look->found */
	bool deadlocked;
};

static bool exhausted(const struct ledger *l, const struct poolwatch_pool *p, const struct judge_pool *jp,
		      uint32_t asked)
{
	/* Of a pool with a past, or of unknown size, nobody can say that there is room. */
	if (jp->how == LEDGER_CAPACITY_UNKNOWN || !ledger__seen_from_start(l, p))
		return true;
	return p->in_use + (int64_t)asked > jp->capacity;
}

/*
 * Who seems to wait for longer than the threshold may have left its request long ago: looked at before it is told as a
 * waiter.
 */
static void look_at_waiters(struct judge_look *look)
{
	const struct ledger *l = look->now;
	uint64_t stall = look->judge->options.stall_ns;

	for (size_t i = 0; i < l->nthreads; i++) {
		const struct poolwatch_thread *t = &l->threads[i];
		bool waits = false;

		for (uint32_t k = 0; k < t->requests && k < POOLWATCH_REQUESTS && !look->elsewhere[i]; k++) {
			int64_t p = judge_pool__index(l, t->request[k].pool);

			waits |= p >= 0 && look->pools[p].judged && t->request[k].since + stall <= l->time &&
				 l->pools[p].last_grant + stall <= l->time &&
				 exhausted(l, &l->pools[p], &look->pools[p], t->request[k].units);
		}
		if (waits && judge__waits(l, t) && judge_look__presence(look, i) == JUDGE_ELSEWHERE)
			judge_look__set_elsewhere(look, i);
	}
}

static void count_waiters(const struct judge_look *look, struct stall *stalls)
{
	const struct ledger *l = look->now;

	for (size_t i = 0; i < l->nthreads; i++) {
		const struct poolwatch_thread *t = &l->threads[i];

		if (!judge_look__waits(look, i))
			continue;
		for (uint32_t k = 0; k < t->requests; k++) {
			int64_t p = judge_pool__index(l, t->request[k].pool);

			if (p < 0 || !look->pools[p].judged)
				continue;
			stalls[p].nwaiters++;
			if (!stalls[p].oldest || t->request[k].since < stalls[p].oldest)
				stalls[p].oldest = t->request[k].since;
			if (!stalls[p].asked || t->request[k].units < stalls[p].asked)
				stalls[p].asked = t->request[k].units;
			if (look->deadlocked[i] || look->open[i])
				stalls[p].deadlocked = true;
		}
	}
}

/* Those whose requests were made before the attach: what they took before that is not known. */
static size_t count_late(const struct ledger *l, const struct judge_found *found)
{
	size_t n = 0;

	for (size_t i = 0; i < found->nthreads; i++) {
		const struct poolwatch_thread *t = &l->threads[found->threads[i]];

		for (uint32_t k = 0; k < t->requests; k++)
			if (t->request[k].flags & POOLWATCH_REQ_BEFORE) {
				n++;
				break;
			}
	}
	return n;
}

static int64_t least_asked(const struct ledger *l, const struct judge_found *found, const struct poolwatch_pool *p)
{
	int64_t least = INT64_MAX;

	for (size_t i = 0; i < found->nthreads; i++) {
		const struct poolwatch_thread *t = &l->threads[found->threads[i]];

		for (uint32_t k = 0; k < t->requests; k++)
			if (t->request[k].pool == p->head.id && t->request[k].units < least)
				least = t->request[k].units;
	}
	return least;
}

static int stall__fill(const struct judge_look *look, const struct judge_found *found, struct finding *f)
{
	const struct ledger *l = look->now;
	uint32_t at = found->places[0];
	const struct poolwatch_pool *p = &l->pools[at];
	size_t waiters = found->nthreads - found->ncore, selves = 0, elsewhere = 0, late = count_late(l, found);
	uint64_t ms = (l->time - found->since) / 1000000;
	char of[48] = "", unknown[96] = "", hint[160] = "", before[120] = "";
	int err;

	judge__about(look, f, p);
	err = judge__threads(look, found, f);
	if (err)
		return err;
	for (size_t i = 0; i < found->ncore; i++) {
		const struct poolwatch_thread *t = &l->threads[found->threads[i]];

		if (!judge_look__waits(look, found->threads[i]))
			continue;
		/* A waiter that also holds stands among the holders. */
		if (t->request[t->requests - 1].pool == p->head.id)
			selves++;
		else
			elsewhere++;
	}
	/* Who asks for n units waits, so at most n - 1 are free: what nobody was seen to take was taken before. */
	if (look->pools[at].how == LEDGER_CAPACITY_CERTAIN && !(p->flags & POOLWATCH_POOL_UNCERTAIN)) {
		int64_t taken = f->capacity - f->in_use - (least_asked(l, found, p) - 1);

		if (taken > f->unknown)
			f->unknown = taken;
	}
	if (f->capacity != POOLWATCH_UNKNOWN)
		snprintf(of, sizeof(of), " of %s%" PRId64,
			 look->pools[at].how == LEDGER_CAPACITY_LEARNED ? "at least " : "", f->capacity);
	if (found->ncore && selves == found->ncore && !f->unknown && look->pools[at].how != LEDGER_CAPACITY_CERTAIN)
		snprintf(hint, sizeof(hint),
			 "; all holders wait for more of it themselves, so this cannot end if that is all it has");
	else if (selves || elsewhere)
		snprintf(hint, sizeof(hint), "; of %zu holder%s %zu wait%s for more of it and %zu for another pool",
			 found->ncore, judge__plural(found->ncore), selves, selves == 1 ? "s" : "", elsewhere);
	if (f->unknown)
		snprintf(unknown, sizeof(unknown),
			 ", %" PRId64 " more %s taken before the attach, by whom is not known", f->unknown,
			 f->unknown == 1 ? "was" : "were");
	if (late)
		snprintf(before, sizeof(before),
			 "; %zu of those that wait did so before the attach: what they hold from then is not known", late);
	return judge__explain(f,
			      "%zu thread%s wait%s for %s, and nothing was granted for %" PRIu64 ".%" PRIu64
			      " s: %" PRId64 "%s units are out%s%s%s",
			      waiters + selves, judge__plural(waiters + selves), waiters + selves == 1 ? "s" : "",
			      f->pool_name, ms / 1000, ms % 1000 / 100, f->in_use, of, unknown, hint, before);
}

static bool holds(const struct poolwatch_thread *t, uint32_t slot)
{
	for (int k = 0; k < POOLWATCH_HOLDS; k++)
		if (POOLWATCH_HOLD_UNITS(t->hold[k].word) && POOLWATCH_HOLD_POOL(t->hold[k].word) == slot)
			return true;
	return false;
}

/* Holders, then those that wait without holding. Each thread is looked at twice, however many pools stall. */
static void list_threads(struct judge_look *look, const struct stall *stalls)
{
	const struct ledger *l = look->now;

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < l->nthreads; i++) {
			const struct poolwatch_thread *t = &l->threads[i];

			for (int k = 0; !pass && k < POOLWATCH_HOLDS; k++) {
				const struct poolwatch_pool *p =
				    ledger__pool_at(l, POOLWATCH_HOLD_POOL(t->hold[k].word));
				struct judge_found *found;

				if (!POOLWATCH_HOLD_UNITS(t->hold[k].word) || !p || !stalls[p - l->pools].found)
					continue;
				found = &look->found[stalls[p - l->pools].found - 1];
				if (found->ncore && found->threads[found->ncore - 1] == i)
					continue;
				found->threads[found->ncore++] = i;
				found->nthreads++;
			}
			for (uint32_t k = 0; pass && judge_look__waits(look, i) && k < t->requests; k++) {
				int64_t p = judge_pool__index(l, t->request[k].pool);
				struct judge_found *found;

				if (p < 0 || !stalls[p].found || holds(t, (uint32_t)l->pools[p].head.id))
					continue;
				found = &look->found[stalls[p].found - 1];
				if (found->nthreads > found->ncore && found->threads[found->nthreads - 1] == i)
					continue;
				found->threads[found->nthreads++] = i;
			}
		}
}

static void count_holders(const struct judge_look *look, struct stall *stalls)
{
	const struct ledger *l = look->now;

	for (size_t i = 0; i < l->nthreads; i++)
		for (int k = 0; k < POOLWATCH_HOLDS; k++) {
			uint64_t w = l->threads[i].hold[k].word;
			const struct poolwatch_pool *p =
			    POOLWATCH_HOLD_UNITS(w) ? ledger__pool_at(l, POOLWATCH_HOLD_POOL(w)) : NULL;

			if (p)
				stalls[p - l->pools].nholders++;
		}
}

static int stall__add(struct judge_look *look, struct stall *s, uint32_t pool, uint64_t since)
{
	struct judge_found *found = judge_look__add(look);

	if (!found)
		return -ENOMEM;
	found->kind = FINDING_STALL;
	found->key = judge__pool_key(&look->now->pools[pool], 0);
	found->pool = look->now->pools[pool].head.id;
	found->since = since;
	found->fill = stall__fill;
	found->threads = calloc(s->nholders + s->nwaiters + 1, sizeof(*found->threads));
	found->places = malloc(sizeof(*found->places));
	if (!found->threads || !found->places)
		return -ENOMEM;
	found->places[0] = pool;
	found->nplaces = 1;
	s->found = look->nfound;
	return 0;
}

int judge_stall(struct judge_look *look)
{
	const struct ledger *l = look->now;
	_cleanup_free_ struct stall *stalls = NULL;
	size_t first = look->nfound;

	if (!look->judge->options.stall_ns)
		return 0;
	stalls = calloc(l->npools + 1, sizeof(*stalls));
	if (!stalls)
		return -ENOMEM;
	look_at_waiters(look);
	count_waiters(look, stalls);
	count_holders(look, stalls);
	for (size_t i = 0; i < l->npools; i++) {
		const struct poolwatch_pool *p = &l->pools[i];
		uint64_t since = stalls[i].oldest > p->last_grant ? stalls[i].oldest : p->last_grant;

		look->pools[i].deadlocked = stalls[i].deadlocked;
		if (!stalls[i].nwaiters || stalls[i].deadlocked || since + look->judge->options.stall_ns > l->time ||
		    !exhausted(l, p, &look->pools[i], stalls[i].asked))
			continue;
		if (stall__add(look, &stalls[i], i, since))
			return -ENOMEM;
	}
	if (look->nfound == first)
		return 0;
	list_threads(look, stalls);
	for (size_t i = first; i < look->nfound; i++) {
		struct judge_found *found = &look->found[i];

		qsort_r(found->threads, found->ncore, sizeof(*found->threads), judge__by_thread, (void *)l);
		qsort_r(found->threads + found->ncore, found->nthreads - found->ncore, sizeof(*found->threads),
			judge__by_thread, (void *)l);
	}
	return 0;
}
