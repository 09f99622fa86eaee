/* SPDX-License-Identifier: GPL-2.0 */
/* What metrics.c gathers and metrics_text.c prints. */
#ifndef POOLWATCH_METRICS_INT_H
#define POOLWATCH_METRICS_INT_H

#include "metrics.h"

/* Counters of a pool: what only grows while it lives. */
struct metrics_counts {
	uint64_t requests, grants, blocked, failures, releases, foreign, nested;
	uint64_t wait[POOLWATCH_BUCKETS], hold[POOLWATCH_BUCKETS];
};

struct metrics_series {
	char pool[POOLWATCH_NAME];
	char process[POOLWATCH_COMM];
	struct metrics_counts total;
	/* gauges */
	uint64_t pools, full, uncertain, unknown_capacity;
	int64_t capacity, in_use, in_use_max, requesting;
};

/* What a pool had counted at the last look. */
struct metrics_seen {
	uint64_t id;
	uint32_t session;
	bool fresh; /* seen in this look */
	struct metrics_counts last;
};

struct metrics {
	struct metrics_series *series; /* [0] is "other" */
	size_t nseries, max_series;
	struct metrics_seen *seen; /* by (session, id) */
	size_t nseen, room;
	size_t nsorted; /* of seen, those that were there before this look */
	uint64_t without_series;
	uint64_t lost[POOLWATCH_CAUSES]; /* totals */
	struct metrics_lost {
		uint32_t session;
		bool fresh;
		uint64_t last[POOLWATCH_CAUSES];
	} *sessions;
	size_t nsessions;
};

#endif
