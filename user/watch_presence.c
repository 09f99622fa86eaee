// SPDX-License-Identifier: GPL-2.0
/*
 * Is a thread in its requests, as its books say? It sleeps, and the calls it made are on its stack: their return addresses are
 * what the requests name as their sites. A call that was left by longjmp, an exception or a switch of stacks is not there, though
 * its return was never seen. What is seen so is put into the thread's record, for other readers of the ledger.
 *
 * Looked at from outside, through /proc and a BPF task iterator: nothing is stopped. Where a stack cannot be read to its end, a
 * thread that sleeps counts as being where its books say.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "watch_int.h"

#define MS	  1000000ull
#define AGAIN_NS  (1000 * MS) /* the least time until a thread that was seen is looked at again; then as long as it is known */
#define BUDGET_NS (20 * MS)   /* for stacks, in one look; the others have their turn in the next */
#define MAX_SLOT  0xfffffu

static struct watch_seen *seen_of(struct watch *w, const struct poolwatch_thread *t)
{
	uint32_t slot = (uint32_t)t->head.id;

	if (slot > MAX_SLOT)
		return NULL;
	if (slot >= w->nseen) {
		size_t room = slot + slot / 2 + 64;
		struct watch_seen *grown = reallocarray(w->seen, room, sizeof(*grown));

		if (!grown)
			return NULL;
		memset(grown + w->nseen, 0, (room - w->nseen) * sizeof(*grown));
		w->seen = grown;
		w->nseen = room;
	}
	return &w->seen[slot];
}

/* Return addresses of the calls in progress, innermost first. Return: how many; 0 if one of them is not known as one. */
static size_t sites_of(const struct poolwatch_thread *t, uint64_t sites[POOLWATCH_REQUESTS])
{
	size_t n = 0;

	for (uint32_t i = t->requests < POOLWATCH_REQUESTS ? t->requests : POOLWATCH_REQUESTS; i-- > 0;) {
		const struct poolwatch_request *r = &t->request[i];

		if (!r->seq || !r->site || r->site & PW_PYTHON_SITE || r->flags & POOLWATCH_REQ_BEFORE)
			return 0;
		sites[n++] = r->site;
	}
	return n;
}

static enum judge_presence look_at(struct watch *w, const struct poolwatch_thread *t)
{
	const struct watched *d = watch__find(w, t->head.tgid);
	uint64_t sites[POOLWATCH_REQUESTS];
	struct watch_sample now, after;
	size_t n = sites_of(t, sites);
	int r;

	if (!d || !n)
		return JUDGE_ASLEEP;
	r = watch__sample_now(w, t->tid, &now);
	if (r)
		return r == -EAGAIN || r == -ESRCH ? JUDGE_AWAKE : JUDGE_ASLEEP;
	if (stack__returns_to(w->namer, &d->t, &now.sample, sites, n))
		return JUDGE_ASLEEP;
	/* It went on while it was looked at: what was read may be of two moments. */
	if (watch__sample_now(w, t->tid, &after) || memcmp(now.regs, after.regs, sizeof(now.regs)))
		return JUDGE_AWAKE;
	return JUDGE_ELSEWHERE;
}

enum judge_presence watch__presence(void *watch, const struct poolwatch_thread *t)
{
	struct watch *w = watch;
	struct watch_seen *s = seen_of(w, t);
	uint64_t begin = watch__clock();
	enum judge_presence presence;
	bool known = s && s->thread == t->head.id && s->seq == t->seq;

	if (known && begin < s->again)
		return s->presence;
	if (w->seeing > BUDGET_NS)
		return JUDGE_AWAKE;
	if (t->flags & POOLWATCH_THREAD_GOROUTINE)
		presence = watch_goroutine__presence(w, t);
	else
		presence = target__sleeps(t->head.tgid, t->tid) > 0 ? look_at(w, t) : JUDGE_AWAKE;
	if (presence != JUDGE_AWAKE)
		loader__set_left(w->loader, t->head.id, presence == JUDGE_ELSEWHERE ? t->seq : 0);
	w->seeing += watch__clock() - begin;
	if (!s || presence == JUDGE_AWAKE)
		return presence;
	if (!known)
		*s = (struct watch_seen){ .thread = t->head.id, .seq = t->seq, .first = begin };
	s->presence = presence;
	s->again = begin + (begin - s->first > AGAIN_NS ? begin - s->first : AGAIN_NS);
	return presence;
}
