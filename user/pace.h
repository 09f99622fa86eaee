/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How often to look at a ledger. While a deadlock may be forming two looks that prove it are due within 50 ms; but who waits,
 * and was judged, may do so for ever. Pure.
 */
#ifndef POOLWATCH_PACE_H
#define POOLWATCH_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_TENSE_NS 25000000ull   /* between two looks while a deadlock may be forming */
#define PACE_CALM_NS  1000000000ull /* while nothing happens; events ask for a look of their own */

struct pace {
	uint64_t tension; /* of the last look */
	uint64_t changed; /* CLOCK_MONOTONIC ns: when it was seen to become that */
};

/*
 * pace__next - after a look at @now: ns until the next one, if no event comes first
 *
 * @tension: judge__tension of the look; @undecided: judge__is_undecided after it. Once all is decided, and as long as the same
 * threads wait for the same, each pause is as long as they have done so.
 */
uint64_t pace__next(struct pace *p, uint64_t now, uint64_t tension, bool undecided);

#endif
