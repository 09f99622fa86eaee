// SPDX-License-Identifier: GPL-2.0
/* The columns of the views. Names and JSON keys are an interface: they are only ever added. */
#include <string.h>
#include "finding_json.h"
#include "views.h"

#define POOL_COLUMN(column, member, expression) \
	static void pool_##column(const void *row, struct table_value *v) \
	{ \
		const struct view_pool *r = row; \
		const struct poolwatch_pool *p = r->pool; \
\
		(void)p; \
		v->member = (expression); \
	}

POOL_COLUMN(name, text, r->name)
POOL_COLUMN(key, count, p->addr)
POOL_COLUMN(in_use, number, p->in_use)
POOL_COLUMN(waiters, count, r->waiters)
POOL_COLUMN(holders, count, r->holders)
POOL_COLUMN(unknown, number, r->unknown)
POOL_COLUMN(id, count, p->head.id)
POOL_COLUMN(pid, count, p->head.tgid)
POOL_COLUMN(comm, text, r->comm)
POOL_COLUMN(state, text, view_state__name(r->state))
POOL_COLUMN(max, number, p->in_use_max)
POOL_COLUMN(mean_rate, rate, r->mean_rate)
POOL_COLUMN(nested, count, p->nested)
POOL_COLUMN(nesting, number, p->nesting)
POOL_COLUMN(nesting_max, number, p->nesting_max)
POOL_COLUMN(depth, count, p->depth)
POOL_COLUMN(requests, count, p->requests)
POOL_COLUMN(grants, count, p->grants)
POOL_COLUMN(blocked, count, p->blocked)
POOL_COLUMN(failures, count, p->failures)
POOL_COLUMN(releases, count, p->releases)
POOL_COLUMN(foreign, count, p->foreign)
POOL_COLUMN(returned, count, p->returned_unknown)
POOL_COLUMN(age, count, p->created && r->now > p->created ? r->now - p->created : 0)
POOL_COLUMN(session, count, r->session->number)
POOL_COLUMN(mode, text, r->session->mode)

static void pool_capacity(const void *row, struct table_value *v)
{
	const struct view_pool *r = row;

	v->unknown = r->capacity == POOLWATCH_UNKNOWN;
	v->number = r->capacity;
}

static void pool_capacity_is(const void *row, struct table_value *v)
{
	static const char *const how[] = { [LEDGER_CAPACITY_UNKNOWN] = "unknown",
					   [LEDGER_CAPACITY_LEARNED] = "learned",
					   [LEDGER_CAPACITY_CERTAIN] = "certain" };
	const struct view_pool *r = row;

	v->text = how[r->capacity_known];
}

static void pool_free(const void *row, struct table_value *v)
{
	const struct view_pool *r = row;

	v->unknown = r->capacity == POOLWATCH_UNKNOWN;
	if (__builtin_sub_overflow(r->capacity, r->pool->in_use, &v->number) ||
	    __builtin_sub_overflow(v->number, r->unknown, &v->number))
		v->unknown = true;
}

static void pool_oldest_wait(const void *row, struct table_value *v)
{
	const struct view_pool *r = row;

	v->unknown = !r->waiters;
	v->count = r->oldest_wait_ns;
}

static void pool_oldest_hold(const void *row, struct table_value *v)
{
	const struct view_pool *r = row;

	v->unknown = !r->holders;
	v->count = r->oldest_hold_ns;
}

static void pool_rate(const void *row, struct table_value *v)
{
	const struct view_pool *r = row;

	v->unknown = !r->has_recent;
	v->rate = r->rate;
}

/* Unknown if nothing was counted. */
static void quantile(struct table_value *v, const __u64 *buckets, double q)
{
	uint64_t copy[POOLWATCH_BUCKETS];

	v->unknown = true;
	for (int i = 0; i < POOLWATCH_BUCKETS; i++) {
		copy[i] = buckets[i];
		v->unknown &= !buckets[i];
	}
	v->count = ledger__quantile(copy, q);
}

#define POOL_QUANTILE(column, buckets, q) \
	static void pool_##column(const void *row, struct table_value *v) \
	{ \
		const struct view_pool *r = row; \
\
		quantile(v, buckets, q); \
	}

POOL_QUANTILE(hold_p50, r->pool->hold, 0.5)
POOL_QUANTILE(hold_p99, r->pool->hold, 0.99)
POOL_QUANTILE(wait_p50, r->pool->wait, 0.5)
POOL_QUANTILE(wait_p99, r->pool->wait, 0.99)
POOL_QUANTILE(recent_hold_p50, r->hold, 0.5)
POOL_QUANTILE(recent_hold_p99, r->hold, 0.99)
POOL_QUANTILE(recent_wait_p50, r->wait, 0.5)
POOL_QUANTILE(recent_wait_p99, r->wait, 0.99)

static void pool_margin(const void *row, struct table_value *v)
{
	const struct view_pool *r = row;

	v->unknown = r->safe_threads == POOLWATCH_UNKNOWN;
	if (__builtin_sub_overflow(r->safe_threads, r->pool->nesting_max, &v->number))
		v->unknown = true;
	/* Beyond it there is no less room than none: as the finding says. */
	if (v->number < 0)
		v->number = 0;
}

static void pool_needed(const void *row, struct table_value *v)
{
	const struct view_pool *r = row;
	int64_t threads = r->safe_threads + 1;

	v->unknown = r->safe_threads == POOLWATCH_UNKNOWN;
	if (threads < r->pool->nesting_max)
		threads = r->pool->nesting_max;
	if (__builtin_mul_overflow(threads, (int64_t)r->pool->depth - 1, &v->number))
		v->unknown = true;
	else
		v->number += v->number < INT64_MAX;
}

static void pool_full_for(const void *row, struct table_value *v)
{
	const struct view_pool *r = row;

	v->unknown = !r->pool->full_since;
	v->count = r->now > r->pool->full_since ? r->now - r->pool->full_since : 0;
}

static void pool_uncertain_for(const void *row, struct table_value *v)
{
	const struct view_pool *r = row;

	v->unknown = !r->pool->uncertain_since;
	v->count = r->now > r->pool->uncertain_since ? r->now - r->pool->uncertain_since : 0;
}

static void buckets_object(struct json *j, const char *key, const __u64 *buckets)
{
	json__array(j, key);
	for (int i = 0; i < POOLWATCH_BUCKETS; i++)
		json__u64(j, NULL, buckets[i]);
	json__end_array(j);
}

static void pool_hold_histogram(const void *row, struct json *j, const char *key)
{
	buckets_object(j, key, ((const struct view_pool *)row)->pool->hold);
}

static void pool_wait_histogram(const void *row, struct json *j, const char *key)
{
	buckets_object(j, key, ((const struct view_pool *)row)->pool->wait);
}

/* The order is that of the JSON object, which begins as the pool of a finding does. */
static const struct table_column pool_columns[] = {
	{ "name", "POOL", "name", "the definition's name", TABLE_TEXT, 12, pool_name },
	{ "key", "KEY", "key", "address of the pool in the process", TABLE_HEX, 14, pool_key },
	{ "capacity", "CAP", "capacity", "units in all", TABLE_NUMBER, 5, pool_capacity },
	{ "in_use", "USE", "in_use", "units in use, as far as seen", TABLE_NUMBER, 5, pool_in_use },
	{ "waiters", "WAIT", "waiters", "threads that ask for a unit now", TABLE_COUNT, 5, pool_waiters },
	{ "unknown", "UNK", "unknown", "units taken before the watch began and not returned", TABLE_NUMBER, 4,
	  pool_unknown },
	{ "id", "ID", "id", "the pool's number in its session", TABLE_HEX, 12, pool_id },
	{ "pid", "PID", "pid", "process", TABLE_COUNT, 7, pool_pid },
	{ "comm", "PROCESS", "comm", "name of the process", TABLE_TEXT, 12, pool_comm },
	{ "state", "STATE", "state", "ok, busy (3/4 in use, or waited for), full, STALL, DEADLOCK, uncertain, no pool",
	  TABLE_TEXT, 9, pool_state },
	{ "max", "MAX", "in_use_max", "most units ever in use", TABLE_NUMBER, 5, pool_max },
	{ "free", "FREE", "free", "units neither in use nor unknown", TABLE_NUMBER, 5, pool_free },
	{ "capacity_is", "CAPACITY-IS", "capacity_is", "certain, learned (at least that), or unknown", TABLE_TEXT, 11,
	  pool_capacity_is },
	{ "holders", "HOLD", "holders", "threads that hold a unit", TABLE_COUNT, 5, pool_holders },
	{ "oldest_wait", "OLDEST", "oldest_wait_ns", "longest wait of those who wait now", TABLE_NS, 6,
	  pool_oldest_wait },
	{ "oldest_hold", "OLDHOLD", "oldest_hold_ns", "longest hold of those who hold now", TABLE_NS, 7,
	  pool_oldest_hold },
	{ "rate", "ACQ/S", "rate", "units granted a second, over the last interval", TABLE_RATE, 5, pool_rate },
	{ "mean_rate", "ACQ/S", "mean_rate", "units granted a second, since the pool was first seen", TABLE_RATE, 5,
	  pool_mean_rate },
	{ "hold_p50", "HOLD50", "hold_p50_ns", "half of all holds were shorter", TABLE_NS, 6, pool_hold_p50 },
	{ "hold_p99", "HOLD99", "hold_p99_ns", "99% of all holds were shorter", TABLE_NS, 6, pool_hold_p99 },
	{ "wait_p50", "WAIT50", "wait_p50_ns", "half of all waits were shorter", TABLE_NS, 6, pool_wait_p50 },
	{ "wait_p99", "WAIT99", "wait_p99_ns", "99% of all waits were shorter", TABLE_NS, 6, pool_wait_p99 },
	{ "recent_hold_p50", "HOLD50", "recent_hold_p50_ns", "the same over the last interval", TABLE_NS, 6,
	  pool_recent_hold_p50 },
	{ "recent_hold_p99", "HOLD99", "recent_hold_p99_ns", "the same over the last interval", TABLE_NS, 6,
	  pool_recent_hold_p99 },
	{ "recent_wait_p50", "WAIT50", "recent_wait_p50_ns", "the same over the last interval", TABLE_NS, 6,
	  pool_recent_wait_p50 },
	{ "recent_wait_p99", "WAIT99", "recent_wait_p99_ns", "the same over the last interval", TABLE_NS, 6,
	  pool_recent_wait_p99 },
	{ "nested", "NEST", "nested", "requests made while holding a unit of the same pool", TABLE_COUNT, 5,
	  pool_nested },
	{ "nesting", "NESTING", "nesting", "threads nesting now", TABLE_NUMBER, 7, pool_nesting },
	{ "nesting_max", "NESTMAX", "nesting_threads", "most threads ever nesting at once", TABLE_NUMBER, 7,
	  pool_nesting_max },
	{ "depth", "DEPTH", "depth", "most units one thread held, with the one it asked for", TABLE_COUNT, 5,
	  pool_depth },
	{ "margin", "MARGIN", "margin", "how many more threads may nest at once before it can deadlock", TABLE_NUMBER,
	  6, pool_margin },
	{ "needed", "NEED", "needed_capacity",
	  "capacity for one more nesting thread than is safe now, or for those seen", TABLE_NUMBER, 5, pool_needed },
	{ "requests", "REQUESTS", "requests", "units asked for so far", TABLE_COUNT, 9, pool_requests },
	{ "grants", "GRANTS", "grants", "requests granted", TABLE_COUNT, 9, pool_grants },
	{ "blocked", "BLOCKED", "blocked", "requests that found it full", TABLE_COUNT, 9, pool_blocked },
	{ "failures", "FAILED", "failures", "requests that ended without a unit", TABLE_COUNT, 9, pool_failures },
	{ "releases", "RELEASES", "releases", "releases", TABLE_COUNT, 9, pool_releases },
	{ "foreign", "FOREIGN", "foreign", "released by another thread than the holder", TABLE_COUNT, 7, pool_foreign },
	{ "returned", "RETURNED", "returned_unknown", "released, but nobody was seen to take it", TABLE_COUNT, 8,
	  pool_returned },
	{ "full_for", "FULLFOR", "full_for_ns", "how long it has been full", TABLE_NS, 7, pool_full_for },
	{ "uncertain_for", "UNSURE", "uncertain_for_ns", "how long its books may have been wrong", TABLE_NS, 6,
	  pool_uncertain_for },
	{ "age", "AGE", "age_ns", "since it was first seen", TABLE_NS, 6, pool_age },
	{ "session", "SESSION", "session", "who watches it", TABLE_COUNT, 7, pool_session },
	{ "mode", "MODE", "mode", "how it is read: direct or device", TABLE_TEXT, 6, pool_mode },
	{ "hold", "", "hold", "", TABLE_OBJECT, 0, NULL, pool_hold_histogram },
	{ "wait", "", "wait", "", TABLE_OBJECT, 0, NULL, pool_wait_histogram },
};

const struct table views_pools = {
	.type = "pool",
	.columns = pool_columns,
	.ncolumns = sizeof(pool_columns) / sizeof(pool_columns[0]),
	.defaults =
		"name,pid,comm,capacity,in_use,max,waiters,oldest_wait,mean_rate,hold_p50,hold_p99,wait_p99,nested,margin,state",
};

#define THREAD_COLUMN(column, member, expression) \
	static void thread_##column(const void *row, struct table_value *v) \
	{ \
		const struct view_thread *r = row; \
\
		v->member = (expression); \
	}

THREAD_COLUMN(tid, count, r->who.tid)
THREAD_COLUMN(pid, count, r->who.pid)
THREAD_COLUMN(units, count, r->units)
THREAD_COLUMN(pools, text, r->units ? r->pools_text : NULL)
THREAD_COLUMN(doing, text, r->who.doing)
THREAD_COLUMN(session, count, r->session->number)
THREAD_COLUMN(mode, text, r->session->mode)

static void thread_comm(const void *row, struct table_value *v)
{
	const struct view_thread *r = row;

	v->text = r->comm;
}

static void thread_goroutine(const void *row, struct table_value *v)
{
	const struct view_thread *r = row;

	v->count = r->who.goroutine;
	v->unknown = !r->who.goroutine;
}

static void thread_state(const void *row, struct table_value *v)
{
	const struct view_thread *r = row;

	v->text = r->deadlocked				       ? "DEADLOCK"
		  : r->record->flags & POOLWATCH_THREAD_EXITED ? "ended"
		  : r->who.requesting			       ? "waits"
		  : r->units				       ? "holds"
							       : "idle";
}

static void thread_hold_age(const void *row, struct table_value *v)
{
	const struct view_thread *r = row;

	v->count = r->oldest_hold_ns;
	v->unknown = !r->units;
}

static void thread_wait_age(const void *row, struct table_value *v)
{
	const struct view_thread *r = row;

	v->count = r->wait_ns;
	v->unknown = !r->who.requesting;
}

static void thread_wants(const void *row, struct table_value *v)
{
	const struct view_thread *r = row;

	v->unknown = !r->who.requesting;
	v->text = r->who.request.pool_name ? r->who.request.pool_name : "?";
}

static void thread_wants_key(const void *row, struct table_value *v)
{
	const struct view_thread *r = row;

	v->unknown = !r->who.requesting;
	v->count = r->who.request.key;
}

static void thread_site(const void *row, struct table_value *v)
{
	const struct view_thread *r = row;

	v->frame = view_thread__site(r);
	v->unknown = !v->frame || (!v->frame->symbol && !v->frame->module && !v->frame->address);
}

static void thread_holds(const void *row, struct json *j, const char *key)
{
	(void)key;
	finding_json__thread_members(j, &((const struct view_thread *)row)->who);
}

static const struct table_column thread_columns[] = {
	/* tid, pid, comm, holds, request, stack, goroutine, doing: the thread of a finding */
	{ "", "", "", "", TABLE_OBJECT, 0, NULL, thread_holds },
	{ "tid", "TID", "tid", "thread", TABLE_COUNT, 7, thread_tid, .in_object = true },
	{ "pid", "PID", "pid", "process", TABLE_COUNT, 7, thread_pid, .in_object = true },
	{ "comm", "THREAD", "comm", "name of the thread", TABLE_TEXT, 15, thread_comm, .in_object = true },
	{ "goroutine", "GOROUTINE", "goroutine", "goroutine, in Go", TABLE_COUNT, 9, thread_goroutine,
	  .in_object = true },
	{ "state", "STATE", "state", "holds, waits, DEADLOCK, ended (while holding), idle", TABLE_TEXT, 8,
	  thread_state },
	{ "units", "UNITS", "units", "units held", TABLE_COUNT, 5, thread_units },
	{ "pools", "HOLDS", "pools", "pools that it holds units of", TABLE_TEXT, 16, thread_pools },
	{ "hold_age", "HELD", "hold_age_ns", "since it took the oldest", TABLE_NS, 6, thread_hold_age },
	{ "wants", "WANTS", "wants", "pool that it asks for a unit of", TABLE_TEXT, 14, thread_wants },
	{ "wants_key", "WANTS-KEY", "wants_key", "address of that pool", TABLE_HEX, 14, thread_wants_key },
	{ "wait_age", "WAITS", "wait_age_ns", "for how long", TABLE_NS, 6, thread_wait_age },
	{ "site", "AT", "site", "where it asked, else where it took the oldest", TABLE_FRAME, 30, thread_site },
	{ "doing", "DOING", "doing", "what it does now", TABLE_TEXT, 30, thread_doing, .in_object = true },
	{ "session", "SESSION", "session", "who watches it", TABLE_COUNT, 7, thread_session },
	{ "mode", "MODE", "mode", "how it is read: direct or device", TABLE_TEXT, 6, thread_mode },
};

const struct table views_threads = {
	.type = "thread",
	.columns = thread_columns,
	.ncolumns = sizeof(thread_columns) / sizeof(thread_columns[0]),
	.defaults = "tid,pid,comm,state,pools,hold_age,wants,wait_age,site",
};

static const struct {
	const char *name, *help;
} causes[POOLWATCH_CAUSES] = {
	[POOLWATCH_LOST_POOLS] = { "lost_pools", "no room for a pool" },
	[POOLWATCH_LOST_THREADS] = { "lost_threads", "no room for a thread" },
	[POOLWATCH_LOST_HOLDS] = { "lost_holds", "a thread held units of too many pools" },
	[POOLWATCH_LOST_UNITS] = { "lost_units", "no room for a unit's handle" },
	[POOLWATCH_LOST_EDGES] = { "lost_edges", "no room for a pair of sites" },
	[POOLWATCH_LOST_DEPTH] = { "lost_depth", "too many acquires in progress in one thread" },
	[POOLWATCH_LOST_EVENTS] = { "lost_events", "event buffer full: events late, books right" },
	[POOLWATCH_LOST_STACKS] = { "lost_stacks", "user stack not readable" },
	[POOLWATCH_LOST_READS] = { "lost_reads", "an expression read memory that was not there" },
	[POOLWATCH_LOST_RACES] = { "lost_races", "an update lost against others too often" },
	[POOLWATCH_RETIRED_REQUESTS] = { "retired_requests", "an acquire whose return was never seen" },
	[POOLWATCH_UNMATCHED_RETURNS] = { "unmatched_returns", "an acquire that began before the watch" },
	[POOLWATCH_UNMATCHED_RELEASES] = { "unmatched_releases", "a release of a unit that nobody was seen to hold" },
	[POOLWATCH_FOREIGN_TGID] = { "foreign_tgid", "a hit by a process that is not watched" },
	[POOLWATCH_LOST_MAPPING] = { "lost_mapping", "not known whether an address is shared memory" },
	[POOLWATCH_UNKNOWN_STACKS] = { "unknown_stacks", "whole stack not learned yet: only its site is known" },
	[POOLWATCH_LOST_TIMES] = { "lost_times", "no room to add up time held by stack" },
};

const char *view_cause__name(enum poolwatch_cause cause)
{
	return cause < POOLWATCH_CAUSES && causes[cause].name ? causes[cause].name : "unknown";
}

const char *view_cause__help(enum poolwatch_cause cause)
{
	return cause < POOLWATCH_CAUSES && causes[cause].help ? causes[cause].help : "a newer poolwatch counts this";
}

#define COUNTER_COLUMN(column, member, expression) \
	static void counter_##column(const void *row, struct table_value *v) \
	{ \
		const struct view_counter *r = row; \
\
		v->member = (expression); \
	}

COUNTER_COLUMN(cause, text, view_cause__name(r->cause))
COUNTER_COLUMN(count, count, r->counter->count)
COUNTER_COLUMN(help, text, view_cause__help(r->cause))
COUNTER_COLUMN(session, count, r->session->number)
COUNTER_COLUMN(mode, text, r->session->mode)

static void counter_age(const void *row, struct table_value *v)
{
	const struct view_counter *r = row;

	v->unknown = !r->counter->count;
	v->count = r->age_ns;
}

static const struct table_column counter_columns[] = {
	{ "cause", "CAUSE", "cause", "what was lost or not understood", TABLE_TEXT, 18, counter_cause },
	{ "count", "COUNT", "count", "how often", TABLE_COUNT, 9, counter_count },
	{ "last", "LAST", "last_ns", "how long ago the last time", TABLE_NS, 6, counter_age },
	{ "session", "SESSION", "session", "who watches", TABLE_COUNT, 7, counter_session },
	{ "mode", "MODE", "mode", "how it is read: direct or device", TABLE_TEXT, 6, counter_mode },
	{ "meaning", "MEANING", "meaning", "the cause in words", TABLE_TEXT, 40, counter_help },
};

const struct table views_counters = {
	.type = "counter",
	.columns = counter_columns,
	.ncolumns = sizeof(counter_columns) / sizeof(counter_columns[0]),
	.defaults = "cause,count,last,session,meaning",
};
