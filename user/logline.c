// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "escape.h"
#include "logline.h"
#include "text.h"

#define VALUE_MAX 160 /* bytes of one value: a long symbol must not push the other pairs out */

static const char truncated[] = " truncated=yes";

struct line {
	char *buf;
	size_t size; /* room that leaves space for the mark above */
	size_t len;
	bool full;
};

static bool is_bare(const char *s)
{
	static const char other[] = "-._/:+@,<>()[]~#*&$";

	if (!*s)
		return false;
	for (; *s; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
		      strchr(other, *s)))
			return false;
	return true;
}

/*
 * A pair goes in whole or not at all; after the first that does not fit none follows, so that what is there is a
 * prefix.
 */
static void append(struct line *l, const char *key, const char *value, bool quote)
{
	size_t need = strlen(key) + strlen(value) + 1 + (l->len ? 1 : 0) + (quote ? 2 : 0);

	if (l->full || l->len + need >= l->size) {
		l->full = true;
		return;
	}
	l->len += (size_t)sprintf(l->buf + l->len, quote ? "%s%s=\"%s\"" : "%s%s=%s", l->len ? " " : "", key, value);
}

static void bytes(struct line *l, const char *key, const char *s, size_t len)
{
	char value[VALUE_MAX];

	escape__bytes(value, sizeof(value), s, len, ESCAPE_QUOTE);
	append(l, key, value, !is_bare(value));
}

static void string(struct line *l, const char *key, const char *s)
{
	if (s)
		bytes(l, key, s, strlen(s));
}

static void __attribute__((format(printf, 3, 4))) number(struct line *l, const char *key, const char *format, ...)
{
	char value[32];
	va_list ap;

	va_start(ap, format);
	vsnprintf(value, sizeof(value), format, ap);
	va_end(ap);
	append(l, key, value, false);
}

static void known(struct line *l, const char *key, int64_t v)
{
	if (v == POOLWATCH_UNKNOWN)
		append(l, key, "unknown", false);
	else
		number(l, key, "%" PRId64, v);
}

static void frame(struct line *l, const char *key, const struct finding_frame *f)
{
	char value[VALUE_MAX];

	if (!f->symbol && !f->module && !f->address)
		return;
	text__frame(value, sizeof(value), f, ESCAPE_QUOTE);
	append(l, key, value, !is_bare(value));
}

/* "4243,4244,...": as many as fit. */
static void tids(struct line *l, const struct finding *f)
{
	char value[VALUE_MAX];
	size_t len = 0;

	for (size_t i = 0; i < f->nthreads; i++) {
		if (len > sizeof(value) - 16) {
			len += (size_t)sprintf(value + len, ",...");
			break;
		}
		len += (size_t)sprintf(value + len, "%s%" PRIu32, i ? "," : "", f->threads[i].tid);
	}
	if (len)
		append(l, "tids", value, false);
}

/* The caller of the pool, if that is the user's own code; else the innermost of the user's frames, or what there is. */
static const struct finding_frame *request_frame(const struct finding_thread *t)
{
	if (t->request.site.user_code)
		return &t->request.site;
	for (size_t i = 0; i < t->nstack; i++)
		if (t->stack[i].user_code)
			return &t->stack[i];
	return t->request.site.module || t->request.site.address ? &t->request.site
	       : t->nstack					 ? t->stack
								 : &t->request.site;
}

static void sites(struct line *l, const struct finding *f)
{
	const struct finding_thread *t = f->threads;

	if (!f->nthreads)
		return;
	tids(l, f);
	bytes(l, "thread", t->comm, strnlen(t->comm, sizeof(t->comm)));
	if (t->nholds)
		frame(l, "held_at", &t->holds[0].site);
	if (t->requesting || t->nstack)
		frame(l, t->requesting ? "asked_at" : "at", request_frame(t));
	string(l, "doing", t->doing);
}

int logline__format(const struct finding *f, char *buf, size_t size)
{
	struct line l = { .buf = buf, .size = size - sizeof(truncated) + 1 };

	if (size < 128)
		return -ENOSPC;
	string(&l, "finding", finding__kind_name(f->kind));
	string(&l, "severity", finding__severity_name(f->severity));
	string(&l, "event", finding__event_name(f->event));
	number(&l, "id", "%" PRIu32, f->id);
	number(&l, "count", "%" PRIu64, f->count);
	bytes(&l, "pool", f->pool_name, strnlen(f->pool_name, sizeof(f->pool_name)));
	number(&l, "key", "0x%" PRIx64, f->key);
	number(&l, "pid", "%" PRIu32, f->pid);
	bytes(&l, "comm", f->comm, strnlen(f->comm, sizeof(f->comm)));
	known(&l, "capacity", f->capacity);
	known(&l, "in_use", f->in_use);
	known(&l, "waiters", f->waiters);
	number(&l, "threads", "%zu", f->nthreads);
	if (f->depth) {
		number(&l, "depth", "%" PRIu32, f->depth);
		number(&l, "nesting_threads", "%" PRIu32, f->nesting_threads);
		known(&l, "needed_capacity", f->needed_capacity);
		if (f->safe_threads != POOLWATCH_UNKNOWN)
			number(&l, "margin", "%" PRId64, f->margin);
	}
	string(&l, "proof", f->proof);
	if (f->event == FINDING_RECOVERED)
		number(&l, "recovered_ms", "%" PRIu64, f->recovered_ms);
	if (f->uncertain)
		append(&l, "uncertain", "yes", false);
	sites(&l, f);
	string(&l, "exe", f->exe);
	string(&l, "container", f->container);
	string(&l, "explanation", f->explanation);
	if (l.full)
		l.len += (size_t)sprintf(buf + l.len, "%s", truncated);
	return (int)l.len;
}
