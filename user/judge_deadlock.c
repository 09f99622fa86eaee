// SPDX-License-Identifier: GPL-2.0
/*
 * Deadlocks. Two copies of the ledger, then the reduction (judge_reduce.c, which says what it proves and why).
 *
 * The reduction is sound for threads whose requests and holds were all so at one moment. A single copy is not one
 * moment: it was read while the threads ran. But a thread whose request.seq and hold.word are the same in two copies,
 * made one after the other, was in that request with those holds at every moment between the two; so between the two,
 * all such threads were so together. Only they may count as waiting. Nothing is lost by this: a deadlock, once formed,
 * stays.
 *
 * A request need not be a wait: who only tries is inside it, too, and so is who was woken and has not run yet; on a
 * busy machine for longer than there is between two copies. And who left it by longjmp or an exception is not inside it
 * at all, but the books learn of that only by the next request. So all threads that would be left over in one copy are
 * looked at (judge_options.presence), and count in the next look, if they slept and are in the same request still.
 *
 * A thread that polls sleeps elsewhere, and may give up between two tries: only its next failing try shows that it did
 * not. A deadlock with pollers in it is told when each of them has tried again, in vain, since all were first seen
 * together.
 *
 * What is told of those left over is for judge_component.c.
 */
#include <errno.h>
#include <stdlib.h>
#include "cleanup.h"
#include "judge_internal.h"

#define UNDECIDED_NS 10000000000ull

/* A thread that was left over by the last copy alone; in slot order. */
struct judge_left {
	uint64_t thread;
	uint64_t seq;
	uint64_t first; /* ledger.time of the look that first had it in this request */
	bool asleep;	/* since then it was seen to sleep in it */
	enum judge_presence last;
};

/* What the look before left behind. Its owner is struct judge between two looks. */
struct lefts {
	struct judge_left *all;
	size_t n;
};

static void lefts__clear(struct lefts *l)
{
	free(l->all);
}

void judge_left__clear(struct judge *j)
{
	free(j->left);
	j->left = NULL;
	j->nleft = 0;
}

static bool unchanged(const struct poolwatch_thread *a, const struct poolwatch_thread *b)
{
	if (a->head.id != b->head.id || a->flags != b->flags || a->seq != b->seq || a->requests != b->requests)
		return false;
	for (uint32_t i = 0; i < a->requests && i < POOLWATCH_REQUESTS; i++)
		if (a->request[i].seq != b->request[i].seq || a->request[i].pool != b->request[i].pool)
			return false;
	for (int i = 0; i < POOLWATCH_HOLDS; i++)
		if (a->hold[i].word != b->hold[i].word)
			return false;
	return true;
}

/* Its process runs, and still the program that made the request. */
static bool process_lives(const struct ledger *l, const struct poolwatch_thread *t)
{
	const struct poolwatch_proc *proc = ledger__proc(l, t->head.tgid, t->space);

	return !proc || !(proc->flags & POOLWATCH_PROC_EXITED);
}

/*
 * What was remembered of @t, from @at on; NULL: nothing, or of another request. @at moves with the threads, in slot
 * order.
 */
static const struct judge_left *left__find(const struct lefts *lefts, const struct poolwatch_thread *t, size_t *at)
{
	while (*at < lefts->n && (uint32_t)lefts->all[*at].thread < (uint32_t)t->head.id)
		++*at;
	if (*at == lefts->n || lefts->all[*at].thread != t->head.id || lefts->all[*at].seq != t->seq)
		return NULL;
	return &lefts->all[*at];
}

void judge_left__find_elsewhere(struct judge_look *look)
{
	const struct lefts lefts = {look->judge->left, look->judge->nleft};

	for (size_t i = 0, at = 0; lefts.n && i < look->now->nthreads; i++) {
		const struct judge_left *left = left__find(&lefts, &look->now->threads[i], &at);

		if (left && left->last == JUDGE_ELSEWHERE)
			judge_look__set_elsewhere(look, i);
	}
}

static bool *eligible_threads(const struct judge_look *look, const struct lefts *lefts)
{
	const struct ledger *now = look->now, *before = look->before;
	const struct lefts asked = {look->judge->left, look->judge->nleft};
	bool *eligible = calloc(now->nthreads + 1, sizeof(*eligible));

	/* Both are in slot order. */
	for (size_t i = 0, k = 0, then = 0, at = 0; eligible && i < now->nthreads; i++) {
		const struct poolwatch_thread *t = &now->threads[i];
		const struct judge_left *was, *is;

		while (k < before->nthreads && (uint32_t)before->threads[k].head.id < (uint32_t)t->head.id)
			k++;
		if (k == before->nthreads || !t->requests || !unchanged(t, &before->threads[k]) ||
		    !process_lives(now, t))
			continue;
		was = left__find(lefts, t, &then);
		is = left__find(&asked, t, &at);
		eligible[i] = !look->judge->options.presence || (was && was->asleep && is && is->last == JUDGE_ASLEEP);
	}
	return eligible;
}

/* Who would be left over if this copy were one moment: to be asked, and to be known in the next look. */
static int remember_left(struct judge_look *look, const struct lefts *lefts)
{
	struct judge *j = look->judge;
	const struct ledger *l = look->now;
	_cleanup_free_ bool *over = calloc(l->nthreads + 1, sizeof(*over));
	struct judge_reduction r = {0};
	struct judge_left *left;
	size_t n = 0;
	int err;

	if (!over)
		return -ENOMEM;
	err = judge__reduce_with(l, look->pools, NULL, over, &r);
	if (err)
		return err;
	free(r.left);
	left = calloc(r.n + 1, sizeof(*left));
	if (!left)
		return -ENOMEM;
	for (size_t i = 0, at = 0; i < l->nthreads; i++) {
		const struct poolwatch_thread *t = &l->threads[i];
		enum judge_presence presence;
		const struct judge_left *old;

		if (!over[i])
			continue;
		old = left__find(lefts, t, &at);
		left[n] = old ? *old : (struct judge_left){.thread = t->head.id, .seq = t->seq, .first = l->time};
		presence = judge_look__presence(look, i);
		if (presence == JUDGE_ASLEEP)
			left[n].asleep = true;
		else if (presence == JUDGE_ELSEWHERE)
			left[n].asleep = false;
		/* Where it was, if it only wakes up for a moment. */
		if (presence != JUDGE_AWAKE || left[n].last != JUDGE_ELSEWHERE)
			left[n].last = presence;
		if (left[n].last == JUDGE_ELSEWHERE)
			judge_look__set_elsewhere(look, i);
		n++;
	}
	j->left = left;
	j->nleft = n;
	return 0;
}

static int prove(struct judge_look *look, const struct lefts *lefts)
{
	const struct ledger *l = look->now;
	_cleanup_free_ bool *eligible = eligible_threads(look, lefts);
	_cleanup_free_ uint64_t *first = calloc(l->nthreads + 1, sizeof(*first));
	struct judge_reduction r = {0};
	int err;

	if (!eligible || !first)
		return -ENOMEM;
	err = judge__reduce_with(l, look->pools, eligible, look->deadlocked, &r);
	if (err)
		return err;
	for (size_t i = 0, at = 0; i < l->nthreads && r.n; i++) {
		const struct judge_left *left =
		    look->deadlocked[i] ? left__find(lefts, &l->threads[i], &at) : NULL;

		first[i] = left ? left->first : l->time;
	}
	if (r.n)
		err = judge_components(look, &r, first);
	free(r.left);
	return err;
}

static bool polls(const struct ledger *l, const struct poolwatch_thread *t)
{
	for (uint32_t k = 0; k < t->requests && k < POOLWATCH_REQUESTS; k++)
		if (t->request[k].flags & POOLWATCH_REQ_POLL && t->request[k].tried + UNDECIDED_NS > l->time)
			return true;
	return false;
}

static bool anybody_undecided(const struct judge_look *look)
{
	const struct lefts lefts = {look->judge->left, look->judge->nleft};
	const struct ledger *l = look->now;

	for (size_t i = 0, at = 0; i < l->nthreads; i++) {
		const struct poolwatch_thread *t = &l->threads[i];
		const struct judge_left *left = left__find(&lefts, t, &at);

		if (look->deadlocked[i] || look->open[i] || t->flags & POOLWATCH_THREAD_EXITED)
			continue;
		if (left && left->last != JUDGE_ELSEWHERE && left->first + UNDECIDED_NS > l->time)
			return true;
		if (polls(l, t))
			return true;
	}
	for (size_t i = 0; i < look->nfound; i++)
		if (look->found[i].kind == FINDING_DEADLOCK && look->found[i].held_back && !look->found[i].said)
			return true;
	return false;
}

int judge_deadlock(struct judge_look *look)
{
	_cleanup_(lefts__clear) struct lefts before = {look->judge->left, look->judge->nleft};
	int err;

	look->judge->left = NULL;
	look->judge->nleft = 0;
	/*
	 * Who counts slept in its request after the copy before this one, and does so still: between the two, it was in what both
	 * copies show.
	 */
	err = remember_left(look, &before);
	if (!err && look->before)
		err = prove(look, &before);
	look->judge->undecided = anybody_undecided(look);
	return err;
}
