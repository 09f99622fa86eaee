/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The parts of the judge, seen by one another. A look goes through them in order: each kind of finding gathers what is
 * so (struct judge_found, small), judge_track decides what of that is to be told, and only that is filled in and
 * emitted.
 */
#ifndef POOLWATCH_JUDGE_INTERNAL_H
#define POOLWATCH_JUDGE_INTERNAL_H

#include "judge.h"

/* What makes two findings the same one: words that depend on the records' contents only, never on where they lie. */
#define JUDGE_KEY 6
struct judge_key {
	uint64_t v[JUDGE_KEY];
};

/* A thread in one request; it is in the same one while both are the same. */
struct judge_member {
	uint64_t thread; /* head.id */
	uint64_t seq;
};

/* A finding that was told (or is held back as a repeat): what is remembered of it. */
struct judge_said {
	enum finding_kind kind;
	struct judge_key key;
	uint32_t id;
	bool open;	/* it holds now, as of the last look */
	bool announced; /* the present opening was emitted, so its end will be, too */
	bool seen;	/* in the look going on */
	bool ending;	/* a deadlock that is over, but how is not seen yet: see track__missing */
	uint64_t count;
	uint64_t outstanding; /* leaks: of them, those not returned as of the last look */
	uint64_t failures;    /* of the pool when the present opening was seen */
	uint64_t since;	      /* the present opening formed */
	uint64_t told;	      /* last emitted */
	uint64_t pause;	      /* the least time until the next */
	struct judge_member *members;
	size_t nmembers;
	struct finding last; /* as last emitted, without threads, exe, container and explanation */
};

struct judge {
	struct judge_options options;
	struct judge_said *said;
	size_t nsaid, room;
	uint32_t ids;		 /* given */
	uint32_t *index;	 /* of said + 1, by hash of kind and key; open addressing */
	size_t slots;		 /* of index, a power of two */
	struct judge_left *left; /* see judge_deadlock.c */
	size_t nleft;
	bool undecided; /* see judge.h */
	struct poolwatch_event *events; /* since the last look */
	size_t nevents, events_room;
	struct judge_exit *exits; /* see judge_leak.c */
	size_t nexits, exits_room;
};

/* What a look needs to know of each pool, by its index in now->pools. */
struct judge_pool {
	int64_t capacity; /* POOLWATCH_UNKNOWN */
	enum ledger_capacity how;
	bool judged;	 /* a pool at all */
	bool holders;	 /* who holds its units is known: by the books, nobody else returns them */
	bool provable;	 /* certain in everything a proof needs */
	bool tried;	 /* a unit has come back from who took it */
	bool deadlocked; /* somebody who is deadlocked waits for it; once judge_stall has looked */
	int64_t waiters;
};

struct judge_look {
	struct judge *judge;
	const struct ledger *now;
	const struct ledger *before; /* NULL: none */
	struct judge_pool *pools;
	struct judge_found *found;
	size_t nfound, room;
	uint32_t *open; /* by index in now->threads: index + 1 in judge->said of the open deadlock it is in, and not elsewhere */
	bool *deadlocked; /* by index in now->threads, once judge_deadlock has looked */
	bool *elsewhere;  /* by index in now->threads: it was seen outside its requests */
	int (*emit)(void *ctx, struct finding *f);
	void *ctx;
};

struct judge_found {
	enum finding_kind kind;
	struct judge_key key;
	uint64_t pool;	/* head.id of the main one; 0: not about one */
	uint64_t count; /* occurrences, of the kinds that count them; else 1 */
	uint64_t since; /* CLOCK_MONOTONIC ns: when it formed */
	uint32_t said;	/* index + 1 of the one it continues, if the kind knows better than by key */
	bool held_back; /* goes on if it was told before, but is not told anew yet */
	/* Who: indexes in now->threads. The first ncore hold what others wait for. Owned. */
	uint32_t *threads;
	size_t nthreads, ncore;
	/*
	 * Where: indexes in now->pools (deadlock, stall) or now->edges (nested, order), the first is the main one.
	 * Owned.
	 */
	uint32_t *places;
	size_t nplaces;
	/* Leaks: indexes in judge->exits of threads that left no record. Owned. */
	uint32_t *exits;
	size_t nexits;
	uint32_t units; /* leaks: all of them together */
	int how;	/* leaks: see judge_leak.c */
	int (*fill)(const struct judge_look *look, const struct judge_found *found, struct finding *f);
};

/* One more, zeroed; NULL: no memory. */
struct judge_found *judge_look__add(struct judge_look *look);

/* judge.c: what they all need */
int64_t judge_pool__index(const struct ledger *l, uint64_t id); /* in l->pools, or -1 */
struct judge_key judge__key(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);
uint64_t judge__mix(uint64_t hash, uint64_t value);
int judge__assess(const struct ledger *l, struct judge_pool *pools);
/* The first words of a finding: pool, process, times. */
void judge__about(const struct judge_look *look, struct finding *f, const struct poolwatch_pool *p);
/*
 * A thread with its holds and its request, NULL site names. Return: 0 or -ENOMEM (what was filled in is @out's to
 * clear).
 */
int judge__thread(const struct judge_look *look, const struct poolwatch_thread *t, struct finding_thread *out);
int judge__hold(const struct judge_look *look, const struct poolwatch_pool *p, uint32_t units, uint64_t site,
		struct finding_hold *out);
int judge__threads(const struct judge_look *look, const struct judge_found *found, struct finding *f);
int judge__explain(struct finding *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Index in @l of the thread with this head.id, or -1. */
int64_t judge__find_thread(const struct ledger *l, uint64_t id);
void judge__pool_name(const struct ledger *l, const struct poolwatch_pool *p, char name[POOLWATCH_NAME]);
int judge__compare_pools(const struct poolwatch_pool *a, const struct poolwatch_pool *b);
/* A pool and something else, as a key. */
struct judge_key judge__pool_key(const struct poolwatch_pool *p, uint64_t what);
int judge__compare_threads(const struct ledger *l, uint32_t a, uint32_t b);
/* For qsort_r of indexes in now->threads, with the ledger; and for qsort of numbers. */
int judge__by_thread(const void *a, const void *b, void *ledger);
int judge__by_u64(const void *a, const void *b);
static inline const char *judge__plural(int64_t n)
{
	return n == 1 ? "" : "s";
}
/* Is thread @t asleep in its requests, as far as its own record says? */
bool judge__waits(const struct ledger *l, const struct poolwatch_thread *t);

/* The same, and it was not seen elsewhere. @i: index in now->threads. */
bool judge_look__waits(const struct judge_look *look, size_t i);
/* It is elsewhere: neither a waiter of its pools nor of anything else. */
void judge_look__set_elsewhere(struct judge_look *look, size_t i);
/* Ask whoever can see it. Pollers sleep elsewhere by nature, and a goroutine's stack is not its thread's. */
enum judge_presence judge_look__presence(const struct judge_look *look, size_t i);

/*
 * Of a pool that was not tried yet, who asks for another unit where it took the first may do so because it handed that one on,
 * for another thread to return: a loop that sends things off looks so until the first of them is through. Nobody is blamed for
 * it before this long. Who asks elsewhere, deeper in its own work, nests.
 */
#define JUDGE_HANDED_ON_NS 3000000000ull
/* May the unit in @h, of the pool with index @p in now->pools, have been handed on by @t, which now asks for another? */
bool judge__may_be_handed_on(const struct judge_look *look, const struct poolwatch_thread *t, const struct poolwatch_hold *h,
			     int64_t p);

/* judge_nested.c */
int judge_nested(struct judge_look *look);
void judge__sizing(struct finding *f, uint32_t depth, int64_t threads, int64_t capacity);

/* judge_order.c */
int judge_order(struct judge_look *look);

/* judge_reduce.c */
struct judge_reduction {
	int64_t *left; /* free units per pool when nobody else could finish; INT64_MAX: not a pool to wait for */
	size_t n;      /* threads left over */
};
int judge__reduce_with(const struct ledger *l, const struct judge_pool *pools, const bool *eligible, bool *deadlocked,
		       struct judge_reduction *r);

/* judge_deadlock.c */
int judge_deadlock(struct judge_look *look);
/* Those that the look before saw elsewhere, and that made no request since. */
void judge_left__find_elsewhere(struct judge_look *look);
void judge_left__clear(struct judge *j);

/* judge_component.c: the findings of those left over. @first: per thread, when it was first left over */
int judge_components(struct judge_look *look, const struct judge_reduction *r, const uint64_t *first);

/* judge_stall.c */
int judge_stall(struct judge_look *look);

/* judge_leak.c */
int judge_leak(struct judge_look *look);
void judge_exits__clear(struct judge *j);

/* judge_track.c */
int judge_track(struct judge_look *look);
/*
 * Index + 1 of the open finding of the same kind that has one of the core's threads in the request it is in now; 0:
 * none.
 */
void judge_said__find_open(struct judge_look *look);
uint32_t judge_said__by_threads(const struct judge_look *look, const struct judge_found *found);
void judge_said__clear(struct judge_said *s);

#endif
