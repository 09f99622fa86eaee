/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The judge: snapshots in, findings out. Pure: it reads no clock, does no I/O. All it remembers is what it has said, to
 * say it once, to count repeats, and to say when it ended.
 */
#ifndef POOLWATCH_JUDGE_H
#define POOLWATCH_JUDGE_H

#include "finding.h"
#include "ledger.h"

/* What can be seen of a thread from outside. */
enum judge_presence {
	JUDGE_AWAKE,	 /* it runs, or could not be looked at this time */
	JUDGE_ASLEEP,	 /* it sleeps, and nothing says that it does so outside its requests */
	JUDGE_ELSEWHERE, /* it sleeps, and not in its requests: they were left, and their returns were never seen */
};

struct judge_options {
	uint64_t stall_ns;  /* a wait longer than this, without a grant, is a stall; 0: never */
	uint64_t leak_ns;   /* a hold older than this is a leak; 0: only by exit */
	uint64_t repeat_ns; /* the least time between two reports of the same finding; doubles each time */
	/*
	 * Asked after each copy for those that may be deadlocked or stall: one that only tries, or was woken but has
	 * not run yet, is also inside its request, and on a busy machine may be for long; and one that left its request
	 * by longjmp or an exception seems to be in it until it makes the next. @t is of the copy judged. NULL: all are
	 * asleep in their requests.
	 */
	enum judge_presence (*presence)(void *ctx, const struct poolwatch_thread *t);
	void *presence_ctx;
};

struct judge;

int judge__new(const struct judge_options *options, struct judge **out);
void judge__free(struct judge *j);

/*
 * judge__look - judge snapshot @now, confirmed by @before
 *
 * @before: an earlier snapshot of the same session (NULL: none yet, then nothing is proven). A deadlock is reported
 * only of threads whose requests and holds are the same in both: they were in it all the time between (see the ABI
 * header), and a deadlock, once formed, stays.
 * @emit: called for each new, repeated, recovered or retracted finding, in an order that depends only on the records'
 * contents. The finding is the judge's; what the callee wants to keep it copies. Sites and stacks hold addresses
 * only: naming them is the caller's work. A non-zero return of @emit ends the look and is returned.
 *
 * Return: 0, what @emit returned, or -ENOMEM.
 */
int judge__look(struct judge *j, const struct ledger *now, const struct ledger *before,
		int (*emit)(void *ctx, struct finding *f), void *ctx);

/*
 * judge__event - what cannot be seen in a snapshot any more: exits while holding, returned leaks, ended processes.
 * Findings come with the next judge__look.
 */
int judge__event(struct judge *j, const struct poolwatch_event *event);

/*
 * Whether a deadlock may be forming: 0 unless somebody holds and waits, else a number that changes with who does, with what he
 * holds and with his request. Then look again within 50 ms, else when an event says so.
 */
uint64_t judge__tension(const struct ledger *now);

/*
 * After judge__look: somebody cannot go on, as this one copy shows him, and that was neither proven nor told; or he polls, and may
 * try again. What is missing may not change the tension (that he falls asleep, say), so that only other looks tell. What was not
 * decided after ten seconds may be later, but is not waited for.
 */
bool judge__is_undecided(const struct judge *j);

/*
 * The reduction by itself. deadlocked[i] is set for the threads of @l that are left over; only threads for which
 * @eligible is NULL or true count as waiting, all others as able to finish. Pools whose capacity is not certain
 * satisfy every request. Return: the number of threads left over, or -ENOMEM.
 */
int judge__reduce(const struct ledger *l, const bool *eligible, bool *deadlocked);

#endif
