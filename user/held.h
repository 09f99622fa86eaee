/* SPDX-License-Identifier: GPL-2.0 */
/* Time held, added up since the watch began, where a session does that (--stacks=all). */
#ifndef POOLWATCH_HELD_H
#define POOLWATCH_HELD_H

#include <stdint.h>

/* Where units were taken that were held for @us in all, those held now included. Times of several units at once add up. */
struct held_time {
	uint32_t tgid;
	uint32_t def;	/* slot */
	uint64_t pool;	/* head.id; 0: pools that are gone */
	uint64_t place; /* number of a stack, or a return address */
	uint64_t us;
};

#endif
