// SPDX-License-Identifier: GPL-2.0
/* Whole stacks of what is held, as the watch sees them: unwound once, then known to the programs by number. See bpf/stacks.h. */
#include <errno.h>
#include <stdlib.h>
#include "watch_int.h"

/*
 * Return addresses from that of the acquire outward, as far as it is known where they lie. What the probed function has called by
 * then, if anything, is passed over. Return: how many; the first is known in any case.
 */
static uint32_t unwind(struct watch *w, const struct watched *d, const struct pw_record *r, const struct stack_sample *sample,
		       uint64_t *pc, uint16_t *at)
{
	uint64_t out[PW_STACK_FRAMES + 2], slots[PW_STACK_FRAMES + 2];
	int depth = stack__unwind_slots(w->namer, &d->t, sample, out, slots, PW_STACK_FRAMES + 2), i = 1;
	uint32_t n = 1;

	pc[0] = r->event.site;
	at[0] = 0;
	while (i < depth && slots[i] != r->entry_sp)
		i++;
	if (i >= depth || out[i] != r->event.site)
		return n;
	while (++i < depth && n < PW_STACK_FRAMES) {
		uint64_t off = slots[i] - r->entry_sp;

		if (slots[i] <= slots[i - 1] || off % 8 || off / 8 > UINT16_MAX)
			break;
		pc[n] = out[i];
		at[n++] = off / 8;
	}
	return n;
}

void watch_stacks__learn(struct watch *w, struct watched *d, const struct pw_record *r)
{
	uint64_t pc[PW_STACK_FRAMES];
	uint16_t at[PW_STACK_FRAMES];
	struct watch_sample s;

	if (!d || watch__sample_of(r, &s))
		return;
	watch__catch_up(w, d, r->event.site);
	loader__learn_stack(w->loader, d->t.pid, r->stack_id, pc, at, unwind(w, d, r, &s.sample, pc, at));
}

int watch_stacks__frames(struct watch *w, const struct watched *d, uint64_t id, struct finding_frame **out, size_t *n)
{
	uint64_t pc[PW_STACK_FRAMES];
	struct pw_stack stack;

	if (loader__stack(w->loader, id, &stack) || stack.tgid != d->t.pid || !stack.n)
		return -ENOENT;
	for (uint32_t i = 0; i < stack.n; i++)
		pc[i] = stack.pc[i];
	return stack__name_path(w->namer, &d->t, pc, stack.n, out, n);
}

void watch_stacks__fill(struct watch *w, const struct watched *d, struct finding_thread *ft)
{
	const struct ledger *l = &w->snap[!w->now]; /* the look that is going on */

	if (!loader__whole_stacks(w->loader))
		return;
	for (size_t i = 0; i < l->nthreads; i++) {
		const struct poolwatch_thread *t = &l->threads[i];

		if (t->head.tgid != ft->pid || (ft->goroutine ? t->owner != ft->goroutine : t->tid != ft->tid))
			continue;
		for (size_t h = 0; h < ft->nholds; h++) {
			struct finding_hold *hold = &ft->holds[h];

			for (unsigned int k = 0; !hold->nstack && k < POOLWATCH_HOLDS; k++) {
				uint64_t word = t->hold[k].word, id;

				if (!POOLWATCH_HOLD_UNITS(word) || POOLWATCH_HOLD_POOL(word) != (uint32_t)hold->pool ||
				    t->hold[k].site != hold->site.address)
					continue;
				id = loader__taken(w->loader, (uint32_t)t->head.id, k);
				if (id && watch_stacks__frames(w, d, id, &hold->stack, &hold->nstack)) {
					hold->stack = NULL;
					hold->nstack = 0;
				}
			}
		}
	}
}
