// SPDX-License-Identifier: GPL-2.0
/*
 * What is told, and how often. A finding is told when it is new; when it is so again after it had ended, or has
 * happened more often, it is a repeat, told with growing pauses; and when it ends, if its beginning was told. Findings
 * of a process that is gone are ended and forgotten, so that what is remembered is bounded by what is watched.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "judge_internal.h"

static const enum finding_severity severity[FINDING_KINDS] = {
    [FINDING_NESTED] = FINDING_WARNING, [FINDING_ORDER] = FINDING_WARNING, [FINDING_DEADLOCK] = FINDING_CRITICAL,
    [FINDING_STALL] = FINDING_ERROR,	[FINDING_LEAK] = FINDING_WARNING,  [FINDING_DETACHED] = FINDING_WARNING,
};

/* Kinds that say what code does go on counting; of the others each opening is one occurrence. */
static bool counts(enum finding_kind kind)
{
	return kind == FINDING_NESTED || kind == FINDING_ORDER;
}

void judge_said__clear(struct judge_said *s)
{
	free(s->members);
	finding__clear(&s->last);
}

static uint64_t said__hash(enum finding_kind kind, const struct judge_key *key)
{
	uint64_t hash = kind;

	for (int i = 0; i < JUDGE_KEY; i++)
		hash = judge__mix(hash, key->v[i]);
	return hash;
}

static bool same_key(const struct judge_key *a, const struct judge_key *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* The place of (@kind, @key) in the index: what is there, or where it would go. The index has room. */
static uint32_t *said__slot(const struct judge *j, enum finding_kind kind, const struct judge_key *key)
{
	for (size_t i = said__hash(kind, key) & (j->slots - 1);; i = (i + 1) & (j->slots - 1)) {
		const struct judge_said *s = j->index[i] ? &j->said[j->index[i] - 1] : NULL;

		if (!s || (s->kind == kind && same_key(&s->key, key)))
			return &j->index[i];
	}
}

static int said__index(struct judge *j, size_t slots)
{
	uint32_t *index = calloc(slots, sizeof(*index));

	if (!index)
		return -ENOMEM;
	free(j->index);
	j->index = index;
	j->slots = slots;
	for (size_t i = 0; i < j->nsaid; i++)
		*said__slot(j, j->said[i].kind, &j->said[i].key) = i + 1;
	return 0;
}

static struct judge_said *said__find(const struct judge *j, enum finding_kind kind, const struct judge_key *key)
{
	uint32_t at = j->slots ? *said__slot(j, kind, key) : 0;

	return at ? &j->said[at - 1] : NULL;
}

static struct judge_said *said__add(struct judge *j, enum finding_kind kind, const struct judge_key *key)
{
	struct judge_said *s;

	if (j->nsaid == j->room) {
		size_t room = j->room ? j->room * 2 : 32;
		struct judge_said *grown = reallocarray(j->said, room, sizeof(*grown));

		if (!grown)
			return NULL;
		j->said = grown;
		j->room = room;
	}
	if ((j->nsaid + 1) * 2 > j->slots && said__index(j, j->slots ? j->slots * 2 : 64))
		return NULL;
	s = &j->said[j->nsaid++];
	*s = (struct judge_said){.kind = kind, .key = *key, .id = ++j->ids, .pause = j->options.repeat_ns};
	*said__slot(j, kind, key) = j->nsaid;
	return s;
}

void judge_said__find_open(struct judge_look *look)
{
	const struct judge *j = look->judge;

	for (size_t i = 0; i < j->nsaid; i++) {
		const struct judge_said *s = &j->said[i];

		for (size_t k = 0; s->open && s->kind == FINDING_DEADLOCK && k < s->nmembers; k++) {
			int64_t at = judge__find_thread(look->now, s->members[k].thread);

			if (at >= 0 && !look->elsewhere[at] && look->now->threads[at].seq == s->members[k].seq &&
			    look->now->threads[at].requests)
				look->open[at] = i + 1;
		}
	}
}

uint32_t judge_said__by_threads(const struct judge_look *look, const struct judge_found *found)
{
	for (size_t i = 0; i < found->ncore; i++)
		if (look->open[found->threads[i]])
			return look->open[found->threads[i]];
	return 0;
}

static int said__members(struct judge_said *s, const struct judge_look *look, const struct judge_found *found)
{
	struct judge_member *members = calloc(found->ncore + 1, sizeof(*members));

	if (!members)
		return -ENOMEM;
	for (size_t i = 0; i < found->ncore; i++) {
		const struct poolwatch_thread *t = &look->now->threads[found->threads[i]];

		members[i] = (struct judge_member){t->head.id, t->seq};
	}
	free(s->members);
	s->members = members;
	s->nmembers = found->ncore;
	return 0;
}

/* What a follow-up needs of @f: the words, none of the arrays. */
static void said__keep(struct judge_said *s, const struct finding *f)
{
	s->last = *f;
	s->last.pools = NULL;
	s->last.npools = 0;
	s->last.exe = s->last.container = s->last.explanation = NULL;
	s->last.threads = NULL;
	s->last.nthreads = 0;
}

static int said__tell(struct judge_said *s, const struct judge_look *look, const struct judge_found *found,
		      enum finding_event event)
{
	_cleanup_(finding__clear) struct finding f = {0};
	int err = found->fill(look, found, &f);

	if (err)
		return err;
	f.kind = s->kind;
	f.event = event;
	f.severity = severity[s->kind];
	f.id = s->id;
	f.count = s->count;
	said__keep(s, &f);
	s->told = look->now->time;
	s->announced = true;
	return look->emit(look->ctx, &f);
}

static int said__tell_end(struct judge_said *s, const struct judge_look *look, enum finding_event event,
			  const char *how)
{
	_cleanup_(finding__clear) struct finding f = s->last;
	uint64_t ms = look->now->time > s->since ? (look->now->time - s->since) / 1000000 : 0;
	const struct poolwatch_pool *p;
	bool told = s->announced;
	char failed[48] = "";
	int err;

	s->open = s->announced = false;
	if (!told)
		return 0;
	f.event = event;
	f.severity = FINDING_INFO;
	f.count = s->count;
	f.time = look->now->time;
	f.recovered_ms = ms;
	p = ledger__pool(look->now, s->last.pool);
	if (p && p->failures > s->failures && s->kind != FINDING_LEAK)
		snprintf(failed, sizeof(failed), "; %" PRIu64 " request%s failed",
			 (uint64_t)(p->failures - s->failures), p->failures - s->failures == 1 ? "" : "s");
	if (event == FINDING_RETRACTED)
		err = judge__explain(&f, "%s", how);
	else
		err =
		    judge__explain(&f, "%s after %" PRIu64 ".%" PRIu64 " s%s", how, ms / 1000, ms % 1000 / 100, failed);
	return err ? err : look->emit(look->ctx, &f);
}

/* It begins, for the first time or again. */
static int said__open(struct judge_said *s, const struct judge_look *look, const struct judge_found *found)
{
	const struct poolwatch_pool *p;
	int err = said__members(s, look, found);

	if (err)
		return err;
	p = found->pool ? ledger__pool(look->now, found->pool) : NULL;
	s->failures = p ? p->failures : 0;
	s->open = true;
	s->since = found->since;
	s->count = counts(s->kind) ? found->count : s->count + found->count;
	s->outstanding = found->count;
	return 0;
}

/* It goes on: more of it? */
static int said__update(struct judge_said *s, const struct judge_look *look, const struct judge_found *found)
{
	if (counts(s->kind) && found->count > s->count)
		s->count = found->count;
	if (s->kind == FINDING_LEAK) {
		if (found->count > s->outstanding)
			s->count += found->count - s->outstanding;
		s->outstanding = found->count;
	}
	if (s->kind == FINDING_DEADLOCK && found->ncore > s->nmembers)
		return said__members(s, look, found);
	return 0;
}

static int track__found(struct judge_look *look, const struct judge_found *found)
{
	struct judge *j = look->judge;
	struct judge_said *s = found->said ? &j->said[found->said - 1] : said__find(j, found->kind, &found->key);
	bool first;
	int err;

	if (found->held_back && !(s && s->open))
		return 0;
	if (!s)
		s = said__add(j, found->kind, &found->key);
	if (!s)
		return -ENOMEM;
	err = s->open ? said__update(s, look, found) : said__open(s, look, found);
	if (err)
		return err;
	s->seen = true;
	s->ending = false;
	first = !s->last.count;
	if (!first && (s->count <= s->last.count || look->now->time - s->told < s->pause))
		return 0;
	if (!first)
		s->pause *= 2;
	return said__tell(s, look, found, first ? FINDING_NEW : FINDING_REPEATED);
}

/* Does it go on although nobody found it in this look? */
static bool deadlock__goes_on(const struct judge_said *s, size_t at, const struct judge_look *look)
{
	size_t left = 0;

	for (size_t i = 0; i < s->nmembers; i++) {
		int64_t t = judge__find_thread(look->now, s->members[i].thread);

		if (t < 0 || look->open[t] != at + 1)
			left++;
		else if (look->deadlocked[t])
			return true;
	}
	/* All still wait as they did: the books came in doubt, or could not be confirmed this time. */
	return !left;
}

/* The process that @s is about; what happened before to one with its number is another matter. */
static bool process_gone(const struct judge_look *look, const struct judge_said *s)
{
	const struct judge *j = look->judge;
	uint32_t pid = s->last.pid;

	for (size_t i = 0; i < j->nevents; i++)
		if (j->events[i].tgid == pid && j->events[i].time >= s->since &&
		    (j->events[i].type == POOLWATCH_EV_PROC_EXIT || j->events[i].type == POOLWATCH_EV_PROC_EXEC))
			return true;
	for (size_t i = 0; i < look->now->nprocs; i++)
		if (look->now->procs[i].head.tgid == pid)
			return look->now->procs[i].flags & POOLWATCH_PROC_EXITED;
	return look->now->nprocs != 0;
}

static const char ambiguous[] = "who holds its units is not known after all: threads release what others have taken";

static int track__missing(struct judge_look *look, size_t at)
{
	struct judge_said *s = &look->judge->said[at];
	const struct poolwatch_pool *p = ledger__pool(look->now, s->last.pool);
	bool gone = s->last.pid && process_gone(look, s) && !(p && p->flags & POOLWATCH_POOL_SHARED);

	if (p && p->flags & POOLWATCH_POOL_SIGNALLING)
		return said__tell_end(s, look, FINDING_RETRACTED,
				      "not a pool after all: threads post it that never waited for it");
	if (counts(s->kind)) {
		if (p && p->flags & POOLWATCH_POOL_AMBIGUOUS)
			return said__tell_end(s, look, FINDING_RETRACTED, ambiguous);
		return 0;
	}
	if (gone)
		return said__tell_end(s, look, FINDING_RECOVERED, "ended with its process");
	if (s->kind == FINDING_DEADLOCK) {
		if (deadlock__goes_on(s, at, look))
			return 0;
		if (p && (p->foreign || p->flags & POOLWATCH_POOL_AMBIGUOUS))
			return said__tell_end(s, look, FINDING_RETRACTED,
					      "not a deadlock: a unit was returned by another thread than its holder");
		/* Pools are copied before threads: what let its threads go may be in the next copy only. */
		if (p && !s->ending && p->failures == s->failures && p->last_grant <= s->since) {
			s->ending = true;
			return 0;
		}
	}
	if (p && s->kind == FINDING_LEAK && p->flags & POOLWATCH_POOL_AMBIGUOUS)
		return said__tell_end(s, look, FINDING_RETRACTED, ambiguous);
	/* A stall that turned out to be a deadlock goes on as that. */
	if (p && s->kind == FINDING_STALL && look->pools[p - look->now->pools].deadlocked) {
		s->open = s->announced = false;
		return 0;
	}
	return said__tell_end(s, look, FINDING_RECOVERED, s->kind == FINDING_LEAK ? "returned after all" : "recovered");
}

static int compare_found(const void *a, const void *b)
{
	const struct judge_found *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	for (int i = 0; i < JUDGE_KEY; i++)
		if (x->key.v[i] != y->key.v[i])
			return x->key.v[i] < y->key.v[i] ? -1 : 1;
	return 0;
}

/* What was said of processes that are gone is of no use any more. */
static int forget_gone(struct judge_look *look)
{
	struct judge *j = look->judge;
	size_t kept = 0;

	for (size_t i = 0; i < j->nsaid; i++) {
		struct judge_said *s = &j->said[i];

		if ((!s->open || counts(s->kind)) && s->last.pid && process_gone(look, s) &&
		    !ledger__pool(look->now, s->last.pool)) {
			judge_said__clear(s);
			continue;
		}
		j->said[kept++] = *s;
	}
	if (kept == j->nsaid)
		return 0;
	j->nsaid = kept;
	return said__index(j, j->slots);
}

int judge_track(struct judge_look *look)
{
	struct judge *j = look->judge;
	int err;

	if (look->nfound)
		qsort(look->found, look->nfound, sizeof(*look->found), compare_found);
	for (size_t i = 0; i < j->nsaid; i++)
		j->said[i].seen = false;
	for (size_t i = 0; i < look->nfound; i++) {
		err = track__found(look, &look->found[i]);
		if (err)
			return err;
	}
	for (size_t i = 0; i < j->nsaid; i++) {
		if (!j->said[i].open || j->said[i].seen)
			continue;
		err = track__missing(look, i);
		if (err)
			return err;
	}
	err = forget_gone(look);
	if (!err)
		j->nevents = 0;
	return err;
}
