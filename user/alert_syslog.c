// SPDX-License-Identifier: GPL-2.0
/* Alerts to the local syslog, by syslog(3). */
#include <errno.h>
#include <stdlib.h>
#include <syslog.h>
#include "alert.h"
#include "facility.h"

struct syslog_alerts {
	struct alert_sink base;
	int facility;
};

static int send_line(struct alert_sink *s, const struct alert *a)
{
	/* syslog(3) says nothing about failures, and connects anew when the logger was restarted. */
	syslog(((struct syslog_alerts *)s)->facility | alert__priority(a), "%s", a->line);
	return 0;
}

static void sink_free(struct alert_sink *s)
{
	closelog();
	free(s);
}

static const struct alert_sink_ops ops = {.send = send_line, .free = sink_free};

int alert_syslog__new(const struct conf_sink *c, struct alert_sink **out)
{
	int facility = c->facility ? facility__by_name(c->facility) : LOG_DAEMON;
	struct syslog_alerts *s;

	if (facility < 0)
		return facility;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->base = (struct alert_sink){.ops = &ops, .fd = -1};
	s->facility = facility;
	openlog("poolwatch", LOG_PID | LOG_NDELAY, facility);
	*out = &s->base;
	return 0;
}
