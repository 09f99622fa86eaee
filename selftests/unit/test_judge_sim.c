// SPDX-License-Identifier: GPL-2.0
/*
 * The judge against a simulator that knows the truth (sim_truth.h), on random states and schedules:
 *
 * - agrees: the reduction leaves over exactly the threads for which no continuation exists.
 * - unknown: what the ledger does not see, or may not count on, never adds to a proof.
 * - schedules: threads run, the books lag behind, copies are torn. No deadlock is told that some continuation escapes,
 *   and when all has come to rest, none that is permanent is missed.
 *
 * SIM_ROUNDS multiplies the amount (make fuzz), SIM_SEED chooses another sequence.
 */
#include <inttypes.h>
#include <sanitizer/lsan_interface.h>
#include <stdio.h>
#include "kselftest_harness.h"
#include "finding.h"
#include "judge.h"
#include "ledger_build.h"
#include "sim_truth.h"

static struct sim_search search;

static struct sim_request random_request(const struct sim_state *s, uint64_t *seed)
{
	struct sim_request r = {.pool = sim__random(seed, s->np), .wait_on = !sim__random(seed, 8)};

	/* Sometimes more than there is; but of a pool that anybody gives to, nobody knows how much that is. */
	r.units = 1 + (sim__random(seed, 4) ? 0 : sim__random(seed, s->capacity[r.pool] + !s->loose[r.pool]));
	return r;
}

/* Units held never exceed the capacity; pools are mostly exhausted, threads mostly waiting: where mistakes would be. */
static void random_state(struct sim_state *s, uint64_t *seed, bool hidden)
{
	memset(s, 0, sizeof(*s));
	s->np = 1 + sim__random(seed, 2) + !sim__random(seed, 8);
	s->nt = 1 + sim__random(seed, 3) + !sim__random(seed, 8);
	for (int p = 0; p < s->np; p++) {
		int units;

		s->capacity[p] = 1 + sim__random(seed, SIM_UNITS);
		units = s->capacity[p] - !sim__random(seed, 3);
		while (units-- > 0) {
			if (hidden && !sim__random(seed, 4))
				s->hidden[p]++;
			else
				s->hold[sim__random(seed, s->nt)][p]++;
		}
	}
	for (int t = 0; t < s->nt; t++) {
		if (!sim__random(seed, 6))
			continue;
		s->req[t][s->nreq[t]++] = random_request(s, seed);
		if (sim__random(seed, 6))
			continue;
		/* A second one, of another pool: the first one's acquire calls it. */
		s->req[t][1] = random_request(s, seed);
		if (s->req[t][1].pool != s->req[t][0].pool)
			s->nreq[t]++;
	}
}

static void to_ledger(const struct sim_state *s, struct ledger *l)
{
	ledger__reset(l);
	l->time = T0;
	for (int p = 0; p < s->np; p++)
		build__pool(l, p, 100, 0, s->capacity[p]);
	for (int i = 0; i < s->nt; i++) {
		struct poolwatch_thread *t = build__thread(l, i, 100, 101 + i);

		for (int p = 0; p < s->np; p++)
			if (s->hold[i][p])
				build__hold(l, t, p, s->hold[i][p], 0x401000 + p);
		for (int k = 0; k < s->nreq[i]; k++)
			build__request(t, s->req[i][k].pool, s->req[i][k].units, 0x402000)->flags =
			    s->req[i][k].wait_on ? POOLWATCH_REQ_WAIT_ON : 0;
	}
}

static unsigned int reduced(const struct ledger *l, const bool *eligible)
{
	bool left[SIM_THREADS];
	unsigned int bits = 0;

	if (judge__reduce(l, eligible, left) < 0)
		abort();
	for (size_t i = 0; i < l->nthreads; i++)
		bits |= (unsigned int)left[i] << i;
	return bits;
}

/* A million states under sanitizers take their time on a busy machine; the harness would end a test after 30 s. */
FIXTURE(sim){};
FIXTURE_SETUP(sim)
{
}
FIXTURE_TEARDOWN(sim)
{
}

TEST_F_TIMEOUT(sim, agrees, SIM_TIMEOUT)
{
	uint64_t seed = first_seed(0x1234567), rounds = 700000 * number("SIM_ROUNDS", 1), stuck = 0;
	struct ledger l = {0};
	struct sim_state s;

	for (uint64_t i = 0; i < rounds; i++) {
		uint64_t was = seed;
		unsigned int truth;

		random_state(&s, &seed, true);
		truth = sim__stuck(&search, &s);
		to_ledger(&s, &l);
		ASSERT_EQ(ledger__index(&l), 0);
		ASSERT_EQ(reduced(&l, NULL), truth) TH_LOG("state %" PRIu64 ", seed 0x%" PRIx64, i, was);
		stuck += !!truth;
	}
	ledger__clear(&l);
	/* The states are worth something: a good part of them is stuck, and a good part is not. */
	ASSERT_GT(stuck, rounds / 10);
	ASSERT_LT(stuck, rounds * 9 / 10);
}

/* Take something away that the ledger knows or may count on. */
static void forget_something(struct ledger *l, bool *eligible, uint64_t *seed)
{
	struct poolwatch_thread *t = &l->threads[sim__random(seed, l->nthreads)];
	struct poolwatch_pool *p = &l->pools[sim__random(seed, l->npools)];

	switch (sim__random(seed, 9)) {
	case 0: /* a hold from before the attach */
		t->hold[sim__random(seed, SIM_POOLS)].word = 0;
		break;
	case 1:
		t->flags |= POOLWATCH_THREAD_EXITED;
		break;
	case 2:
		t->flags |= POOLWATCH_THREAD_OVERFLOW;
		break;
	case 3:
		t->seq++; /* a lost return */
		break;
	case 4:
		eligible[t - l->threads] = false;
		break;
	case 5:
		p->flags |= POOLWATCH_POOL_AMBIGUOUS;
		break;
	case 6:
		p->flags |= POOLWATCH_POOL_UNCERTAIN;
		break;
	case 7:
		p->flags &= ~POOLWATCH_POOL_STATED;
		break;
	case 8:
		p->foreign++;
		break;
	}
}

TEST_F_TIMEOUT(sim, unknown, SIM_TIMEOUT)
{
	uint64_t seed = first_seed(0x7654321), rounds = 300000 * number("SIM_ROUNDS", 1), fewer = 0;
	struct ledger l = {0};
	struct sim_state s;

	for (uint64_t i = 0; i < rounds; i++) {
		bool eligible[SIM_THREADS] = {true, true, true, true};
		uint64_t was = seed;
		unsigned int all, some;

		random_state(&s, &seed, false);
		to_ledger(&s, &l);
		ASSERT_EQ(ledger__index(&l), 0);
		all = reduced(&l, eligible);
		forget_something(&l, eligible, &seed);
		if (sim__random(&seed, 2))
			forget_something(&l, eligible, &seed);
		some = reduced(&l, eligible);
		ASSERT_EQ(some & ~all, 0) TH_LOG("state %" PRIu64 ", seed 0x%" PRIx64, i, was);
		fewer += some != all;
	}
	ledger__clear(&l);
	ASSERT_GT(fewer, rounds / 20);
}

/* --- schedules: real threads, and books that follow them */

enum doing { RUNS, ASKS, WAITS, GRANTED, ENDS, FAILED, RETURNS, ENDED };

struct sim {
	struct sim_state real; /* nreq and req of real are set when the truth is asked for */
	struct ledger books;
	enum doing doing[SIM_THREADS];
	struct sim_request what[SIM_THREADS];
	uint64_t site[SIM_THREADS]; /* of what[] */
	bool handed_on[SIM_POOLS]; /* its units come back by other hands only, and none did yet when it begins */
	bool tries[SIM_THREADS]; /* does not wait if there is nothing */
	bool jumped[SIM_THREADS]; /* left its request, which stays in the books, and nobody has looked at it since */
	uint64_t seed;
	uint64_t told;
	bool wrong;
};

static void book_units(struct sim *m, int t, int p, int units)
{
	struct poolwatch_hold *h = &m->books.threads[t].hold[p];

	h->word = (hold_word(p, POOLWATCH_HOLD_UNITS(h->word) + units, 0) & (POOLWATCH_HOLD_GEN - 1)) |
		  ((h->word & ~(POOLWATCH_HOLD_GEN - 1)) + POOLWATCH_HOLD_GEN);
	if (units > 0)
		h->site = m->site[t];
	m->books.pools[p].in_use += units;
}

/* What is handed on is taken in a loop, at one place, by a thread that does nothing else; else there are two. */
static uint64_t request_site(struct sim *m, int p)
{
	return 0x402000 + 0x100 * p + (m->handed_on[p] ? 0 : 0x10 * sim__random(&m->seed, 2));
}

/* Thread @t takes one step. */
static void step(struct sim *m, int t)
{
	int p = sim__random(&m->seed, m->real.np);
	struct poolwatch_thread *bt = &m->books.threads[t];
	struct sim_request *w = &m->what[t];

	m->books.time += MS;
	switch (m->doing[t]) {
	case RUNS:
		if (sim__random(&m->seed, 2) && m->real.hold[t][p] && !m->handed_on[p]) {
			/* A release is booked when it is entered. */
			book_units(m, t, p, -1);
			m->books.pools[p].flags |= POOLWATCH_POOL_CONFIRMED;
			*w = (struct sim_request){.pool = p, .units = 1};
			m->doing[t] = RETURNS;
		} else if (sim__random(&m->seed, 3)) {
			*w = random_request(&m->real, &m->seed);
			for (int o = 0; o < m->real.np; o++)
				if (m->handed_on[o] && m->real.hold[t][o])
					*w = (struct sim_request){.pool = o, .units = 1};
			m->tries[t] = !sim__random(&m->seed, 4);
			m->site[t] = request_site(m, w->pool);
			bt->requests = 0;
			build__request(bt, w->pool, w->units, m->site[t])->flags = w->wait_on ? POOLWATCH_REQ_WAIT_ON : 0;
			m->doing[t] = ASKS;
		} else if (!sim__random(&m->seed, 40)) {
			bt->flags |= POOLWATCH_THREAD_EXITED;
			m->doing[t] = ENDED;
		}
		/* What it does shows in the books. */
		if (m->doing[t] != RUNS)
			m->jumped[t] = false;
		/*
		 * In a pool like that anybody may return what another holds; by handle, so that the books know whose it
		 * was.
		 */
		for (int o = 0; o < m->real.nt && m->doing[t] == RUNS && m->real.loose[p]; o++)
			if (o != t && m->real.hold[o][p] && POOLWATCH_HOLD_UNITS(m->books.threads[o].hold[p].word) &&
			    m->doing[o] != RETURNS) {
				book_units(m, o, p, -1);
				m->books.pools[p].foreign++;
				m->real.hold[o][p]--;
				break;
			}
		break;
	case ASKS:
	case WAITS:
		if (sim__free(&m->real, w->pool) >= w->units) {
			m->real.hold[t][w->pool] += w->wait_on ? 0 : w->units;
			m->doing[t] = GRANTED;
		} else if (m->doing[t] == WAITS && !sim__random(&m->seed, 30)) {
			/* Out of it by an exception: no return. */
			m->doing[t] = RUNS;
			m->jumped[t] = true;
		} else {
			m->doing[t] = m->tries[t] ? FAILED : WAITS;
		}
		break;
	case GRANTED:
	case FAILED:
		/* When the call returns the request ends, then the grant is booked. */
		bt->request[0].seq = 0;
		bt->requests = 0;
		m->doing[t] = m->doing[t] == GRANTED ? ENDS : RUNS;
		break;
	case ENDS:
		if (!w->wait_on)
			book_units(m, t, w->pool, w->units);
		m->doing[t] = RUNS;
		break;
	case RETURNS:
		m->real.hold[t][w->pool]--;
		m->doing[t] = RUNS;
		break;
	case ENDED:
		break;
	}
}

/* Copied record by record while the threads go on. */
static void torn_copy(struct sim *m, struct ledger *to)
{
	build__copy(to, &m->books, 0);
	for (size_t i = 0; i < m->books.npools; i++) {
		if (!sim__random(&m->seed, 3))
			step(m, sim__random(&m->seed, m->real.nt));
		to->pools[i] = m->books.pools[i];
	}
	for (size_t i = 0; i < m->books.nthreads; i++) {
		struct poolwatch_thread *t = &to->threads[i];

		if (!sim__random(&m->seed, 3))
			step(m, sim__random(&m->seed, m->real.nt));
		*t = m->books.threads[i];
		if (!sim__random(&m->seed, 3))
			step(m, sim__random(&m->seed, m->real.nt));
		memcpy(t->request, m->books.threads[i].request, sizeof(t->request));
	}
}

static enum judge_presence presence(void *ctx, const struct poolwatch_thread *t)
{
	struct sim *m = ctx;
	int i = t->tid - 101;

	/* Of the present, not of the copy that @t is from: in another request it is told apart by where that was made. */
	if (m->doing[i] == WAITS)
		return m->books.threads[i].seq == t->seq ? JUDGE_ASLEEP : JUDGE_AWAKE;
	if (m->doing[i] != RUNS || m->books.threads[i].requests == 0)
		return JUDGE_AWAKE;
	m->jumped[i] = false;
	return JUDGE_ELSEWHERE;
}

static unsigned int stuck_now(struct sim *m)
{
	struct sim_state s = m->real;

	for (int t = 0; t < s.nt; t++) {
		s.nreq[t] = m->doing[t] == WAITS || (m->doing[t] == ASKS && !m->tries[t]) || m->jumped[t];
		s.req[t][0] = m->what[t];
		/* Who ended gives nothing back itself, but somebody may do it for it. */
		for (int p = 0; p < s.np && m->doing[t] == ENDED; p++) {
			s.hidden[p] += s.hold[t][p];
			s.hold[t][p] = 0;
		}
	}
	return sim__stuck(&search, &s);
}

struct hearing {
	struct sim *m;
	unsigned int said; /* threads in deadlocks told */
};

static int hear_sim(void *ctx, struct finding *f)
{
	struct hearing *h = ctx;
	unsigned int truth;

	if (f->kind != FINDING_DEADLOCK || f->event == FINDING_RECOVERED || f->event == FINDING_RETRACTED)
		return 0;
	truth = stuck_now(h->m);
	for (size_t i = 0; i < f->nthreads; i++) {
		h->said |= 1u << (f->threads[i].tid - 101);
		if (!(truth & 1u << (f->threads[i].tid - 101)))
			h->m->wrong = true;
	}
	h->m->told++;
	return 0;
}

static void sim__begin(struct sim *m)
{
	struct ledger *l = &m->books;

	memset(&m->real, 0, sizeof(m->real));
	memset(m->jumped, 0, sizeof(m->jumped));
	m->wrong = false;
	m->real.np = 1 + sim__random(&m->seed, SIM_POOLS);
	m->real.nt = 1 + sim__random(&m->seed, SIM_THREADS);
	ledger__reset(l);
	l->time = T0;
	build__def(l, 0, "sem", 0);
	for (int p = 0; p < m->real.np; p++) {
		m->real.capacity[p] = 1 + sim__random(&m->seed, SIM_UNITS);
		m->real.hidden[p] = sim__random(&m->seed, 5) ? 0 : sim__random(&m->seed, m->real.capacity[p] + 1);
		m->real.loose[p] = !sim__random(&m->seed, 6);
		m->handed_on[p] = m->real.loose[p] && sim__random(&m->seed, 2);
		build__pool(l, p, 100, 0, m->real.capacity[p])->foreign = m->real.loose[p] && !m->handed_on[p];
	}
	for (int t = 0; t < m->real.nt; t++) {
		struct poolwatch_thread *bt = build__thread(l, t, 100, 101 + t);

		m->doing[t] = RUNS;
		for (int p = 0; p < m->real.np; p++)
			bt->hold[p].word = hold_word(p, 0, 0);
	}
	if (ledger__index(l))
		abort();
}

/*
 * All that is under way arrives, and the first of what was handed on: then each thread runs, for good, or waits for what it
 * does not get, or has ended.
 */
static void sim__rest(struct sim *m)
{
	bool moved;

	do {
		moved = false;
		for (int t = 0; t < m->real.nt; t++)
			while (m->doing[t] != RUNS && m->doing[t] != ENDED &&
			       (m->doing[t] != WAITS || sim__free(&m->real, m->what[t].pool) >= m->what[t].units)) {
				step(m, t);
				moved = true;
			}
	} while (moved);
	memset(m->jumped, 0, sizeof(m->jumped));
	for (int p = 0; p < m->real.np; p++)
		m->books.pools[p].foreign += m->handed_on[p];
}

/* Two looks of a judge that knows nothing yet. Return: the threads in deadlocks told. */
static unsigned int looked_at_rest(struct sim *m)
{
	const struct judge_options options = {.presence = presence, .presence_ctx = m};
	struct ledger now, before;
	struct hearing h = {.m = m};
	struct judge *j;

	build__copy(&before, &m->books, 0);
	/* Longer than anybody gets the benefit of a doubt. */
	m->books.time += 4 * SEC;
	build__copy(&now, &m->books, 0);
	if (judge__new(&options, &j) || judge__look(j, &before, NULL, hear_sim, &h) ||
	    judge__look(j, &now, &before, hear_sim, &h))
		abort();
	judge__free(j);
	ledger__clear(&now);
	ledger__clear(&before);
	return h.said;
}

TEST_F_TIMEOUT(sim, schedules, SIM_TIMEOUT)
{
	const struct judge_options options = {.presence = presence, .presence_ctx = NULL};
	uint64_t rounds = 40000 * number("SIM_ROUNDS", 1), stuck = 0;
	struct sim m = {.seed = first_seed(0xabcdef)};

	for (uint64_t i = 0; i < rounds; i++) {
		uint64_t was = m.seed;
		struct judge_options own = options;
		struct ledger copy[2] = {0};
		struct hearing h = {.m = &m};
		struct judge *j;
		int looks = 2 + sim__random(&m.seed, 5);
		unsigned int truth;

		own.presence_ctx = &m;
		sim__begin(&m);
		ASSERT_EQ(judge__new(&own, &j), 0);
		for (int k = 0; k < looks; k++) {
			struct ledger *now = &copy[k & 1], *before = k ? &copy[~k & 1] : NULL;

			for (uint32_t n = sim__random(&m.seed, 30); n; n--)
				step(&m, sim__random(&m.seed, m.real.nt));
			ledger__clear(now);
			torn_copy(&m, now);
			ASSERT_EQ(judge__look(j, now, before, hear_sim, &h), 0);
			ASSERT_FALSE(m.wrong) TH_LOG("schedule %" PRIu64 ", seed 0x%" PRIx64, i, was);
		}
		judge__free(j);
		ledger__clear(&copy[0]);
		ledger__clear(&copy[1]);
		sim__rest(&m);
		truth = stuck_now(&m);
		ASSERT_EQ(looked_at_rest(&m), truth) TH_LOG("at rest, schedule %" PRIu64 ", seed 0x%" PRIx64, i, was);
		stuck += !!truth;
	}
	ledger__clear(&m.books);
	ASSERT_GT(m.told, rounds / 10);
	ASSERT_GT(stuck, rounds / 10);
	ASSERT_LT(stuck, rounds * 9 / 10);
	ASSERT_EQ(__lsan_do_recoverable_leak_check(), 0);
}

TEST_HARNESS_MAIN
