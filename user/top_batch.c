// SPDX-License-Identifier: GPL-2.0
/* Samples for logs and scripts. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include "finding_json.h"
#include "top_findings.h"
#include "top_loop.h"

/* As on the screen: over the last interval. */
#define USUAL_COLUMNS \
	"name,pid,comm,capacity,in_use,max,waiters,oldest_wait,rate,recent_hold_p50,recent_hold_p99,recent_wait_p50," \
	"recent_wait_p99,nested,margin,state"

static uint64_t realtime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static bool wanted(const struct top *t, uint32_t pid)
{
	return !t->o.pid || t->o.pid == pid;
}

static void session_json(const struct top *t, struct json *j, const struct session *s)
{
	struct table_choice choice;

	json__object(j, NULL);
	json__u64(j, "session", s->views.session.number);
	json__string(j, "mode", s->source->ops->mode);
	table__choose_all(&views_pools, &choice);
	json__array(j, "pools");
	for (size_t i = 0; i < s->views.npools; i++)
		if (wanted(t, s->views.pools[i].pool->head.tgid))
			table__json_row(j, NULL, &views_pools, &choice, &s->views.pools[i]);
	json__end_array(j);
	table__choose_all(&views_threads, &choice);
	json__array(j, "threads");
	for (size_t i = 0; i < s->views.nthreads; i++)
		if (wanted(t, s->views.threads[i].who.pid))
			table__json_row(j, NULL, &views_threads, &choice, &s->views.threads[i]);
	json__end_array(j);
	table__choose_all(&views_counters, &choice);
	json__array(j, "counters");
	for (size_t i = 0; i < s->views.ncounters; i++)
		table__json_row(j, NULL, &views_counters, &choice, &s->views.counters[i]);
	json__end_array(j);
	json__end_object(j);
}

static int sample_json(struct top *t, FILE *out)
{
	struct json j;
	char when[32];

	finding_json__time(when, sizeof(when), realtime_ns());
	json__init(&j, out);
	json__object(&j, NULL);
	json__string(&j, "type", "sample");
	json__string(&j, "time", when);
	json__u64(&j, "interval_ns", t->o.interval_ns);
	json__array(&j, "sessions");
	for (size_t i = 0; i < t->sessions.n; i++)
		if (!t->sessions.s[i]->gone)
			session_json(t, &j, t->sessions.s[i]);
	json__end_array(&j);
	json__array(&j, "findings");
	for (size_t i = 0; i < t->nfresh; i++)
		json__raw(&j, NULL, t->fresh[i]);
	json__end_array(&j);
	json__end_object(&j);
	top_findings__sampled(t);
	return json__end_line(&j);
}

/* @told: number of the last finding that was printed. */
static int sample_text(struct top *t, FILE *out, const struct table_choice *choice, uint64_t *told)
{
	const struct table_options o = { .no_headings = t->o.no_headings };
	time_t now = time(NULL);
	char when[32] = "";
	struct tm tm;
	int err;

	if (localtime_r(&now, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	if (!t->o.no_headings) {
		fprintf(out, "poolwatch %s, %u pools, %u threads", when, t->all_pools, t->all_threads);
		for (int s = VIEW_NO_POOL; s >= 0; s--)
			if (t->states[s])
				fprintf(out, ", %u %s", t->states[s], view_state__name((enum view_state)s));
		putc('\n', out);
	}
	err = table__print(out, choice, (const void *const *)t->pools, t->npools, &o);
	for (size_t i = 0; i < t->nfindings; i++) {
		if (t->findings[i].number <= *told)
			continue;
		fprintf(out, "! %s\n", t->findings[i].line);
		*told = t->findings[i].number;
	}
	if (!t->o.no_headings)
		putc('\n', out);
	if (err)
		return err;
	return fflush(out) || ferror(out) ? -EIO : 0;
}

int top__batch(struct top *t, FILE *out)
{
	struct table_choice choice = { 0 };
	uint64_t next = top__now(), told = 0;
	char why[160];
	int err = 0;

	if (!t->o.json)
		err = table__choose(&views_pools, t->o.columns ? t->o.columns : USUAL_COLUMNS, &choice, why,
				    sizeof(why));
	top_loop__begin();
	for (uint64_t n = 0; !err && (!t->o.looks || n < t->o.looks); n++) {
		if (n) {
			/* Samples stay in step: what a look takes is not added. */
			next += t->o.interval_ns;
			if (next < top__now())
				next = top__now();
			err = top_loop__sleep(t, next);
			if (err)
				break;
		}
		err = top_model__look(t);
		if (!err && t->ended)
			err = -ENODEV;
		if (!err)
			err = t->o.json ? sample_json(t, out) : sample_text(t, out, &choice, &told);
	}
	top_loop__end();
	return err == -EINTR ? 0 : err;
}
