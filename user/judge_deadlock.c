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
 * busy machine for longer than there is between two copies. So all threads that would be left over in one copy are
 * asked whether they sleep (judge_options.asleep), and count in the next look, if they are in the same request still.
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

/* A thread that was left over by the last copy alone; in slot order. */
struct judge_left {
	uint64_t thread;
	uint64_t seq;
	uint64_t first; /* ledger.time of the look that first had it in this request */
	bool asleep;	/* since then it was seen to sleep */
};

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

static bool polls(const struct poolwatch_thread *t)
{
	for (uint32_t k = 0; k < t->requests && k < POOLWATCH_REQUESTS; k++)
		if (t->request[k].flags & POOLWATCH_REQ_POLL)
			return true;
	return false;
}

/*
 * What was remembered of @t, from @at on; NULL: nothing, or of another request. @at moves with the threads, in slot
 * order.
 */
static const struct judge_left *left__find(const struct judge *j, const struct poolwatch_thread *t, size_t *at)
{
	while (*at < j->nleft && (uint32_t)j->left[*at].thread < (uint32_t)t->head.id)
		++*at;
	if (*at == j->nleft || j->left[*at].thread != t->head.id || j->left[*at].seq != t->seq)
		return NULL;
	return &j->left[*at];
}

static bool *eligible_threads(const struct judge_look *look)
{
	const struct ledger *now = look->now, *before = look->before;
	const struct judge *j = look->judge;
	bool *eligible = calloc(now->nthreads + 1, sizeof(*eligible));

	/* Both are in slot order. */
	for (size_t i = 0, k = 0, at = 0; eligible && i < now->nthreads; i++) {
		const struct poolwatch_thread *t = &now->threads[i];
		const struct judge_left *left;

		while (k < before->nthreads && (uint32_t)before->threads[k].head.id < (uint32_t)t->head.id)
			k++;
		if (k == before->nthreads || !t->requests || !unchanged(t, &before->threads[k]) ||
		    !process_lives(now, t))
			continue;
		left = left__find(j, t, &at);
		eligible[i] =
		    !j->options.asleep || polls(t) || t->flags & POOLWATCH_THREAD_GOROUTINE || (left && left->asleep);
	}
	return eligible;
}

/* Who would be left over if this copy were one moment: to be asked, and to be known in the next look. */
static int remember_left(struct judge_look *look)
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
		const struct judge_left *old;

		if (!over[i])
			continue;
		old = left__find(j, t, &at);
		left[n] = old ? *old : (struct judge_left){t->head.id, t->seq, l->time, false};
		if (!left[n].asleep && j->options.asleep && !polls(t) && !(t->flags & POOLWATCH_THREAD_GOROUTINE))
			left[n].asleep = j->options.asleep(j->options.asleep_ctx, t->head.tgid, t->tid);
		n++;
	}
	free(j->left);
	j->left = left;
	j->nleft = n;
	return 0;
}

static int prove(struct judge_look *look)
{
	const struct ledger *l = look->now;
	_cleanup_free_ bool *eligible = eligible_threads(look);
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
		    look->deadlocked[i] ? left__find(look->judge, &l->threads[i], &at) : NULL;

		first[i] = left ? left->first : l->time;
	}
	if (r.n)
		err = judge_components(look, &r, first);
	free(r.left);
	return err;
}

int judge_deadlock(struct judge_look *look)
{
	int err = look->before ? prove(look) : 0;

	/* Afterwards: what is remembered in this look counts in the next. */
	return err ? err : remember_left(look);
}
