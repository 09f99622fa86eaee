// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <time.h>
#include "finding_json.h"

void finding_json__time(char *buf, size_t size, uint64_t realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / 1000000000);
	char date[24] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, size, "%s.%06uZ", date, (unsigned int)(realtime_ns % 1000000000 / 1000));
}

/* Counts that may be POOLWATCH_UNKNOWN. */
static void known(struct json *j, const char *key, int64_t v)
{
	if (v == POOLWATCH_UNKNOWN)
		json__null(j, key);
	else
		json__i64(j, key, v);
}

/* A char array of the ABI: not always ended by NUL, if the record is torn. */
static void chars(struct json *j, const char *key, const char *s, size_t size)
{
	json__bytes(j, key, s, strnlen(s, size));
}

void finding_json__frame(struct json *j, const char *key, const struct finding_frame *frame)
{
	if (!frame->symbol && !frame->module && !frame->address) {
		json__null(j, key);
		return;
	}
	json__object(j, key);
	json__string(j, "symbol", frame->symbol);
	json__u64(j, "offset", frame->offset);
	json__string(j, "module", frame->module);
	json__string(j, "file", frame->file);
	if (frame->file && frame->line)
		json__u64(j, "line", frame->line);
	else
		json__null(j, "line");
	json__hex(j, "address", frame->address);
	json__bool(j, "inlined", frame->inlined);
	json__end_object(j);
}

static void frames(struct json *j, const char *key, const struct finding_frame *f, size_t n)
{
	json__array(j, key);
	for (size_t i = 0; i < n; i++)
		finding_json__frame(j, NULL, &f[i]);
	json__end_array(j);
}

/* What a hold and a request have in common. */
static void units(struct json *j, const struct finding_hold *h)
{
	json__string(j, "pool", h->pool_name);
	json__hex(j, "key", h->key);
	json__u64(j, "count", h->units);
	json__u64(j, "for_ms", h->for_ms);
}

void finding_json__thread_members(struct json *j, const struct finding_thread *t)
{
	json__u64(j, "tid", t->tid);
	json__u64(j, "pid", t->pid);
	chars(j, "comm", t->comm, sizeof(t->comm));
	json__array(j, "holds");
	for (size_t i = 0; i < t->nholds; i++) {
		const struct finding_hold *h = &t->holds[i];

		json__object(j, NULL);
		units(j, h);
		if (h->resource)
			json__hex(j, "resource", h->resource);
		else
			json__null(j, "resource");
		finding_json__frame(j, "site", &h->site);
		if (h->nstack)
			frames(j, "stack", h->stack, h->nstack);
		json__end_object(j);
	}
	json__end_array(j);
	if (t->requesting) {
		json__object(j, "request");
		units(j, &t->request);
		finding_json__frame(j, "site", &t->request.site);
		json__end_object(j);
	} else {
		json__null(j, "request");
	}
	frames(j, "stack", t->stack, t->nstack);
	if (t->goroutine)
		json__u64(j, "goroutine", t->goroutine);
	else
		json__null(j, "goroutine");
	json__string(j, "doing", t->doing);
}

static void pool(struct json *j, const struct finding *f)
{
	json__object(j, "pool");
	chars(j, "name", f->pool_name, sizeof(f->pool_name));
	json__hex(j, "key", f->key);
	known(j, "capacity", f->capacity);
	known(j, "in_use", f->in_use);
	known(j, "waiters", f->waiters);
	known(j, "unknown", f->unknown);
	json__hex(j, "id", f->pool);
	json__end_object(j);
}

static void process(struct json *j, const struct finding *f)
{
	json__object(j, "process");
	json__u64(j, "pid", f->pid);
	chars(j, "comm", f->comm, sizeof(f->comm));
	json__string(j, "exe", f->exe);
	json__string(j, "container", f->container);
	json__end_object(j);
}

/* The sizing rule says nothing about a finding without a depth. */
static void sizing(struct json *j, const struct finding *f)
{
	if (f->depth) {
		json__u64(j, "depth", f->depth);
		json__u64(j, "nesting_threads", f->nesting_threads);
		known(j, "needed_capacity", f->needed_capacity);
		/* -1 is both "unknown" and "one thread too many": the threads that are safe tell which. */
		if (f->safe_threads == POOLWATCH_UNKNOWN)
			json__null(j, "margin");
		else
			json__i64(j, "margin", f->margin);
	} else {
		json__null(j, "depth");
		json__null(j, "nesting_threads");
		json__null(j, "needed_capacity");
		json__null(j, "margin");
	}
}

void finding_json__object(struct json *j, const char *key, const struct finding *f)
{
	char time[32];

	finding_json__time(time, sizeof(time), f->realtime_ns);
	json__object(j, key);
	json__string(j, "type", "finding");
	json__string(j, "kind", finding__kind_name(f->kind));
	json__string(j, "severity", finding__severity_name(f->severity));
	json__string(j, "time", time);
	json__u64(j, "id", f->id);
	json__u64(j, "count", f->count);
	pool(j, f);
	process(j, f);
	json__array(j, "threads");
	for (size_t i = 0; i < f->nthreads; i++) {
		json__object(j, NULL);
		finding_json__thread_members(j, &f->threads[i]);
		json__end_object(j);
	}
	json__end_array(j);
	sizing(j, f);
	json__string(j, "proof", f->proof);
	json__string(j, "explanation", f->explanation);
	json__string(j, "event", finding__event_name(f->event));
	if (f->event == FINDING_RECOVERED)
		json__u64(j, "recovered_ms", f->recovered_ms);
	else
		json__null(j, "recovered_ms");
	if (f->depth)
		known(j, "safe_threads", f->safe_threads);
	else
		json__null(j, "safe_threads");
	json__bool(j, "uncertain", f->uncertain);
	json__array(j, "pools");
	for (size_t i = 0; i < f->npools; i++)
		json__hex(j, NULL, f->pools[i]);
	json__end_array(j);
	json__end_object(j);
}

int finding_json__write(FILE *out, const struct finding *f)
{
	struct json j;

	json__init(&j, out);
	finding_json__object(&j, NULL, f);
	return json__end_line(&j);
}
