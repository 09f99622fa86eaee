// SPDX-License-Identifier: GPL-2.0
/* Metrics: the text. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include "escape.h"
#include "metrics_int.h"

static const char *const causes[POOLWATCH_CAUSES] = {
    [POOLWATCH_LOST_POOLS] = "pools",
    [POOLWATCH_LOST_THREADS] = "threads",
    [POOLWATCH_LOST_HOLDS] = "holds",
    [POOLWATCH_LOST_UNITS] = "units",
    [POOLWATCH_LOST_EDGES] = "edges",
    [POOLWATCH_LOST_DEPTH] = "depth",
    [POOLWATCH_LOST_EVENTS] = "events",
    [POOLWATCH_LOST_STACKS] = "stacks",
    [POOLWATCH_LOST_READS] = "reads",
    [POOLWATCH_LOST_RACES] = "races",
    [POOLWATCH_RETIRED_REQUESTS] = "retired_requests",
    [POOLWATCH_UNMATCHED_RETURNS] = "unmatched_returns",
    [POOLWATCH_UNMATCHED_RELEASES] = "unmatched_releases",
    [POOLWATCH_FOREIGN_TGID] = "foreign_process",
    [POOLWATCH_LOST_MAPPING] = "mapping",
    [POOLWATCH_UNKNOWN_STACKS] = "unknown_stacks",
    [POOLWATCH_LOST_TIMES] = "times",
};

const char *metrics__cause_name(enum poolwatch_cause cause)
{
	return cause < POOLWATCH_CAUSES && causes[cause] ? causes[cause] : "unknown";
}

/* --- one metric */

struct writer {
	FILE *out;
	const struct metrics *m;
	const char *pool_label, *process_label;
};

static void describe(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* In a label '"', '\' and newline are escaped; what else could harm is made visible before that. */
static void put_label(FILE *out, const char *name, const char *value, size_t len)
{
	char visible[4 * 64 + 1];

	escape__bytes(visible, sizeof(visible), value, len, 0);
	fprintf(out, "%s=\"", name);
	for (const char *p = visible; *p; p++) {
		if (*p == '"' || *p == '\\')
			fputc('\\', out);
		fputc(*p, out);
	}
	fputc('"', out);
}

static void put_series(const struct writer *w, const char *name, const struct metrics_series *s)
{
	fprintf(w->out, "%s{", name);
	put_label(w->out, w->pool_label, s->pool, strnlen(s->pool, sizeof(s->pool)));
	fputc(',', w->out);
	put_label(w->out, w->process_label, s->process, strnlen(s->process, sizeof(s->process)));
}

static bool is_used(const struct metrics *m, size_t i)
{
	/* "other" is there once it is needed. */
	return i || m->series[0].pools || m->series[0].total.requests;
}

/* A number of each series, from a field at @offset. */
static void put_field(const struct writer *w, const char *name, const char *type, const char *help, size_t offset)
{
	describe(w->out, name, type, help);
	for (size_t i = 0; i < w->m->nseries; i++) {
		if (!is_used(w->m, i))
			continue;
		put_series(w, name, &w->m->series[i]);
		fprintf(w->out, "} %" PRId64 "\n", *(const int64_t *)((const char *)&w->m->series[i] + offset));
	}
}
#define field(w, name, type, help, member) put_field(w, name, type, help, offsetof(struct metrics_series, member))

/* --- histograms */

#define FIRST_POWER 10 /* 2^10 ns: 1 us; what is below hardly says anything about a pool */
#define LAST_POWER  36 /* 2^36 ns: 69 s */

/*
 * Every other power of two is a bucket: 14 of them. The ledger keeps no sums (they would cost every release an addition
 * to a contended word), so _sum takes the middle of each of the 40 fine buckets.
 */
static void put_histogram(const struct writer *w, const char *name, const struct metrics_series *s,
			  const uint64_t *fine)
{
	char bucket[80];
	uint64_t n = 0;
	double sum = 0;
	size_t next = 0;

	snprintf(bucket, sizeof(bucket), "%s_bucket", name);
	for (unsigned int power = FIRST_POWER; power <= LAST_POWER; power += 2) {
		while (next <= power)
			n += fine[next++];
		put_series(w, bucket, s);
		fprintf(w->out, ",le=\"%.9g\"} %" PRIu64 "\n", ldexp(1e-9, power), n);
	}
	while (next < POOLWATCH_BUCKETS)
		n += fine[next++];
	put_series(w, bucket, s);
	fprintf(w->out, ",le=\"+Inf\"} %" PRIu64 "\n", n);
	for (size_t i = 1; i < POOLWATCH_BUCKETS; i++)
		sum += (double)fine[i] * 0.75 * ldexp(1e-9, i);
	snprintf(bucket, sizeof(bucket), "%s_sum", name);
	put_series(w, bucket, s);
	fprintf(w->out, "} %.9g\n", sum);
	snprintf(bucket, sizeof(bucket), "%s_count", name);
	put_series(w, bucket, s);
	fprintf(w->out, "} %" PRIu64 "\n", n);
}

static void put_histograms(const struct writer *w, const char *name, const char *help, size_t offset)
{
	describe(w->out, name, "histogram", help);
	for (size_t i = 0; i < w->m->nseries; i++)
		if (is_used(w->m, i))
			put_histogram(w, name, &w->m->series[i],
				      (const uint64_t *)((const char *)&w->m->series[i] + offset));
}
#define histogram(w, name, help, member) put_histograms(w, name, help, offsetof(struct metrics_series, member))

/* --- pools, by either naming */

static void put_pools(const struct writer *w)
{
	field(w, "poolwatch_pools", "gauge", "Pools of this definition in processes of this name.", pools);
	field(w, "poolwatch_pool_capacity_units", "gauge", "Units of those pools whose capacity is known.", capacity);
	field(w, "poolwatch_pools_capacity_unknown", "gauge", "Pools whose capacity is not known.", unknown_capacity);
	field(w, "poolwatch_pool_in_use_units", "gauge", "Units granted and not released.", in_use);
	field(w, "poolwatch_pool_in_use_max_units", "gauge", "The most units ever in use in one of the pools.",
	      in_use_max);
	field(w, "poolwatch_pool_pending_requests", "gauge", "Requests that have not been granted yet.", requesting);
	field(w, "poolwatch_pools_exhausted", "gauge", "Pools with all units in use.", full);
	field(w, "poolwatch_pools_uncertain", "gauge", "Pools whose books may be wrong.", uncertain);
	field(w, "poolwatch_pool_requests_total", "counter", "Requests for units.", total.requests);
	field(w, "poolwatch_pool_grants_total", "counter", "Requests that got units.", total.grants);
	field(w, "poolwatch_pool_blocked_total", "counter", "Requests made of an exhausted pool.", total.blocked);
	field(w, "poolwatch_pool_failures_total", "counter",
	      "Requests that ended without units: timeouts and refusals.", total.failures);
	field(w, "poolwatch_pool_releases_total", "counter", "Releases.", total.releases);
	field(w, "poolwatch_pool_foreign_releases_total", "counter", "Releases by another thread than the holder.",
	      total.foreign);
	field(w, "poolwatch_pool_nested_requests_total", "counter",
	      "Requests by threads that held units of the same pool.", total.nested);
	histogram(w, "poolwatch_pool_wait_seconds", "From request to grant; the sum is estimated from fine buckets.",
		  total.wait);
	histogram(w, "poolwatch_pool_hold_seconds", "From grant to release; the sum is estimated from fine buckets.",
		  total.hold);
}

/* OpenTelemetry's semantic conventions for database client connection pools, as its exporters name them for Prometheus.
 */
static void put_otel(const struct writer *w)
{
	const char *count = "db_client_connection_count";

	describe(w->out, count, "gauge",
		 "The number of connections that are currently in state described by the state attribute.");
	for (size_t i = 0; i < w->m->nseries; i++) {
		const struct metrics_series *s = &w->m->series[i];

		if (!is_used(w->m, i))
			continue;
		put_series(w, count, s);
		fprintf(w->out, ",db_client_connection_state=\"used\"} %" PRId64 "\n", s->in_use);
		if (s->unknown_capacity)
			continue;
		put_series(w, count, s);
		fprintf(w->out, ",db_client_connection_state=\"idle\"} %" PRId64 "\n",
			s->capacity > s->in_use ? s->capacity - s->in_use : 0);
	}
	field(w, "db_client_connection_max", "gauge", "The maximum number of open connections allowed.", capacity);
	field(w, "db_client_connection_pending_requests", "gauge",
	      "The number of current pending requests for an open connection.", requesting);
	field(w, "db_client_connection_timeouts_total", "counter",
	      "The number of connection timeouts that have occurred trying to obtain a connection from the pool.",
	      total.failures);
	histogram(w, "db_client_connection_wait_time_seconds",
		  "The time it took to obtain an open connection from the pool; the sum is estimated.", total.wait);
	histogram(w, "db_client_connection_use_time_seconds",
		  "The time between borrowing a connection and returning it to the pool; the sum is estimated.",
		  total.hold);
}

/* --- ourselves */

static void __attribute__((format(printf, 5, 6)))
put_one(FILE *out, const char *name, const char *type, const char *help, const char *fmt, ...)
{
	va_list ap;

	describe(out, name, type, help);
	fputs(name, out);
	va_start(ap, fmt);
	vfprintf(out, fmt, ap);
	va_end(ap);
	fputc('\n', out);
}

static void put_sinks(FILE *out, const char *name, const char *type, const char *help, const struct metrics_own *own,
		      size_t offset)
{
	describe(out, name, type, help);
	for (size_t i = 0; i < own->nsinks; i++) {
		fprintf(out, "%s{", name);
		put_label(out, "sink", own->sinks[i].name, strlen(own->sinks[i].name));
		fprintf(out, "} %" PRIu64 "\n", *(const uint64_t *)((const char *)&own->sinks[i] + offset));
	}
}

static void put_own(const struct metrics *m, const struct metrics_own *own, FILE *out)
{
	put_one(out, "poolwatch_build_info", "gauge", "Always 1; the version is the label.", "{version=\"%s\"} 1",
		own->version);
	put_one(out, "poolwatch_target_processes", "gauge", "Processes watched now.", " %" PRIu64, own->targets);
	describe(out, "poolwatch_findings_total", "counter", "Findings, repeats included.");
	for (unsigned int i = 0; i < FINDING_KINDS; i++)
		fprintf(out, "poolwatch_findings_total{kind=\"%s\"} %" PRIu64 "\n", finding__kind_name(i),
			own->found[i]);
	describe(out, "poolwatch_lost_total", "counter",
		 "What the ledger could not keep, or could not make sense of, by cause.");
	for (unsigned int i = 0; i < POOLWATCH_CAUSES; i++)
		fprintf(out, "poolwatch_lost_total{cause=\"%s\"} %" PRIu64 "\n", metrics__cause_name(i), m->lost[i]);
	put_one(out, "poolwatch_pools_without_series", "gauge",
		"Pools counted as pool=\"other\" because the series are used up.", " %" PRIu64, m->without_series);
	put_sinks(out, "poolwatch_alerts_total", "counter", "Alerts delivered, or on their way.", own,
		  offsetof(struct metrics_sink, sent));
	put_sinks(out, "poolwatch_alerts_lost_total", "counter", "Alerts that could not be delivered.", own,
		  offsetof(struct metrics_sink, lost));
	put_sinks(out, "poolwatch_alerts_waiting", "gauge", "Alerts accepted and not delivered yet.", own,
		  offsetof(struct metrics_sink, waiting));
	put_one(out, "poolwatch_alerts_suppressed_total", "counter", "Alerts held back by the rate limit.", " %" PRIu64,
		own->suppressed);
	put_one(out, "process_resident_memory_bytes", "gauge", "Memory of poolwatch itself.", " %" PRIu64,
		own->resident_bytes);
	put_one(out, "process_cpu_seconds_total", "counter", "CPU time of poolwatch itself, without probes in targets.",
		" %.6f", own->cpu_seconds);
	put_one(out, "process_start_time_seconds", "gauge", "When poolwatch started, since the epoch.", " %.3f",
		own->start_seconds);
}

int metrics__write(const struct metrics *m, const struct metrics_own *own, bool opentelemetry, FILE *out)
{
	struct writer w = {.out = out, .m = m, .pool_label = "pool", .process_label = "process"};

	if (opentelemetry) {
		w.pool_label = "db_client_connection_pool_name";
		w.process_label = "process_executable_name";
		put_otel(&w);
	} else {
		put_pools(&w);
	}
	put_own(m, own, out);
	return fflush(out) || ferror(out) ? -EIO : 0;
}
