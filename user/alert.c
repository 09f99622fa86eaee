// SPDX-License-Identifier: GPL-2.0
/* All alert sinks, behind the rate limit. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include "alert.h"
#include "alert_render.h"
#include "limiter.h"

struct alerts {
	struct alert_sink **sinks;
	size_t n;
	int epoll;
	bool ends;
	struct limiter limiter;
};

static uint64_t realtime(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

int alert_sink__new(const struct conf_sink *c, struct alert_sink **out, char *msg, size_t size)
{
	static int (*const make[CONF_SINK_TYPES])(const struct conf_sink *c, struct alert_sink **out) = {
	    [CONF_SYSLOG] = alert_syslog__new, [CONF_JOURNAL] = alert_journal__new, [CONF_REMOTE] = alert_remote__new,
	    [CONF_FILE] = alert_file__new,     [CONF_COMMAND] = alert_command__new,
	};
	struct alert_sink *s = NULL;
	char *name = strdup(c->name);
	int err = name ? make[c->type](c, &s) : -ENOMEM;

	if (err) {
		snprintf(msg, size, "[%s]%s%s: %s", c->name, c->path ? " " : "", c->path ? c->path : "",
			 err == -EBUSY ? "is in use by another poolwatch" : strerror(-err));
		free(name);
		return err;
	}
	s->name = name;
	s->kinds = c->kinds;
	s->severity = c->severity;
	*out = s;
	return 0;
}

static void sink_free(struct alert_sink *s)
{
	free(s->name);
	s->ops->free(s);
}

static int add(struct alerts *a, struct alert_sink *s)
{
	struct epoll_event e = {.events = EPOLLIN};

	if (s->fd >= 0 && epoll_ctl(a->epoll, EPOLL_CTL_ADD, s->fd, &e))
		return -errno;
	a->sinks[a->n++] = s;
	return 0;
}

int alerts__new(const struct conf *c, struct alerts **out, char *msg, size_t size)
{
	struct alerts *a = calloc(1, sizeof(*a));
	int err = -ENOMEM;

	if (!a)
		goto fail;
	a->epoll = epoll_create1(EPOLL_CLOEXEC);
	a->sinks = calloc(c->nsinks + 1, sizeof(*a->sinks));
	if (a->epoll < 0 || !a->sinks)
		goto fail;
	a->ends = c->ends;
	a->limiter.rate = c->rate;
	a->limiter.window_ns = c->rate_ns;
	for (size_t i = 0; i < c->nsinks; i++) {
		struct alert_sink *s;

		if (!c->sinks[i].enable)
			continue;
		err = alert_sink__new(&c->sinks[i], &s, msg, size);
		if (err)
			goto told;
		err = add(a, s);
		if (err) {
			sink_free(s);
			goto fail;
		}
	}
	*out = a;
	return 0;
fail:
	snprintf(msg, size, "alerts: %s", strerror(-err));
told:
	alerts__free(a);
	return err;
}

void alerts__free(struct alerts *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n; i++)
		sink_free(a->sinks[i]);
	free(a->sinks);
	if (a->epoll >= 0)
		close(a->epoll);
	free(a);
}

static bool wants(const struct alert_sink *s, const struct alert *al)
{
	return al->type == ALERT_TEST || (s->kinds & 1u << al->finding->kind && al->finding->severity >= s->severity);
}

static void tell(struct alerts *a, struct alert *al)
{
	struct alert_text texts;
	int err = alert_render__texts(al, &texts);

	for (size_t i = 0; i < a->n; i++) {
		struct alert_sink *s = a->sinks[i];

		if (!wants(s, al))
			continue;
		if (err || s->ops->send(s, al))
			s->lost++;
		else
			s->sent++;
	}
	if (!err)
		alert_text__clear(&texts);
}

static void tell_suppressed(struct alerts *a, uint64_t now)
{
	struct limiter_slot slot;

	while (limiter__due(&a->limiter, now, &slot)) {
		struct finding f = {.kind = slot.kind, .severity = slot.severity};
		struct alert al = {
		    .type = ALERT_SUPPRESSED, .finding = &f, .suppressed = slot.suppressed, .realtime_ns = realtime()};

		memcpy(f.pool_name, slot.pool_name, sizeof(f.pool_name));
		tell(a, &al);
	}
}

void alerts__finding(struct alerts *a, const struct finding *f, uint64_t now)
{
	struct alert al = {.type = ALERT_FINDING, .finding = f, .realtime_ns = f->realtime_ns};

	if (f->event == FINDING_RECOVERED && !a->ends)
		return;
	tell_suppressed(a, now);
	if (!limiter__pass(&a->limiter, f, now))
		return;
	if (!al.realtime_ns)
		al.realtime_ns = realtime();
	tell(a, &al);
}

void alerts__test(struct alerts *a, uint64_t now)
{
	struct finding f = {.severity = FINDING_WARNING};
	struct alert al = {.type = ALERT_TEST, .finding = &f, .realtime_ns = realtime()};

	tell(a, &al);
	alerts__step(a, now);
}

int alerts__fd(const struct alerts *a)
{
	return a->epoll;
}

uint64_t alerts__deadline(const struct alerts *a)
{
	uint64_t first = limiter__deadline(&a->limiter);

	for (size_t i = 0; i < a->n; i++) {
		const struct alert_sink *s = a->sinks[i];
		uint64_t t = s->ops->deadline ? s->ops->deadline(s) : UINT64_MAX;

		if (t < first)
			first = t;
	}
	return first;
}

void alerts__step(struct alerts *a, uint64_t now)
{
	tell_suppressed(a, now);
	for (size_t i = 0; i < a->n; i++)
		if (a->sinks[i]->ops->step)
			a->sinks[i]->ops->step(a->sinks[i], now);
}

void alerts__reopen(struct alerts *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->sinks[i]->ops->reopen)
			a->sinks[i]->ops->reopen(a->sinks[i]);
}

bool alerts__idle(const struct alerts *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->sinks[i]->waiting)
			return false;
	return true;
}

const struct alert_sink *alerts__sink(const struct alerts *a, size_t i)
{
	return i < a->n ? a->sinks[i] : NULL;
}

uint64_t alerts__suppressed(const struct alerts *a)
{
	return a->limiter.total;
}
