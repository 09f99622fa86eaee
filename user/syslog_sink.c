// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <strings.h>
#include <syslog.h>
#include "logline.h"
#include "syslog_sink.h"

static const struct {
	const char *name;
	int value;
} facilities[] = {
	{ "auth", LOG_AUTH },	  { "authpriv", LOG_AUTHPRIV }, { "cron", LOG_CRON },	  { "daemon", LOG_DAEMON },
	{ "ftp", LOG_FTP },	  { "lpr", LOG_LPR },		{ "mail", LOG_MAIL },
	{ "news", LOG_NEWS },	  { "syslog", LOG_SYSLOG },	{ "user", LOG_USER },	  { "uucp", LOG_UUCP },
	{ "local0", LOG_LOCAL0 }, { "local1", LOG_LOCAL1 },	{ "local2", LOG_LOCAL2 }, { "local3", LOG_LOCAL3 },
	{ "local4", LOG_LOCAL4 }, { "local5", LOG_LOCAL5 },	{ "local6", LOG_LOCAL6 }, { "local7", LOG_LOCAL7 },
};

int syslog_sink__open(const char *facility)
{
	if (!facility)
		facility = "daemon";
	for (size_t i = 0; i < sizeof(facilities) / sizeof(facilities[0]); i++) {
		if (strcasecmp(facilities[i].name, facility))
			continue;
		openlog("poolwatch", LOG_PID | LOG_NDELAY, facilities[i].value);
		return 0;
	}
	return -EINVAL;
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
