/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What people look at, computed from snapshots: a row a pool, a row a thread, a row a cause of loss; and the columns of
 * each (table.h). Pure. Rows point into the ledger they were made from, which must outlive them.
 */
#ifndef POOLWATCH_VIEWS_H
#define POOLWATCH_VIEWS_H

#include <stdbool.h>
#include "finding.h"
#include "ledger.h"
#include "table.h"

enum view_state {
	VIEW_OK,	/* less than three quarters in use */
	VIEW_BUSY,	/* three quarters and more, or somebody waits */
	VIEW_FULL,	/* all in use */
	VIEW_STALL,	/* full, and nothing granted for longer than the threshold while somebody waits */
	VIEW_DEADLOCK,	/* proven */
	VIEW_UNCERTAIN, /* the books may be wrong */
	VIEW_NO_POOL,	/* signalling, unconfirmed, destroyed, or its definition was detached */
};
const char *view_state__name(enum view_state state);

/* Of one session: what all its rows say. */
struct view_session {
	uint32_t number;
	const char *mode; /* "direct" or "device"; not the view's */
};

struct view_pool {
	const struct poolwatch_pool *pool;
	const struct view_session *session;
	char name[POOLWATCH_NAME + 1]; /* the definition's */
	char comm[POOLWATCH_COMM + 1]; /* the process's, "" if not known */
	enum view_state state;
	int64_t capacity; /* POOLWATCH_UNKNOWN */
	enum ledger_capacity capacity_known;
	int64_t unknown;
	uint32_t holders;	 /* threads */
	uint32_t waiters;	 /* threads with a request in progress */
	uint64_t oldest_wait_ns; /* of a waiter; 0: none waits */
	uint64_t oldest_hold_ns;
	uint64_t now;
	double mean_rate; /* grants per second since it was first seen */
	bool has_recent;  /* a snapshot of at least 50 ms before has this pool: */
	double rate;	  /* grants per second since then */
	uint64_t interval_ns;
	__u64 hold[POOLWATCH_BUCKETS]; /* since then */
	__u64 wait[POOLWATCH_BUCKETS];
	int64_t safe_threads; /* nesting at once; POOLWATCH_UNKNOWN: depth or capacity is not known */
};

struct view_thread {
	const struct poolwatch_thread *record;
	const struct view_session *session;
	struct finding_thread
		who; /* as a finding has it; its strings are the ledger's, but those of frames are its own */
	bool deadlocked;
	uint32_t units; /* held, of all pools */
	uint64_t oldest_hold_ns;
	uint64_t wait_ns; /* of its innermost request; 0: none */
	char comm[POOLWATCH_COMM + 1];
	char pools_text[96]; /* "sem, db x2" */
};

struct view_counter {
	const struct poolwatch_counter *counter;
	const struct view_session *session;
	enum poolwatch_cause cause;
	uint64_t age_ns; /* since it last counted */
};

struct view_cost {
	const struct poolwatch_def *def;
	const struct view_session *session;
};

struct views_options {
	uint64_t stall_ns; /* 0: default, 5 s */
	bool threads;	   /* make their rows */
	bool all;	   /* rows for what is no pool, too; for counters that are 0, too */
};
#define VIEWS_STALL_NS 5000000000ull

struct views {
	struct view_session session;
	struct view_pool *pools; /* by process, name, key */
	size_t npools;
	struct view_thread *threads; /* by process and number */
	size_t nthreads;
	struct view_counter counters[POOLWATCH_CAUSES];
	size_t ncounters;
	struct finding_hold *holds; /* of all threads */
	size_t room_pools, room_threads, room_holds;
};

/*
 * views__make - the rows of @now. @before: an earlier snapshot of the same session, for rates and for proof of a
 * deadlock; NULL: none. @v is cleared first, its memory used again. Return: 0 or -ENOMEM, then @v is empty.
 */
int views__make(struct views *v, const struct ledger *now, const struct ledger *before, const char *mode,
		const struct views_options *o);
void views__clear(struct views *v);

/* Where it asks, else where it took the oldest unit. NULL: nowhere. Lies in the row: not to be kept where rows move. */
const struct finding_frame *view_thread__site(const struct view_thread *t);

/*
 * Which threads of @now are deadlocked for certain: left over by the reduction, in the same requests and holds as in
 * @before.
 * @deadlocked: room for @now->nthreads. Return: how many, or -ENOMEM. (views_proof.c)
 */
int views__deadlocked(const struct ledger *now, const struct ledger *before, bool *deadlocked);

/* Threads that may nest at once without a deadlock: C >= T*(d-1)+1. POOLWATCH_UNKNOWN: d < 2 or C unknown. */
int64_t views__safe_threads(int64_t capacity, uint32_t depth);

extern const struct table views_pools, views_threads, views_counters, views_costs;

const char *view_cause__name(enum poolwatch_cause cause);
const char *view_cause__help(enum poolwatch_cause cause);

#endif
