/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Metrics, as Prometheus reads them. What pools have counted is summed up over all pools of one definition in processes of
 * one name, ended ones included, so that counters never go back and no label grows with traffic: no process or thread
 * numbers, no addresses, and a fixed number of series, beyond which pools count as pool="other", process="other". Pure.
 */
#ifndef POOLWATCH_METRICS_H
#define POOLWATCH_METRICS_H

#include <stdbool.h>
#include <stdio.h>
#include "finding.h"
#include "ledger.h"

struct metrics;

/* What does not come from a ledger: of the process that exports. */
struct metrics_sink {
	const char *name;
	uint64_t sent, lost, waiting;
};

struct metrics_own {
	const char *version;
	uint64_t found[FINDING_KINDS];
	uint64_t targets;
	uint64_t suppressed; /* alerts, by the rate limit */
	const struct metrics_sink *sinks;
	size_t nsinks;
	uint64_t resident_bytes;
	double cpu_seconds;
	double start_seconds; /* since the epoch */
};

/* @series: pools (definition and process name) with series of their own, at most. Return: 0 or -ENOMEM. */
int metrics__new(size_t series, struct metrics **out);
void metrics__free(struct metrics *m);

/*
 * metrics__begin, then metrics__add for the ledger of each session, then metrics__end: one look at everything. Gauges are
 * those of the last look, counters the sum of what was added between looks. @session: tells ledgers apart over time.
 * Return: 0 or -ENOMEM (the look counts as far as it went).
 */
void metrics__begin(struct metrics *m);
int metrics__add(struct metrics *m, const struct ledger *l, uint32_t session);
void metrics__end(struct metrics *m);

/* @opentelemetry: pools by the semantic conventions for connection pools, in place of poolwatch_pool_*. 0 or -EIO. */
int metrics__write(const struct metrics *m, const struct metrics_own *own, bool opentelemetry, FILE *out);

/* "lost_pools": the cause's name in the label of poolwatch_lost_total. */
const char *metrics__cause_name(enum poolwatch_cause cause);

#endif
