/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A finding as one line of key=value pairs (logfmt) for logs. The keys are stable: new ones are only ever added at the
 * end. A value that is more than letters, digits and -._/:+@,<>()[]~#*&$ stands in double quotes; nothing in it can end
 * the line, the quotes or the pair.
 */
#ifndef POOLWATCH_LOGLINE_H
#define POOLWATCH_LOGLINE_H

#include <stddef.h>
#include "finding.h"

#define LOGLINE_MAX 900 /* RFC 3164 guarantees 1024 bytes of message, time, host and tag included */

/*
 * logline__format - into @buf, always ended by NUL. What does not fit is left out by whole pairs, and truncated=yes
 * says so.
 * Return: the length, or -ENOSPC if @size is less than 128.
 */
int logline__format(const struct finding *f, char *buf, size_t size);

#endif
