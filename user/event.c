// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include "escape.h"
#include "event.h"
#include "finding_json.h"
#include "text.h"

static const char *const names[] = {
	[POOLWATCH_EV_POOL] = "pool",		[POOLWATCH_EV_NESTED] = "nested",
	[POOLWATCH_EV_ORDER] = "order",		[POOLWATCH_EV_FULL] = "full",
	[POOLWATCH_EV_BLOCKED] = "blocked",	[POOLWATCH_EV_WAITED] = "waited",
	[POOLWATCH_EV_EXIT] = "exit",		[POOLWATCH_EV_RETURNED] = "returned",
	[POOLWATCH_EV_PROC_EXIT] = "proc-exit", [POOLWATCH_EV_PROC_EXEC] = "proc-exec",
	[POOLWATCH_EV_PROC_FORK] = "proc-fork", [POOLWATCH_EV_SIGNALLING] = "signalling",
	[POOLWATCH_EV_UNCERTAIN] = "uncertain",
};

const char *event__name(unsigned int type)
{
	return type < sizeof(names) / sizeof(names[0]) && names[type] ? names[type] : "unknown";
}

/* What the event says beyond its kind. */
static void detail(char *buf, size_t size, const struct event_view *v, const char *site, const char *held_site)
{
	const struct poolwatch_event *e = v->event;
	char age[32];

	*buf = '\0';
	switch (e->type) {
	case POOLWATCH_EV_POOL:
		snprintf(buf, size, "seen for the first time");
		break;
	case POOLWATCH_EV_NESTED:
		snprintf(buf, size, "holds a unit taken at %s, asks for another at %s", held_site, site);
		break;
	case POOLWATCH_EV_ORDER:
		snprintf(buf, size, "holds a unit of another pool taken at %s, asks at %s", held_site, site);
		break;
	case POOLWATCH_EV_FULL:
		snprintf(buf, size, "took the last unit at %s", site);
		break;
	case POOLWATCH_EV_BLOCKED:
		snprintf(buf, size, "holds a unit and waits for a full pool at %s", site);
		break;
	case POOLWATCH_EV_WAITED:
		text__age(age, sizeof(age), e->value / 1000000);
		snprintf(buf, size, e->units ? "got a unit after %s at %s" : "gave up after %s at %s", age, site);
		break;
	case POOLWATCH_EV_EXIT:
		snprintf(buf, size, "ended while holding %" PRIu64, (uint64_t)e->value);
		break;
	case POOLWATCH_EV_RETURNED:
		snprintf(buf, size, "a unit of a thread that had ended was returned");
		break;
	case POOLWATCH_EV_PROC_EXIT:
		snprintf(buf, size, "the process ended");
		break;
	case POOLWATCH_EV_PROC_EXEC:
		snprintf(buf, size, "the process became another program");
		break;
	case POOLWATCH_EV_PROC_FORK:
		snprintf(buf, size, "the process made a child, %" PRIu64, (uint64_t)e->value);
		break;
	case POOLWATCH_EV_SIGNALLING:
		snprintf(buf, size, "a thread that never waited gave a unit: a signalling semaphore, no pool");
		break;
	case POOLWATCH_EV_UNCERTAIN:
		snprintf(buf, size, "the books may be wrong from now on");
		break;
	}
}

static void frame_text(char *buf, size_t size, const struct finding_frame *f, unsigned int flags)
{
	if (f->address || f->symbol || f->module)
		text__frame(buf, size, f, flags);
	else
		snprintf(buf, size, "?");
}

void event__print(FILE *out, const struct event_view *v, unsigned int flags)
{
	const struct poolwatch_event *e = v->event;
	char site[256], held_site[256], what[700], when[16] = "";
	time_t seconds = (time_t)(v->realtime_ns / 1000000000);
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(when, sizeof(when), "%H:%M:%S", &tm);
	frame_text(site, sizeof(site), &v->site, flags);
	frame_text(held_site, sizeof(held_site), &v->held_site, flags);
	detail(what, sizeof(what), v, site, held_site);
	fprintf(out, "%s.%06u %-10s ", when, (unsigned int)(v->realtime_ns % 1000000000 / 1000), event__name(e->type));
	if (e->pool) {
		escape__print(out, v->pool ? v->pool : "?", flags);
		fprintf(out, " of ");
	}
	fprintf(out, "process %" PRIu32, e->tgid);
	if (e->tid) {
		char comm[POOLWATCH_COMM + 1] = "";

		memcpy(comm, e->comm, strnlen(e->comm, sizeof(e->comm)));
		fputs(", ", out);
		escape__print(out, *comm ? comm : "thread", flags);
		fprintf(out, "[%" PRIu32 "]", e->tid);
	}
	fprintf(out, "%s%s\n", *what ? ": " : "", what);
}

int event__print_json(FILE *out, const struct event_view *v)
{
	const struct poolwatch_event *e = v->event;
	char when[32];
	struct json j;

	finding_json__time(when, sizeof(when), v->realtime_ns);
	json__init(&j, out);
	json__object(&j, NULL);
	json__string(&j, "type", "event");
	json__string(&j, "event", event__name(e->type));
	json__string(&j, "time", when);
	json__u64(&j, "seq", e->seq);
	json__u64(&j, "session", e->session);
	json__u64(&j, "pid", e->tgid);
	json__u64(&j, "tid", e->tid);
	json__bytes(&j, "comm", e->comm, strnlen(e->comm, sizeof(e->comm)));
	json__string(&j, "pool", e->pool ? v->pool : NULL);
	json__hex(&j, "pool_id", e->pool);
	json__hex(&j, "held_id", e->held);
	json__u64(&j, "units", e->units);
	json__u64(&j, "value", e->value);
	finding_json__frame(&j, "site", &v->site);
	finding_json__frame(&j, "held_site", &v->held_site);
	json__end_object(&j);
	return json__end_line(&j);
}
