/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A finding as one line of key=value pairs (logfmt) for logs. The keys are stable: they are only ever added, at the end of
 * their group. Values with anything but letters, digits and -._/:+@%,<>()[]{}~#*&!$ are quoted; nothing in them can end the line.
 */
#ifndef POOLWATCH_LOGLINE_H
#define POOLWATCH_LOGLINE_H

#include <stddef.h>
#include "finding.h"

#define LOGLINE_MAX 1024 /* bytes that always reach a log: what RFC 3164 guarantees of a message, header included, less its room */

/*
 * logline__format - into @buf, always ended by NUL. What does not fit is left out by whole pairs, and truncated=yes says so.
 * Return: the length, or -ENOSPC if @size is less than 128.
 */
int logline__format(const struct finding *f, char *buf, size_t size);

#endif
