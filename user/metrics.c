// SPDX-License-Identifier: GPL-2.0
/* Metrics: gathering. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "metrics_int.h"

int metrics__new(size_t series, struct metrics **out)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->max_series = series + 1;
	m->series = calloc(m->max_series, sizeof(*m->series));
	if (!m->series) {
		free(m);
		return -ENOMEM;
	}
	strcpy(m->series[0].pool, "other");
	strcpy(m->series[0].process, "other");
	m->nseries = 1;
	*out = m;
	return 0;
}

void metrics__free(struct metrics *m)
{
	if (!m)
		return;
	free(m->series);
	free(m->seen);
	free(m->sessions);
	free(m);
}

void metrics__begin(struct metrics *m)
{
	for (size_t i = 0; i < m->nseries; i++) {
		struct metrics_series *s = &m->series[i];

		s->pools = s->full = s->uncertain = s->unknown_capacity = 0;
		s->capacity = s->in_use = s->in_use_max = s->requesting = 0;
	}
	for (size_t i = 0; i < m->nseen; i++)
		m->seen[i].fresh = false;
	for (size_t i = 0; i < m->nsessions; i++)
		m->sessions[i].fresh = false;
	m->nsorted = m->nseen;
	m->without_series = 0;
}

static int by_id(const void *a, const void *b)
{
	const struct metrics_seen *x = a, *y = b;

	if (x->session != y->session)
		return x->session < y->session ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* Only what was there at metrics__begin is searched: an id comes once a look. */
static struct metrics_seen *seen_of(struct metrics *m, uint32_t session, uint64_t id)
{
	struct metrics_seen key = {.id = id, .session = session};
	struct metrics_seen *s = m->nsorted ? bsearch(&key, m->seen, m->nsorted, sizeof(key), by_id) : NULL;

	if (s)
		return s;
	if (m->nseen == m->room) {
		size_t room = m->room ? 2 * m->room : 16;

		s = reallocarray(m->seen, room, sizeof(*s));
		if (!s)
			return NULL;
		m->seen = s;
		m->room = room;
	}
	m->seen[m->nseen] = key;
	return &m->seen[m->nseen++];
}

static struct metrics_series *series_of(struct metrics *m, const char *pool, const char *process)
{
	for (size_t i = 1; i < m->nseries; i++)
		if (!strncmp(m->series[i].pool, pool, POOLWATCH_NAME) &&
		    !strncmp(m->series[i].process, process, POOLWATCH_COMM))
			return &m->series[i];
	if (m->nseries == m->max_series) {
		m->without_series++;
		return &m->series[0];
	}

	struct metrics_series *s = &m->series[m->nseries++];

	memcpy(s->pool, pool, POOLWATCH_NAME);
	memcpy(s->process, process, POOLWATCH_COMM);
	return s;
}

/* Counters are read while they are written: one that seems to have gone back counts when it has caught up. */
static uint64_t grow(uint64_t *last, uint64_t now)
{
	uint64_t more = now > *last ? now - *last : 0;

	*last += more;
	return more;
}

static void add_counts(struct metrics_counts *total, struct metrics_counts *last, const struct poolwatch_pool *p)
{
	total->requests += grow(&last->requests, p->requests);
	total->grants += grow(&last->grants, p->grants);
	total->blocked += grow(&last->blocked, p->blocked);
	total->failures += grow(&last->failures, p->failures);
	total->releases += grow(&last->releases, p->releases);
	total->foreign += grow(&last->foreign, p->foreign);
	total->nested += grow(&last->nested, p->nested);
	for (size_t i = 0; i < POOLWATCH_BUCKETS; i++) {
		total->wait[i] += grow(&last->wait[i], p->wait[i]);
		total->hold[i] += grow(&last->hold[i], p->hold[i]);
	}
}

static int64_t positive(int64_t v)
{
	return v > 0 ? v : 0;
}

static int add_pool(struct metrics *m, const struct ledger *l, const struct poolwatch_pool *p, uint32_t session)
{
	static const char unknown[POOLWATCH_NAME] = "unknown";
	const struct poolwatch_def *def = ledger__def(l, p->def);
	const struct poolwatch_proc *proc = ledger__proc(l, p->head.tgid, p->space);
	struct metrics_series *s;
	struct metrics_seen *seen;
	int64_t capacity;

	if (!ledger__is_pool(l, p))
		return 0;
	seen = seen_of(m, session, p->head.id);
	if (!seen)
		return -ENOMEM;
	seen->fresh = true;
	s = series_of(m, def ? def->name : unknown, proc ? proc->comm : unknown);
	add_counts(&s->total, &seen->last, p);
	s->pools++;
	s->in_use += positive(p->in_use);
	s->requesting += positive(p->requesting);
	if (p->in_use_max > s->in_use_max)
		s->in_use_max = p->in_use_max;
	s->uncertain += !!(p->flags & (POOLWATCH_POOL_UNCERTAIN | POOLWATCH_POOL_AMBIGUOUS));
	if (ledger__capacity(l, p, &capacity) == LEDGER_CAPACITY_UNKNOWN) {
		s->unknown_capacity++;
		return 0;
	}
	s->capacity += capacity;
	s->full += p->in_use >= capacity;
	return 0;
}

static int add_lost(struct metrics *m, const struct ledger *l, uint32_t session)
{
	struct metrics_lost *s = NULL;

	for (size_t i = 0; i < m->nsessions; i++)
		if (m->sessions[i].session == session)
			s = &m->sessions[i];
	if (!s) {
		s = reallocarray(m->sessions, m->nsessions + 1, sizeof(*s));
		if (!s)
			return -ENOMEM;
		m->sessions = s;
		s += m->nsessions++;
		*s = (struct metrics_lost){.session = session};
	}
	s->fresh = true;
	for (size_t i = 0; i < l->ncounters; i++) {
		uint32_t cause = (uint32_t)l->counters[i].head.id;

		if (cause < POOLWATCH_CAUSES)
			m->lost[cause] += grow(&s->last[cause], l->counters[i].count);
	}
	return 0;
}

int metrics__add(struct metrics *m, const struct ledger *l, uint32_t session)
{
	int err = add_lost(m, l, session);

	for (size_t i = 0; !err && i < l->npools; i++)
		err = add_pool(m, l, &l->pools[i], session);
	return err;
}

void metrics__end(struct metrics *m)
{
	size_t n = 0, sessions = 0;

	for (size_t i = 0; i < m->nseen; i++)
		if (m->seen[i].fresh)
			m->seen[n++] = m->seen[i];
	m->nseen = n;
	if (n)
		qsort(m->seen, n, sizeof(*m->seen), by_id);
	for (size_t i = 0; i < m->nsessions; i++)
		if (m->sessions[i].fresh)
			m->sessions[sessions++] = m->sessions[i];
	m->nsessions = sessions;
}
