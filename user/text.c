// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cleanup.h"
#include "escape.h"
#include "text.h"
#include "text_out.h"

#define PLACE_MAX 320 /* bytes of a site within a sentence */

struct text_options text__options(const struct term *t)
{
	return (struct text_options){ .color = t->color, .ascii = !t->utf8, .width = t->width };
}

size_t text__age(char *buf, size_t size, uint64_t ms)
{
	uint64_t s = ms / 1000;

	if (ms < 1000)
		return (size_t)snprintf(buf, size, "%" PRIu64 " ms", ms);
	if (s < 60)
		return (size_t)snprintf(buf, size, "%" PRIu64 ".%" PRIu64 " s", s, ms % 1000 / 100);
	if (s < 3600)
		return (size_t)snprintf(buf, size, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
	if (s < 86400)
		return (size_t)snprintf(buf, size, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s % 3600 / 60);
	return (size_t)snprintf(buf, size, "%" PRIu64 " d %" PRIu64 " h", s / 86400, s % 86400 / 3600);
}

static enum text_style severity_style(const struct finding *f)
{
	if (f->event == FINDING_RECOVERED || f->event == FINDING_RETRACTED)
		return TEXT_GREEN;
	return f->severity >= FINDING_ERROR ? TEXT_RED : f->severity == FINDING_WARNING ? TEXT_YELLOW : TEXT_BOLD;
}

/* "pool sem of api[4242]" */
static void subject(char *buf, size_t size, const struct text_out *t, const struct finding *f)
{
	char name[4 * POOLWATCH_NAME], comm[4 * POOLWATCH_COMM];

	escape__bytes(name, sizeof(name), f->pool_name, strnlen(f->pool_name, sizeof(f->pool_name)), t->escape);
	escape__bytes(comm, sizeof(comm), f->comm, strnlen(f->comm, sizeof(f->comm)), t->escape);
	snprintf(buf, size, "pool %s of %s[%" PRIu32 "]", name, *comm ? comm : "process", f->pid);
}

static void clock_time(char *buf, size_t size, uint64_t realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / 1000000000);
	struct tm tm;

	*buf = '\0';
	if (realtime_ns && localtime_r(&seconds, &tm))
		strftime(buf, size, " at %H:%M:%S", &tm);
}

static void title(struct text_out *t, const struct finding *f)
{
	char line[400], what[240], when[32];
	const char *kind = finding__kind_name(f->kind);
	unsigned int column = 0;

	text_out__style(t, severity_style(f));
	for (; kind[column]; column++)
		putc(kind[column] >= 'a' && kind[column] <= 'z' ? kind[column] - 'a' + 'A' : kind[column], t->out);
	text_out__style(t, TEXT_PLAIN);
	subject(what, sizeof(what), t, f);
	clock_time(when, sizeof(when), f->realtime_ns);
	snprintf(line, sizeof(line), "#%" PRIu32 " in %s%s", f->id, what, when);
	putc(' ', t->out);
	text_out__wrap(t, column + 1, 2, TEXT_PLAIN, line);
}

static void sentence(struct text_out *t, const struct finding *f)
{
	static const char *const general[FINDING_KINDS] = {
		[FINDING_NESTED] =
			"A thread that holds a unit of this pool asked for another one; enough of them at once would wait for each "
			"other forever.",
		[FINDING_ORDER] =
			"Threads take these pools in different orders; enough of them at once would wait for each other forever.",
		[FINDING_DEADLOCK] =
			"These threads wait for units that only they themselves could give back; none of them will ever go on.",
		[FINDING_STALL] = "The pool is exhausted, threads wait, and nothing has been given back for too long.",
		[FINDING_LEAK] = "Units of this pool were taken and not given back.",
		[FINDING_DETACHED] = "Watching this pool cost more than its budget: its probes were removed.",
	};
	_cleanup_free_ char *text = NULL;
	size_t len = 0;

	if (f->explanation && *f->explanation) {
		len = escape__string(NULL, 0, f->explanation, t->escape);
		text = malloc(len + 2);
	}
	text_out__spaces(t, 2);
	if (!text) {
		text_out__wrap(t, 2, 2, TEXT_BOLD, general[f->kind]);
		return;
	}
	escape__string(text, len + 1, f->explanation, t->escape);
	/* The explanation is a clause, here it stands as a sentence. */
	if (*text >= 'a' && *text <= 'z')
		*text = (char)(*text - 'a' + 'A');
	if (!strchr(".!?", text[len - 1]))
		strcpy(text + len, ".");
	text_out__wrap(t, 2, 2, TEXT_BOLD, text);
}

/* The numbers: "capacity 4, 4 in use, 4 waiting; key 0x55d0c0de; /usr/bin/api, container 3f2a" */
static void facts(struct text_out *t, const struct finding *f)
{
	char line[1400], place[512];
	size_t len = 0;

#define ADD(...) (len += (size_t)snprintf(line + len, sizeof(line) - len, __VA_ARGS__))
	if (f->capacity == POOLWATCH_UNKNOWN)
		ADD("capacity unknown");
	else
		ADD("capacity %" PRId64, f->capacity);
	ADD(", %" PRId64 " in use, %" PRId64 " waiting", f->in_use, f->waiters);
	if (f->unknown > 0)
		ADD(", %" PRId64 " taken before the watch began", f->unknown);
	ADD("; key 0x%" PRIx64, f->key);
	if (f->exe) {
		escape__string(place, sizeof(place), f->exe, t->escape);
		ADD("; %s", place);
	}
	if (f->container) {
		escape__string(place, sizeof(place), f->container, t->escape);
		ADD(", container %s", place);
	}
#undef ADD
	text_out__spaces(t, 2);
	text_out__wrap(t, 2, 4, TEXT_DIM, line);
	if (f->uncertain) {
		text_out__spaces(t, 2);
		text_out__wrap(t, 2, 4, TEXT_YELLOW,
			       "The books of this pool may be wrong: 'poolwatch show stats' tells what was lost.");
	}
}

/*
 * The line a reader must change: the caller of the pool, if that is the user's own code; else the user's innermost
 * frame.
 */
static const struct finding_frame *own_frame(const struct finding_frame *stack, size_t n,
					     const struct finding_frame *site)
{
	if (site->user_code)
		return site;
	for (size_t i = 0; i < n; i++)
		if (stack[i].user_code)
			return &stack[i];
	return site->symbol || site->module || site->address ? site : n ? stack : NULL;
}

static bool hold_place(char *buf, size_t size, const struct text_out *t, const struct finding *f)
{
	const struct finding_hold *h = f->nthreads && f->threads[0].nholds ? &f->threads[0].holds[0] : NULL;
	const struct finding_frame *frame = h ? own_frame(h->stack, h->nstack, &h->site) : NULL;

	return frame && text__frame(buf, size, frame, t->escape);
}

static bool request_place(char *buf, size_t size, const struct text_out *t, const struct finding *f)
{
	const struct finding_thread *th = f->nthreads && f->threads[0].requesting ? &f->threads[0] : NULL;
	const struct finding_frame *frame = th ? own_frame(th->stack, th->nstack, &th->request.site) : NULL;

	return frame && text__frame(buf, size, frame, t->escape);
}

/*
 * The capacity that the seen threads need, by the sizing rule: at least as many as are seen, and one more than is
 * safe.
 */
static void sizing(char *buf, size_t size, const struct finding *f)
{
	int64_t threads = f->nesting_threads;

	*buf = '\0';
	if (f->depth < 2 || f->needed_capacity == POOLWATCH_UNKNOWN)
		return;
	if (f->safe_threads >= threads)
		snprintf(buf, size,
			 "Safe for up to %" PRId64 " %s nesting at once, %" PRIu32 " seen; %" PRId64
			 " of them need %" PRId64 " units.",
			 f->safe_threads, f->safe_threads == 1 ? "thread" : "threads", f->nesting_threads,
			 f->safe_threads + 1, f->needed_capacity);
	else
		snprintf(buf, size, "%" PRId64 " %s nesting %" PRIu32 " deep need at least %" PRId64 " units.", threads,
			 threads == 1 ? "thread" : "threads", f->depth, threads * (f->depth - 1) + 1);
}

static void cure(struct text_out *t, const struct finding *f)
{
	char line[1200] = "", from[PLACE_MAX], to[PLACE_MAX], size[160];

	switch (f->kind) {
	case FINDING_NESTED:
	case FINDING_DEADLOCK:
		*size = '\0';
		/* The explanation of a nested request says it already. */
		if (f->kind == FINDING_DEADLOCK || !f->explanation)
			sizing(size, sizeof(size), f);
		if (f->worker)
			snprintf(line, sizeof(line),
				 "let the task end instead of waiting in it, or give what it waits for to other workers.%s%s",
				 *size ? " " : "", size);
		else if (hold_place(from, sizeof(from), t, f) && request_place(to, sizeof(to), t, f))
			snprintf(line, sizeof(line),
				 "release what %s took before asking again at %s, or take all units at once.%s%s", from,
				 to, *size ? " " : "", size);
		else
			snprintf(line, sizeof(line), "release the first unit before asking for the next.%s%s",
				 *size ? " " : "", size);
		break;
	case FINDING_ORDER:
		snprintf(line, sizeof(line),
			 "take these pools in the same order everywhere, or release one before asking for the other.");
		break;
	case FINDING_STALL:
		snprintf(line, sizeof(line),
			 "see what the holders above do; a larger pool helps only if they go on at all.");
		break;
	case FINDING_LEAK:
		if (hold_place(from, sizeof(from), t, f))
			snprintf(line, sizeof(line), "release on every path what %s took, errors included.", from);
		break;
	case FINDING_DETACHED:
		snprintf(line, sizeof(line), "watch fewer functions, or allow more with --budget.");
		break;
	case FINDING_KINDS:
		break;
	}
	if (!*line)
		return;
	text_out__spaces(t, 2);
	text_out__style(t, TEXT_GREEN);
	fputs("Cure:", t->out);
	text_out__style(t, TEXT_PLAIN);
	putc(' ', t->out);
	text_out__wrap(t, 8, 4, TEXT_PLAIN, line);
}

/* What becomes of a finding that was told before. */
static void follow_up(struct text_out *t, const struct finding *f)
{
	char line[900], what[240], age[40], why[400];
	const char *kind = finding__kind_name(f->kind);

	subject(what, sizeof(what), t, f);
	switch (f->event) {
	case FINDING_RECOVERED:
		text__age(age, sizeof(age), f->recovered_ms);
		snprintf(line, sizeof(line), "%s after %s: %s #%" PRIu32 " in %s",
			 f->kind == FINDING_LEAK ? "returned" : "recovered", age, kind, f->id, what);
		break;
	case FINDING_RETRACTED:
		escape__string(why, sizeof(why), f->explanation ? f->explanation : "it is no pool", t->escape);
		snprintf(line, sizeof(line), "retracted: %s #%" PRIu32 " in %s: %s", kind, f->id, what, why);
		break;
	default:
		snprintf(line, sizeof(line), "again, %" PRIu64 " times by now: %s #%" PRIu32 " in %s", f->count, kind,
			 f->id, what);
		break;
	}
	text_out__wrap(t, 0, 2, severity_style(f), line);
}

int text__finding(FILE *out, const struct finding *f, const struct text_options *o)
{
	struct text_out t = { .out = out, .o = *o, .escape = o->ascii ? ESCAPE_ASCII : 0 };
	int err = 0;

	if (f->event != FINDING_NEW) {
		follow_up(&t, f);
	} else {
		title(&t, f);
		sentence(&t, f);
		facts(&t, f);
		err = text_out__threads(&t, f);
		cure(&t, f);
		putc('\n', out);
	}
	if (err)
		return err;
	return fflush(out) || ferror(out) ? -EIO : 0;
}

int text__threads(FILE *out, const struct finding *f, const struct text_options *o)
{
	struct text_out t = { .out = out, .o = *o, .escape = o->ascii ? ESCAPE_ASCII : 0 };
	int err = text_out__threads(&t, f);

	if (err)
		return err;
	return fflush(out) || ferror(out) ? -EIO : 0;
}
