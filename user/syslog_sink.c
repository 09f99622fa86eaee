// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <syslog.h>
#include "facility.h"
#include "logline.h"
#include "syslog_sink.h"

int syslog_sink__open(const char *facility)
{
	int code = facility ? facility__by_name(facility) : LOG_DAEMON;

	if (code < 0)
		return code;
	openlog("poolwatch", LOG_PID | LOG_NDELAY, code);
	return 0;
}

int syslog_sink__priority(enum finding_severity severity)
{
	switch (severity) {
	case FINDING_CRITICAL:
		return LOG_CRIT;
	case FINDING_ERROR:
		return LOG_ERR;
	case FINDING_WARNING:
		return LOG_WARNING;
	case FINDING_INFO:
		break;
	}
	return LOG_INFO;
}

void syslog_sink__send(const struct finding *f)
{
	char line[LOGLINE_MAX];

	if (logline__format(f, line, sizeof(line)) > 0)
		syslog(syslog_sink__priority(f->severity), "%s", line);
}

void syslog_sink__close(void)
{
	closelog();
}
