/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A thread's hold set: one word a pool, which says the pool, the units held of it and a generation, so that compare-and-swap
 * alone changes it, whoever does.
 */
#ifndef POOLWATCH_HOLD_BPF_H
#define POOLWATCH_HOLD_BPF_H

#include "maps.bpf.h"

/*
 * hold__add - add @units to a hold word of any thread, and set the bits of @set. *@before: the word as it was.
 * Return: 0, or -1: it is not of @pool any more, or the race was lost too often (counted).
 */
extern int hold__add(__u64 *word, __u32 pool, __s64 units, __u64 set, __u64 *before);
/* hold__find - index of @pool in the hold set of thread @slot, or -1. */
extern int hold__find(__u32 slot, __u32 pool);
/* hold__claim - an entry for @pool: its own, an unused one, or one whose pool the thread holds no more. -1: all are held. */
extern int hold__claim(__u32 slot, __u32 pool);

/* What the hold word @old becomes with @units more (less, if negative; but not below 0) and the bits of @set. */
static __always_inline __u64 hold__next(__u64 old, __s64 units, __u64 set)
{
	__s64 have = POOLWATCH_HOLD_UNITS(old) + units;
	__u64 new;

	if (have < 0)
		have = 0;
	if (have > 0xfffff)
		have = 0xfffff;
	new = (old & ~(0xfffffull << 20)) | (__u64)have << 20 | set;
	if (!have)
		new &= ~POOLWATCH_HOLD_NESTED;
	return new + POOLWATCH_HOLD_GEN;
}

/* As hold__add, where nobody else is likely to change the word at this moment: no call. */
static __always_inline int hold__change(__u64 *word, __u32 pool, __s64 units, __u64 *before)
{
	__u64 old = *(volatile __u64 *)word;

	if (!old || POOLWATCH_HOLD_POOL(old) != pool)
		return -1;
	if (__sync_val_compare_and_swap(word, old, hold__next(old, units, 0)) != old)
		return hold__add(word, pool, units, 0, before);
	*before = old;
	return 0;
}

/* Index of @pool in a hold set, or -1. Only entries that were ever used are looked at. */
static __always_inline int hold__at(const struct poolwatch_thread *t, const struct pw_private *own, __u32 pool)
{
	__u32 n = own->nholds;

	for (__u32 i = 0; i < POOLWATCH_HOLDS; i++) {
		__u64 w;

		if (i >= n)
			break;
		w = t->hold[i].word;
		if (w && POOLWATCH_HOLD_POOL(w) == pool)
			return i;
	}
	return -1;
}

#endif /* POOLWATCH_HOLD_BPF_H */
