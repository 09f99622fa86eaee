// SPDX-License-Identifier: GPL-2.0
/* Hold words and sets: see hold.bpf.h. */
#include "ledger.bpf.h"
#include "emit.bpf.h"
#include "hold.bpf.h"

#define PW_CAS_TRIES 8

__noinline int hold__add(__u64 *word, __u32 pool, __s64 units, __u64 set, __u64 *before)
{
	if (!word || !before)
		return -1;
	for (int i = 0; i < PW_CAS_TRIES; i++) {
		__u64 old = *(volatile __u64 *)word;

		if (!old || POOLWATCH_HOLD_POOL(old) != pool)
			return -1;
		if (__sync_val_compare_and_swap(word, old, hold__next(old, units, set)) == old) {
			*before = old;
			return 0;
		}
	}
	count_loss(POOLWATCH_LOST_RACES);
	return -1;
}

__noinline int hold__find(__u32 slot, __u32 pool)
{
	struct poolwatch_thread *t = thread_at(slot);
	struct pw_private *own = private_at(slot);

	return t && own ? hold__at(t, own, pool) : -1;
}

__noinline int hold__claim(__u32 slot, __u32 pool)
{
	struct poolwatch_thread *t = thread_at(slot);
	struct pw_private *own = private_at(slot);
	__u32 n;
	int at;

	if (!t || !own)
		return -1;
	at = hold__at(t, own, pool);
	if (at >= 0)
		return at;
	n = own->nholds;
	if (n < POOLWATCH_HOLDS) {
		/* Memory of pools used before is worth more than a free entry. */
		at = n;
		own->nholds = n + 1;
	} else {
		for (int i = 0; i < POOLWATCH_HOLDS; i++)
			if (!POOLWATCH_HOLD_UNITS(t->hold[i].word)) {
				at = i;
				break;
			}
	}
	if (at < 0 || at >= POOLWATCH_HOLDS)
		return -1;
	/* 0 units: nobody else changes it. The generation goes on, so that readers see that it is another entry. */
	t->hold[at].word = ((t->hold[at].word >> 42) + 1) << 42 | pool;
	return at;
}
