/* SPDX-License-Identifier: GPL-2.0 */
/* At most so many alerts of one kind and definition in a time; what is held back is counted and told afterwards. Pure. */
#ifndef POOLWATCH_LIMITER_H
#define POOLWATCH_LIMITER_H

#include <stdbool.h>
#include <stdint.h>
#include "finding.h"

#define LIMITER_SLOTS 256 /* kinds times definitions in use at once; beyond, they share */

struct limiter_slot {
	bool used;
	enum finding_kind kind;
	enum finding_severity severity; /* the worst held back */
	char pool_name[POOLWATCH_NAME];
	uint64_t since; /* begin of the window, ns */
	uint64_t passed;
	uint64_t suppressed;
};

struct limiter {
	uint64_t rate, window_ns; /* rate 0: no limit */
	uint64_t total;		  /* held back, ever */
	struct limiter_slot slots[LIMITER_SLOTS];
};

/* Does @f pass now? Counted either way. */
bool limiter__pass(struct limiter *l, const struct finding *f, uint64_t now);
/* When limiter__due has something to tell; UINT64_MAX: nothing was held back. */
uint64_t limiter__deadline(const struct limiter *l);
/* A window that ended with something held back: true and a copy of it in *@out, once each. */
bool limiter__due(struct limiter *l, uint64_t now, struct limiter_slot *out);

#endif
