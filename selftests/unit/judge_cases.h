/* SPDX-License-Identifier: GPL-2.0 */
/* Threads and pools as the judge's tests begin with them. Include after kselftest_harness.h. */
#ifndef POOLWATCH_JUDGE_CASES_H
#define POOLWATCH_JUDGE_CASES_H

#include "ledger_build.h"

#define THREAD(i) (&self->now.threads[i])
#define POOL(i)	  (&self->now.pools[i])

/* The article's: each of four threads holds one of four units and asks for another. */
static inline void article(struct ledger *l)
{
	build__pool(l, 0, 100, 0, 4);
	for (int i = 0; i < 4; i++) {
		struct poolwatch_thread *t = build__thread(l, i, 100, 101 + i);

		build__hold(l, t, 0, 1, 0x401000);
		build__request(t, 0, 1, 0x402000);
	}
}

/* A thread that holds a unit of @has (if not NONE) and asks for one of @wants (if not NONE). */
#define NONE (~0u)
static inline struct poolwatch_thread *worker(struct ledger *l, uint32_t slot, uint32_t tgid, uint32_t tid, uint32_t has,
				       uint32_t wants)
{
	struct poolwatch_thread *t = build__thread(l, slot, tgid, tid);

	if (has != NONE)
		build__hold(l, t, has, 1, 0x401000);
	if (wants != NONE)
		build__request(t, wants, 1, 0x402000);
	return t;
}

#endif
