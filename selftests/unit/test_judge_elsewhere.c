// SPDX-License-Identifier: GPL-2.0
/*
 * The same records elsewhere: their order, and the slots they lie in, change no word of any finding. Random ledgers
 * with some of everything; SIM_ROUNDS and SIM_SEED as in test_judge_sim.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include "kselftest_harness.h"
#include "finding.h"
#include "judge.h"
#include "ledger_build.h"
#include "sim_truth.h"

#define MANY_POOLS   7
#define MANY_THREADS 24
#define MANY_EDGES   16

/* Some of everything: deadlocks, stalls, leaks, nesting, circles. */
static void random_ledger(struct ledger *l, uint64_t *seed)
{
	ledger__reset(l);
	l->time = T0;
	for (uint32_t d = 0; d < 3; d++)
		build__def(l, d, d ? d > 1 ? "http" : "db" : "sem", 0);
	build__proc(l, 0, 100, 0);
	build__proc(l, 1, 200, 0);
	for (uint32_t p = 0; p < MANY_POOLS; p++) {
		struct poolwatch_pool *pool =
		    build__pool(l, p, sim__random(seed, 2) ? 100 : 200, sim__random(seed, 3), 1 + sim__random(seed, 4));

		pool->nesting_max = sim__random(seed, 4);
		pool->last_grant = T0 - sim__random(seed, 10) * SEC;
		if (!sim__random(seed, 5))
			pool->flags |= POOLWATCH_POOL_UNCERTAIN;
		if (!sim__random(seed, 5))
			pool->flags |= POOLWATCH_POOL_SHARED;
	}
	for (uint32_t i = 0; i < MANY_THREADS; i++) {
		struct poolwatch_thread *t = build__thread(l, i, sim__random(seed, 2) ? 100 : 200, 101 + i);

		for (uint32_t p = 0; p < MANY_POOLS; p++)
			if (l->pools[p].in_use < l->pools[p].capacity && !sim__random(seed, 8))
				build__hold(l, t, p, 1, 0x401000 + sim__random(seed, 3));
		if (sim__random(seed, 4))
			build__request(t, sim__random(seed, MANY_POOLS), 1, 0x402000 + sim__random(seed, 2))->since =
			    T0 - sim__random(seed, 10) * SEC;
		else if (!sim__random(seed, 4))
			t->flags = POOLWATCH_THREAD_EXITED;
	}
	for (uint32_t e = 0; e < MANY_EDGES; e++) {
		struct poolwatch_edge *edge =
		    build__edge(l, e, 100, sim__random(seed, MANY_POOLS), sim__random(seed, MANY_POOLS),
				0x401000 + sim__random(seed, 3), 0x402000 + e);

		edge->tid = 101 + sim__random(seed, MANY_THREADS);
		edge->first = T0 - (1 + e) * MS;
	}
}

static void shuffle_numbers(uint32_t *order, uint32_t n, uint64_t *seed)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t k = sim__random(seed, i + 1);

		order[i] = order[k];
		order[k] = i;
	}
}

/* A copy with all slots and the places of holds changed. */
static void shuffle(struct ledger *to, const struct ledger *from, uint64_t *seed)
{
	uint32_t pool[MANY_POOLS], thread[MANY_THREADS], edge[MANY_EDGES];

	shuffle_numbers(pool, MANY_POOLS, seed);
	shuffle_numbers(thread, MANY_THREADS, seed);
	shuffle_numbers(edge, MANY_EDGES, seed);
	build__copy(to, from, 0);
	for (size_t i = 0; i < to->npools; i++)
		to->pools[i].head.id = ID(3 * pool[i] + 1);
	for (size_t i = 0; i < to->nthreads; i++) {
		struct poolwatch_thread *t = &to->threads[i];
		struct poolwatch_hold hold[POOLWATCH_HOLDS] = {0};
		uint32_t turn = sim__random(seed, POOLWATCH_HOLDS);

		t->head.id = ID(5 * thread[i]);
		for (uint32_t k = 0; k < POOLWATCH_HOLDS; k++) {
			struct poolwatch_hold *h = &hold[(k * 7 + turn) % POOLWATCH_HOLDS];

			*h = t->hold[k];
			if (h->word)
				h->word = hold_word(3 * pool[POOLWATCH_HOLD_POOL(h->word)] + 1,
						    POOLWATCH_HOLD_UNITS(h->word), 0);
		}
		memcpy(t->hold, hold, sizeof(hold));
		for (uint32_t k = 0; k < t->requests; k++)
			t->request[k].pool = ID(3 * pool[(uint32_t)t->request[k].pool] + 1);
	}
	for (size_t i = 0; i < to->nedges; i++) {
		struct poolwatch_edge *e = &to->edges[i];

		e->head.id = ID(2 * edge[i]);
		e->from = ID(3 * pool[(uint32_t)e->from] + 1);
		e->to = ID(3 * pool[(uint32_t)e->to] + 1);
	}
	if (ledger__index(to))
		abort();
}

/* All that a finding says, but for the numbers of records. */
static int write_down(void *ctx, struct finding *f)
{
	FILE *out = ctx;

	fprintf(out,
		"%d %d %d #%u x%" PRIu64 " %s %" PRIx64 " %" PRId64 "/%" PRId64 " %" PRId64 " %" PRId64
		" pid %u %s %zu pools %u %u %" PRId64 " %" PRId64 " %" PRId64 " %d: %s\n",
		f->kind, f->event, f->severity, f->id, f->count, f->pool_name, f->key, f->in_use, f->capacity,
		f->waiters, f->unknown, f->pid, f->comm, f->npools, f->depth, f->nesting_threads, f->needed_capacity,
		f->safe_threads, f->margin, f->uncertain, f->explanation);
	for (size_t i = 0; i < f->nthreads; i++) {
		const struct finding_thread *t = &f->threads[i];

		fprintf(out, "  %u/%u", t->pid, t->tid);
		for (size_t k = 0; k < t->nholds; k++)
			fprintf(out, " %s %" PRIx64 " %u @%" PRIx64, t->holds[k].pool_name, t->holds[k].key,
				t->holds[k].units, t->holds[k].site.address);
		if (t->requesting)
			fprintf(out, " ? %s %" PRIx64 " %u @%" PRIx64, t->request.pool_name, t->request.key,
				t->request.units, t->request.site.address);
		fprintf(out, "\n");
	}
	return 0;
}

static char *written(const struct ledger *now, uint32_t *kinds)
{
	const struct judge_options options = {.stall_ns = 5 * SEC, .leak_ns = SEC};
	struct ledger before;
	struct judge *j;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	build__copy(&before, now, 50 * MS);
	if (!out || judge__new(&options, &j) || judge__look(j, now, &before, write_down, out) || fclose(out))
		abort();
	judge__free(j);
	ledger__clear(&before);
	for (char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (*line != ' ')
			*kinds |= 1u << (*line - '0');
	return text;
}

FIXTURE(elsewhere){};
FIXTURE_SETUP(elsewhere)
{
}
FIXTURE_TEARDOWN(elsewhere)
{
}

TEST_F_TIMEOUT(elsewhere, same_words, SIM_TIMEOUT)
{
	uint64_t seed = first_seed(0x55aa55aa), rounds = 10000 * number("SIM_ROUNDS", 1);
	struct ledger l = {0};
	uint32_t kinds = 0;

	for (uint64_t i = 0; i < rounds; i++) {
		uint64_t was = seed;
		struct ledger other;
		char *a, *b;

		random_ledger(&l, &seed);
		ASSERT_EQ(ledger__index(&l), 0);
		shuffle(&other, &l, &seed);
		a = written(&l, &kinds);
		b = written(&other, &kinds);
		ASSERT_STREQ(a, b) TH_LOG("ledger %" PRIu64 ", seed 0x%" PRIx64, i, was);
		free(a);
		free(b);
		ledger__clear(&other);
	}
	ledger__clear(&l);
	/* All kinds were among them. */
	ASSERT_EQ(kinds, (1u << FINDING_DETACHED) - 1);
}

TEST_HARNESS_MAIN
