/* SPDX-License-Identifier: GPL-2.0 */
/* Times in buckets by powers of two: POOLWATCH_BUCKETS in the ABI header says which. */
#ifndef POOLWATCH_HISTOGRAM_BPF_H
#define POOLWATCH_HISTOGRAM_BPF_H

#include "maps.bpf.h"

static __always_inline __u32 bucket_of(__u64 ns)
{
	__u32 b = 0;

	if (!ns)
		return 0;
	if (ns >> 32) {
		b += 32;
		ns >>= 32;
	}
	if (ns >> 16) {
		b += 16;
		ns >>= 16;
	}
	if (ns >> 8) {
		b += 8;
		ns >>= 8;
	}
	if (ns >> 4) {
		b += 4;
		ns >>= 4;
	}
	if (ns >> 2) {
		b += 2;
		ns >>= 2;
	}
	b += 1 + (ns >> 1);
	return b < POOLWATCH_BUCKETS ? b : POOLWATCH_BUCKETS - 1;
}

static __always_inline void hist_add(__u64 *buckets, __u64 ns)
{
	__u32 b = bucket_of(ns);

	barrier_var(b);
	if (b < POOLWATCH_BUCKETS)
		__sync_fetch_and_add(&buckets[b], 1);
}

#endif /* POOLWATCH_HISTOGRAM_BPF_H */
