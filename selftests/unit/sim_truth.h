/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The truth about a small system of pools and threads: who can ever get what it waits for. By trying out everything
 * that can happen, step by step, in every order; nothing here knows of reductions.
 *
 * What can happen: who runs gives back one unit; who waits is granted its innermost request, if that many units are
 * free; a unit that nobody in sight holds comes back. That a running thread takes more is left out: it can only be in
 * the way.
 */
#ifndef POOLWATCH_SIM_TRUTH_H
#define POOLWATCH_SIM_TRUTH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SIM_POOLS   3
#define SIM_THREADS 4
#define SIM_UNITS   3	  /* the most that a pool has */
#define SIM_TIMEOUT 86400 /* of a test, s: how long it takes is for SIM_ROUNDS and the machine to say */

struct sim_request {
	int8_t pool, units;
	bool wait_on;
};

struct sim_state {
	int np, nt;
	int8_t capacity[SIM_POOLS];
	int8_t hidden[SIM_POOLS]; /* units out, held by nobody in sight */
	bool loose[SIM_POOLS];	  /* anybody may return its units */
	int8_t hold[SIM_THREADS][SIM_POOLS];
	int8_t nreq[SIM_THREADS];		/* 0: runs */
	struct sim_request req[SIM_THREADS][2]; /* innermost last */
};

static inline int sim__free(const struct sim_state *s, int p)
{
	int n = s->capacity[p] - s->hidden[p];

	for (int t = 0; t < s->nt; t++)
		n -= s->hold[t][p];
	return n;
}

/* What changes in a search: two bits each. */
static inline uint64_t sim__key(const struct sim_state *s)
{
	uint64_t k = 1;

	for (int t = 0; t < SIM_THREADS; t++) {
		for (int p = 0; p < SIM_POOLS; p++)
			k = k << 2 | s->hold[t][p];
		k = k << 2 | s->nreq[t];
	}
	for (int p = 0; p < SIM_POOLS; p++)
		k = k << 2 | s->hidden[p];
	return k;
}

#define SIM_SEEN (1u << 18)
struct sim_search {
	uint64_t seen[SIM_SEEN];
	uint32_t round[SIM_SEEN];
	uint32_t now, count;
	unsigned int done; /* threads that ran in some state reached */
	unsigned int all;
};

static inline bool sim__visit(struct sim_search *x, uint64_t key)
{
	uint64_t h = (key * 0x9e3779b97f4a7c15ull) >> 46;

	for (;; h = (h + 1) & (SIM_SEEN - 1)) {
		if (x->round[h] != x->now) {
			x->round[h] = x->now;
			x->seen[h] = key;
			if (++x->count > SIM_SEEN / 2)
				abort();
			return true;
		}
		if (x->seen[h] == key)
			return false;
	}
}

static inline void sim__explore(struct sim_search *x, struct sim_state *s)
{
	if (!sim__visit(x, sim__key(s)))
		return;
	for (int t = 0; t < s->nt; t++)
		if (!s->nreq[t])
			x->done |= 1u << t;
	if (x->done == x->all)
		return;
	for (int t = 0; t < s->nt; t++) {
		if (!s->nreq[t])
			continue;
		struct sim_request *r = &s->req[t][s->nreq[t] - 1];

		if (sim__free(s, r->pool) < r->units)
			continue;
		s->nreq[t]--;
		s->hold[t][r->pool] += r->wait_on ? 0 : r->units;
		sim__explore(x, s);
		s->hold[t][r->pool] -= r->wait_on ? 0 : r->units;
		s->nreq[t]++;
		if (x->done == x->all)
			return;
	}
	for (int p = 0; p < s->np; p++) {
		for (int t = 0; t < s->nt; t++) {
			if (!s->hold[t][p] || (s->nreq[t] && !s->loose[p]))
				continue;
			s->hold[t][p]--;
			sim__explore(x, s);
			s->hold[t][p]++;
			if (x->done == x->all)
				return;
		}
		if (!s->hidden[p])
			continue;
		s->hidden[p]--;
		sim__explore(x, s);
		s->hidden[p]++;
		if (x->done == x->all)
			return;
	}
}

/* The threads that can never run again: a bit each. */
static inline unsigned int sim__stuck(struct sim_search *x, const struct sim_state *state)
{
	struct sim_state s = *state;

	x->now++;
	x->count = 0;
	x->done = 0;
	x->all = (1u << s.nt) - 1;
	sim__explore(x, &s);
	return x->all & ~x->done;
}

/* What the environment says, or what is usual. */
static inline uint64_t number(const char *name, uint64_t usual)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : usual;
}

static inline uint64_t first_seed(uint64_t salt)
{
	return (number("SIM_SEED", 1) * 0x9e3779b97f4a7c15ull) ^ salt;
}

/* The tests' own random numbers: the same everywhere. */
static inline uint32_t sim__random(uint64_t *seed, uint32_t n)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (uint32_t)(*seed >> 33) % n;
}

#endif
