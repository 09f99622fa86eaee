// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cleanup.h"
#include "escape.h"
#include "finding_json.h"
#include "target.h"
#include "text.h"
#include "top_findings.h"

#define EVENTS_A_LOOK 10000 /* read for the judge at once; the rest with the next look */

static uint64_t realtime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* "14:22:03 deadlock in sem of api[4242]: 4 threads hold ..." */
static char *line_of(const struct finding *f)
{
	char name[4 * POOLWATCH_NAME], comm[4 * POOLWATCH_COMM], why[400], age[32], when[16] = "", *line = NULL;
	time_t seconds = (time_t)(realtime_ns() / 1000000000);
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(when, sizeof(when), "%H:%M:%S", &tm);
	escape__bytes(name, sizeof(name), f->pool_name, strnlen(f->pool_name, sizeof(f->pool_name)), 0);
	escape__bytes(comm, sizeof(comm), f->comm, strnlen(f->comm, sizeof(f->comm)), 0);
	escape__string(why, sizeof(why), f->explanation, 0);
	text__age(age, sizeof(age), f->recovered_ms);
	if (f->event == FINDING_RECOVERED)
		snprintf(why, sizeof(why), "%s after %s", f->kind == FINDING_LEAK ? "returned" : "recovered", age);
	if (asprintf(&line, "%s %s%s in %s of %s[%u]%s%s", when, f->event == FINDING_RETRACTED ? "retracted: " : "",
		     finding__kind_name(f->kind), name, comm, f->pid, *why ? ": " : "", why) < 0)
		return NULL;
	return line;
}

static char *text_of(const struct finding *f)
{
	const struct text_options o = { 0 };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	text__finding(out, f, &o);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	if (size > TOP_MAX_TEXT)
		text[TOP_MAX_TEXT] = '\0';
	return text;
}

static void keep_json(struct top *t, const struct finding *f)
{
	char **grown = reallocarray(t->fresh, t->nfresh + 1, sizeof(*grown)), *text = NULL;
	struct json j;
	size_t size;
	FILE *out;

	if (!grown)
		return;
	t->fresh = grown;
	out = open_memstream(&text, &size);
	if (!out)
		return;
	json__init(&j, out);
	finding_json__object(&j, NULL, f);
	if (fclose(out))
		free(text);
	else
		t->fresh[t->nfresh++] = text;
}

static void finding__forget(struct top_finding *f)
{
	free(f->line);
	free(f->text);
}

void top__finding(struct top *t, const struct finding *f)
{
	struct top_finding kept = { .severity = f->severity, .event = f->event };

	if (t->o.json) {
		keep_json(t, f);
		return;
	}
	kept.line = line_of(f);
	kept.text = text_of(f);
	if (!kept.line || !kept.text) {
		finding__forget(&kept);
		return;
	}
	if (t->nfindings == TOP_MAX_FINDINGS) {
		finding__forget(&t->findings[0]);
		memmove(t->findings, t->findings + 1, (TOP_MAX_FINDINGS - 1) * sizeof(t->findings[0]));
		t->nfindings--;
	}
	kept.number = ++t->found;
	t->findings[t->nfindings++] = kept;
	t->redraw = true;
}

/* The judge knows addresses only. */
static int emit(void *ctx, struct finding *f)
{
	struct top *t = ctx;

	if (t->o.pid && f->pid != t->o.pid)
		return 0;
	if (t->names) {
		const char *exe = names__exe(t->names, f->pid);

		for (size_t i = 0; i < f->nthreads; i++) {
			struct finding_thread *th = &f->threads[i];

			names__thread(t->names, th);
			if (f->event == FINDING_NEW && (f->kind == FINDING_DEADLOCK || f->kind == FINDING_STALL) &&
			    !th->nstack)
				names__look(t->names, th);
		}
		if (exe && !f->exe)
			f->exe = strdup(exe);
	}
	if (!f->realtime_ns)
		f->realtime_ns = realtime_ns();
	top__finding(t, f);
	return 0;
}

/* Stacks of other users' threads are not for readers; whether a thread sleeps is, and what the loader has seen. */
static enum judge_presence presence(void *ctx, const struct poolwatch_thread *t)
{
	(void)ctx;
	if (t->left && t->left == t->seq)
		return JUDGE_ELSEWHERE;
	/* What may not be looked at, as with hidepid, is taken to sleep: a thread that ended has no record. */
	return target__sleeps(t->head.tgid, t->tid) ? JUDGE_ASLEEP : JUDGE_AWAKE;
}

static struct judge *judge_of(struct top *t, const struct source *source)
{
	const struct judge_options o = { .stall_ns = t->o.stall_ns ? t->o.stall_ns : VIEWS_STALL_NS,
					 .leak_ns = t->o.leak_ns,
					 .repeat_ns = 60000000000ull,
					 .presence = presence };
	struct top_judge *grown;

	for (size_t i = 0; i < t->njudges; i++)
		if (t->judges[i].source == source)
			return t->judges[i].judge;
	grown = reallocarray(t->judges, t->njudges + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	t->judges = grown;
	if (judge__new(&o, &grown[t->njudges].judge))
		return NULL;
	grown[t->njudges].source = source;
	return grown[t->njudges++].judge;
}

/* Judges of sessions that are no more: another source may come to lie at the same address. */
static void forget_judges(struct top *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->njudges; i++) {
		bool used = false;

		for (size_t k = 0; k < t->sessions.n; k++)
			used |= t->sessions.s[k]->source == t->judges[i].source && !t->sessions.s[k]->gone;
		if (used)
			t->judges[kept++] = t->judges[i];
		else
			judge__free(t->judges[i].judge);
	}
	t->njudges = kept;
}

void top_findings__judge(struct top *t)
{
	if (t->o.no_judge)
		return;
	forget_judges(t);
	for (size_t i = 0; i < t->sessions.n; i++) {
		struct session *s = t->sessions.s[i];
		struct judge *judge = s->gone ? NULL : judge_of(t, s->source);
		struct poolwatch_event e;
		uint64_t missed;

		if (!judge)
			continue;
		for (int k = 0; k < EVENTS_A_LOOK; k++) {
			int got = s->source->ops->next_event(s->source, &e, &missed);

			/* What was missed is seen in the snapshot, if it still lasts. */
			if (got == -EPIPE)
				continue;
			if (got <= 0)
				break;
			/* The device shows events of all sessions to each reader. */
			if (e.session == s->source->session || !strcmp(s->source->ops->mode, "direct"))
				judge__event(judge, &e);
		}
		judge__look(judge, &s->now, s->looks > 1 ? &s->before : NULL, emit, t);
	}
}

void top_findings__sampled(struct top *t)
{
	for (size_t i = 0; i < t->nfresh; i++)
		free(t->fresh[i]);
	free(t->fresh);
	t->fresh = NULL;
	t->nfresh = 0;
}

void top_findings__clear(struct top *t)
{
	top_findings__sampled(t);
	for (size_t i = 0; i < t->nfindings; i++)
		finding__forget(&t->findings[i]);
	t->nfindings = 0;
	for (size_t i = 0; i < t->njudges; i++)
		judge__free(t->judges[i].judge);
	free(t->judges);
	t->judges = NULL;
	t->njudges = 0;
}

const struct top_finding *top_model__finding(const struct top *t)
{
	for (size_t i = 0; i < t->nfindings; i++)
		if (t->findings[i].number == t->opened)
			return &t->findings[i];
	return NULL;
}
