/* SPDX-License-Identifier: GPL-2.0 */
/* Findings to syslog(3), one line each (logline.h). Opened once a process. */
#ifndef POOLWATCH_SYSLOG_SINK_H
#define POOLWATCH_SYSLOG_SINK_H

#include "finding.h"

/* @facility: "daemon", "user", "local0".., NULL: daemon. Return: 0; -EINVAL: no such facility. */
int syslog_sink__open(const char *facility);
void syslog_sink__send(const struct finding *f);
void syslog_sink__close(void);
/* The priority of a severity: LOG_CRIT, LOG_ERR, LOG_WARNING, LOG_INFO. */
int syslog_sink__priority(enum finding_severity severity);

#endif
