// SPDX-License-Identifier: GPL-2.0
/*
 * Where a goroutine is. While none of its threads runs it, its struct g says how far its stack reaches and where its frames begin,
 * and every function of Go has a frame pointer: so it is seen whether the call that it asked in is still among them. A panic
 * that was recovered, or runtime.Goexit, leaves such a call without a return; and a goroutine that ended tells nobody.
 *
 * Read from outside; nothing is stopped, so it is read twice. Structs of goroutines are used again, and never unmapped.
 */
#include <string.h>
#include "watch_int.h"

#define SWEEP_NS   1000000000ull /* between two, and how old a request must be */
#define MAX_FRAMES 128

/*
 * Of struct g, in every Go that passes arguments in registers: lo and hi of the stack; from SCHED on the registers of a goroutine
 * that does not run (sp, pc, g itself, ...), of which the last is the frame pointer, in one of two places; and the status, in the
 * two words before the goroutine's number.
 */
#define STACK_HI    8
#define SCHED	    56
#define SCHED_SP    SCHED
#define SCHED_SELF  (SCHED + 16)
#define SCHED_BP    (SCHED + 40) /* since 1.25 */
#define SCHED_BP_118 (SCHED + 48)
#define STATUS_BACK 8 /* bytes before the number */
#define G_MAX	    512

enum { G_SYSCALL = 3, G_WAITING = 4, G_DEAD = 6, G_SCAN = 0x1000 };

struct state {
	uint64_t hi, sp, bp;
	uint64_t goid;
	uint32_t status;
	bool known; /* the struct looks as it should */
};

static uint64_t word_at(const uint8_t *g, size_t offset)
{
	uint64_t v;

	memcpy(&v, g + offset, sizeof(v));
	return v;
}

static int read_state(const struct watched *d, const struct pw_goroutine *own, struct state *out)
{
	uint8_t g[G_MAX];
	int err;

	if (own->goid_offset > G_MAX - 8 || own->goid_offset < SCHED_BP_118 + 8 + STATUS_BACK)
		return -1;
	err = target__read((void *)&d->t, own->g, g, own->goid_offset + 8);
	if (err)
		return err;
	memset(out, 0, sizeof(*out));
	out->hi = word_at(g, STACK_HI);
	out->sp = word_at(g, SCHED_SP);
	out->bp = word_at(g, SCHED_BP);
	if (out->bp < out->sp || out->bp >= out->hi)
		out->bp = word_at(g, SCHED_BP_118);
	out->goid = word_at(g, own->goid_offset);
	out->status = (uint32_t)word_at(g, own->goid_offset - STATUS_BACK) & ~G_SCAN;
	out->known = word_at(g, SCHED_SELF) == own->g;
	return 0;
}

/* Is the call whose return address lies at @at among the frames? What cannot be followed to there is taken for it. */
static bool is_in_call(const struct watched *d, const struct state *s, uint64_t at)
{
	uint64_t bp = s->bp, next;

	if (s->sp > at)
		return false;
	for (int i = 0; i < MAX_FRAMES && bp >= s->sp && bp < s->hi; i++) {
		if (bp + 8 >= at)
			return bp + 8 == at;
		if (target__read((void *)&d->t, bp, &next, sizeof(next)) || next <= bp)
			return true;
		bp = next;
	}
	return true;
}

enum judge_presence watch_goroutine__presence(struct watch *w, const struct poolwatch_thread *t)
{
	const struct watched *d = watch__find(w, t->head.tgid);
	struct pw_goroutine own;
	struct state s, after;

	if (!d || loader__goroutine(w->loader, t->head.id, &own) || read_state(d, &own, &s))
		return JUDGE_ASLEEP;
	if (s.goid != t->owner || s.status == G_DEAD)
		return JUDGE_ELSEWHERE;
	if (s.status != G_WAITING && s.status != G_SYSCALL)
		return JUDGE_AWAKE;
	if (!s.known || is_in_call(d, &s, s.hi + own.sp))
		return JUDGE_ASLEEP;
	return read_state(d, &own, &after) || memcmp(&s, &after, sizeof(s)) ? JUDGE_AWAKE : JUDGE_ELSEWHERE;
}

void watch_goroutine__sweep(struct watch *w, uint64_t now)
{
	const struct ledger *l = &w->snap[w->now];

	if (now < w->swept + SWEEP_NS)
		return;
	w->swept = now;
	for (size_t i = 0; i < l->nthreads; i++) {
		const struct poolwatch_thread *t = &l->threads[i];

		if (t->flags & POOLWATCH_THREAD_GOROUTINE && t->requests && t->requests <= POOLWATCH_REQUESTS &&
		    t->request[t->requests - 1].since + SWEEP_NS < l->time && watch__presence(w, t) == JUDGE_ELSEWHERE)
			loader__rest_goroutine(w->loader, t->head.id, t->seq);
	}
}
