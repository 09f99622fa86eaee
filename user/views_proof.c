// SPDX-License-Identifier: GPL-2.0
/* What the views say of deadlock: the judge's reduction over what did not change between two snapshots. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "judge.h"
#include "views.h"

int64_t views__safe_threads(int64_t capacity, uint32_t depth)
{
	if (capacity == POOLWATCH_UNKNOWN || depth < 2)
		return POOLWATCH_UNKNOWN;
	return (capacity - 1) / (int64_t)(depth - 1);
}

/* In the same requests with the same holds: so it was all the time between the two copies. Nor was it seen elsewhere. */
static bool unchanged(const struct poolwatch_thread *a, const struct poolwatch_thread *b)
{
	if (a->left && a->left == a->seq)
		return false;
	for (int i = 0; i < POOLWATCH_REQUESTS; i++)
		if (a->request[i].seq != b->request[i].seq || a->request[i].pool != b->request[i].pool)
			return false;
	for (int i = 0; i < POOLWATCH_HOLDS; i++)
		if (a->hold[i].word != b->hold[i].word)
			return false;
	return true;
}

int views__deadlocked(const struct ledger *now, const struct ledger *before, bool *deadlocked)
{
	_cleanup_free_ bool *eligible = NULL;
	size_t b = 0;
	int n;

	memset(deadlocked, 0, now->nthreads * sizeof(*deadlocked));
	if (!before || !now->nthreads || !judge__tension(now))
		return 0;
	eligible = calloc(now->nthreads, sizeof(*eligible));
	if (!eligible)
		return -ENOMEM;
	/* Both are in slot order. */
	for (size_t i = 0; i < now->nthreads; i++) {
		uint64_t id = now->threads[i].head.id;

		while (b < before->nthreads && (uint32_t)before->threads[b].head.id < (uint32_t)id)
			b++;
		eligible[i] = b < before->nthreads && before->threads[b].head.id == id &&
			      unchanged(&now->threads[i], &before->threads[b]);
	}
	n = judge__reduce(now, eligible, deadlocked);
	return n;
}
