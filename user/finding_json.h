/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A finding as one JSON object, whose keys poolwatch(1) states. Keys are only ever added.
 */
#ifndef POOLWATCH_FINDING_JSON_H
#define POOLWATCH_FINDING_JSON_H

#include <stdio.h>
#include "finding.h"
#include "json.h"

/* One line. Return: 0, or -EIO if the stream has an error. */
int finding_json__write(FILE *out, const struct finding *f);

/* The object alone, where it is part of another. */
void finding_json__object(struct json *j, const char *key, const struct finding *f);
/* The members of a thread's object: who it is, what it holds, what it asks for, its stack. */
void finding_json__thread_members(struct json *j, const struct finding_thread *t);
/* A frame: {"symbol":..,"offset":..,"module":..,"file":..,"line":..}; null if nothing is known of it. */
void finding_json__frame(struct json *j, const char *key, const struct finding_frame *frame);
/* "2026-01-02T03:04:05.678901Z", from CLOCK_REALTIME ns. @buf: at least 32 bytes. */
void finding_json__time(char *buf, size_t size, uint64_t realtime_ns);

#endif
