// SPDX-License-Identifier: GPL-2.0
/* See jvm_dump.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "jvm_dump.h"

#define TITLE "Full thread dump "
#define END   "JNI global ref" /* "references: 5", "refs: 2, weak refs: 0": what comes behind the last thread */

struct room {
	size_t threads, frames;
};

bool jvm_text__is(struct jvm_text t, const char *s)
{
	return t.len == strlen(s) && !memcmp(t.s, s, t.len);
}

bool jvm_text__begins(struct jvm_text t, const char *s)
{
	size_t n = strlen(s);

	return t.len >= n && !memcmp(t.s, s, n);
}

static struct jvm_text part(const char *from, const char *to)
{
	return (struct jvm_text){ from, (uint32_t)(to - from) };
}

static struct jvm_text behind(struct jvm_text t, size_t n)
{
	return (struct jvm_text){ t.s + n, t.len - (uint32_t)n };
}

/* The last place of @c in @t, or NULL. */
static const char *last(struct jvm_text t, char c)
{
	return t.len ? memrchr(t.s, c, t.len) : NULL;
}

/* Decimal, or hexadecimal behind "0x". What is too large is none: 0. */
static uint64_t number(struct jvm_text t)
{
	unsigned int base = jvm_text__begins(t, "0x") ? 16 : 10;
	uint64_t v = 0;

	for (size_t i = base == 16 ? 2 : 0; i < t.len; i++) {
		int c = t.s[i] | 0x20;
		unsigned int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;

		if (digit >= base)
			break;
		if (v > (UINT64_MAX - digit) / base)
			return 0;
		v = v * base + digit;
	}
	return v;
}

/*
 * "pool-1-thread-1" #9 prio=5 os_prio=0 tid=0x00007f14a8120b80 nid=0x36b4 waiting on condition
 * A thread has the name that its program gives it, quotes and "nid=" included: those that count are the last ones.
 */
static bool take_header(struct jvm_text line, struct jvm_thread *t)
{
	const char *quote = last(line, '"'), *nid = NULL;

	if (line.len < 2 || line.s[0] != '"' || quote == line.s)
		return false;
	*t = (struct jvm_thread){ .name = part(line.s + 1, quote) };
	for (const char *p = quote; (p = memmem(p, (size_t)(line.s + line.len - p), " nid=", 5)); p += 5)
		nid = p + 5;
	if (nid) {
		uint64_t v = number(part(nid, line.s + line.len));

		t->nid = v <= INT32_MAX ? (uint32_t)v : 0;
	}
	return true;
}

/* "jdk.internal.misc.Unsafe.park(java.base@17.0.15/Native Method)", "A.b(A.java:14)", "A$$Lambda$1/0x7f.call(Unknown Source)" */
static bool take_frame(struct jvm_text line, struct jvm_frame *f)
{
	const char *open = memchr(line.s, '(', line.len), *close = last(line, ')'), *slash, *colon;
	struct jvm_text where;

	if (!open || !close || close < open || open == line.s)
		return false;
	*f = (struct jvm_frame){ .method = part(line.s, open) };
	where = part(open + 1, close);
	slash = last(where, '/');
	if (slash)
		where = part(slash + 1, close);
	if (jvm_text__is(where, "Native Method")) {
		f->native = true;
	} else if (where.len && !jvm_text__is(where, "Unknown Source")) {
		uint64_t n;

		colon = last(where, ':');
		n = colon ? number(part(colon + 1, close)) : 0;
		f->file = colon ? part(where.s, colon) : where;
		f->line = n <= UINT32_MAX ? (uint32_t)n : 0;
	}
	return true;
}

/* " <0x000000069ec59488> (a java.util.concurrent.FutureTask)" */
static void take_object(struct jvm_text line, struct jvm_thread *t)
{
	const char *open = line.len ? memchr(line.s, '<', line.len) : NULL, *close = last(line, ')'), *class;

	if (!open)
		return;
	t->object = number(part(open + 1, line.s + line.len));
	class = memmem(open, (size_t)(line.s + line.len - open), "(a ", 3);
	if (class && close > class)
		t->object_class = part(class + 3, close);
}

static void take_state(struct jvm_text state, struct jvm_thread *t)
{
	static const struct {
		const char *name;
		enum jvm_state state;
	} names[] = { { "RUNNABLE", JVM_RUNNABLE },
		      { "BLOCKED", JVM_BLOCKED },
		      { "WAITING", JVM_WAITING },
		      { "TIMED_WAITING", JVM_TIMED_WAITING } };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (jvm_text__begins(state, names[i].name))
			t->state = names[i].state;
	t->parking = t->state >= JVM_WAITING && memmem(state.s, state.len, "(parking)", 9);
}

static void *grown(void *array, size_t n, size_t *room, size_t size)
{
	void *p = array;

	if (n < *room)
		return array;
	p = reallocarray(array, *room ? 2 * *room : 64, size);
	if (p)
		*room = *room ? 2 * *room : 64;
	return p;
}

static int add_frame(struct jvm_dump *d, struct room *room, struct jvm_thread *t, struct jvm_text line)
{
	struct jvm_frame f, *frames;

	if (t->nframes == JVM_DUMP_MAX_FRAMES || !take_frame(line, &f))
		return 0;
	frames = grown(d->frames, d->nframes, &room->frames, sizeof(*frames));
	if (!frames)
		return -ENOMEM;
	d->frames = frames;
	frames[d->nframes++] = f;
	t->nframes++;
	return 0;
}

/* A line below a thread's first one. */
static int add_line(struct jvm_dump *d, struct room *room, struct jvm_thread *t, struct jvm_text line)
{
	static const char state[] = "   java.lang.Thread.State: ", parking[] = "\t- parking to wait for ", waiting[] = "\t- waiting on ";

	if (jvm_text__begins(line, "\tat "))
		return add_frame(d, room, t, behind(line, 4));
	if (jvm_text__begins(line, state))
		take_state(behind(line, sizeof(state) - 1), t);
	else if (jvm_text__begins(line, parking) && !t->object)
		take_object(behind(line, sizeof(parking) - 1), t);
	else if (jvm_text__begins(line, waiting) && !t->object)
		take_object(behind(line, sizeof(waiting) - 1), t);
	else if (jvm_text__begins(line, "   Carrying virtual thread"))
		t->carrier = true;
	return 0;
}

static int add_thread(struct jvm_dump *d, struct room *room, const struct jvm_thread *t)
{
	struct jvm_thread *threads;

	if (d->nthreads == JVM_DUMP_MAX_THREADS) {
		d->cut = true;
		return 0;
	}
	threads = grown(d->threads, d->nthreads, &room->threads, sizeof(*threads));
	if (!threads)
		return -ENOMEM;
	d->threads = threads;
	threads[d->nthreads] = *t;
	threads[d->nthreads++].first = d->nframes;
	return 0;
}

static int parse(struct jvm_dump *d, size_t len)
{
	const char *end = d->text + len;
	bool titled = false, whole = false, open = false;
	struct room room = { 0 };
	int err = 0;

	for (const char *p = d->text, *nl; !err && p < end; p = nl + 1) {
		struct jvm_text line;
		struct jvm_thread t;

		nl = memchr(p, '\n', (size_t)(end - p)) ?: end;
		line = part(p, nl);
		if (!titled) {
			titled = jvm_text__begins(line, TITLE);
		} else if (take_header(line, &t)) {
			open = d->nthreads < JVM_DUMP_MAX_THREADS;
			err = add_thread(d, &room, &t);
		} else if (!line.len) {
			open = false;
		} else if (open) {
			err = add_line(d, &room, &d->threads[d->nthreads - 1], line);
		} else {
			whole |= jvm_text__begins(line, END);
		}
	}
	return err ? err : titled && whole ? 0 : -EBADMSG;
}

int jvm_dump__parse(const char *text, size_t len, struct jvm_dump **out)
{
	struct jvm_dump *d;
	int err;

	if (len > JVM_DUMP_MAX_BYTES)
		return -EFBIG;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->text = malloc(len + 1);
	if (!d->text) {
		free(d);
		return -ENOMEM;
	}
	memcpy(d->text, text, len);
	d->text[len] = '\0';
	err = parse(d, len);
	if (err) {
		jvm_dump__free(d);
		return err;
	}
	*out = d;
	return 0;
}

void jvm_dump__free(struct jvm_dump *d)
{
	if (!d)
		return;
	free(d->text);
	free(d->threads);
	free(d->frames);
	free(d);
}
