// SPDX-License-Identifier: GPL-2.0
/* The texts of an alert. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include "alert_render.h"
#include "escape.h"
#include "finding_json.h"
#include "json.h"
#include "logline.h"
#include "syslog_sink.h"

#define TEST_TEXT "a test alert: nothing is wrong"

int alert__priority(const struct alert *a)
{
	return syslog_sink__priority(a->finding->severity);
}

static void write_suppressed(struct json *j, const struct alert *a)
{
	json__string(j, "type", "suppressed");
	json__string(j, "kind", finding__kind_name(a->finding->kind));
	json__string(j, "pool", a->finding->pool_name);
	json__u64(j, "count", a->suppressed);
}

static int write_json(FILE *out, const struct alert *a)
{
	char time[40];
	struct json j;

	if (a->type == ALERT_FINDING)
		return finding_json__write(out, a->finding);
	finding_json__time(time, sizeof(time), a->realtime_ns);
	json__init(&j, out);
	json__object(&j, NULL);
	if (a->type == ALERT_SUPPRESSED) {
		write_suppressed(&j, a);
	} else {
		json__string(&j, "type", "test");
		json__string(&j, "explanation", TEST_TEXT);
	}
	json__string(&j, "severity", finding__severity_name(a->finding->severity));
	json__string(&j, "time", time);
	json__end_object(&j);
	return json__end_line(&j);
}

static int write_line(char *buf, size_t size, const struct alert *a)
{
	char pool[4 * POOLWATCH_NAME + 1];

	switch (a->type) {
	case ALERT_FINDING:
		return logline__format(a->finding, buf, size);
	case ALERT_SUPPRESSED:
		escape__bytes(pool, sizeof(pool), a->finding->pool_name, strnlen(a->finding->pool_name, POOLWATCH_NAME),
			      ESCAPE_QUOTE);
		return snprintf(buf, size, "suppressed=%" PRIu64 " finding=%s severity=%s pool=\"%s\"", a->suppressed,
				finding__kind_name(a->finding->kind), finding__severity_name(a->finding->severity),
				pool);
	case ALERT_TEST:
		return snprintf(buf, size, "test=yes severity=%s explanation=\"" TEST_TEXT "\"",
				finding__severity_name(a->finding->severity));
	}
	return -EINVAL;
}

int alert_render__texts(struct alert *a, struct alert_text *t)
{
	FILE *out = open_memstream(&t->json, &t->json_len);
	int err;

	if (!out)
		return -ENOMEM;
	err = write_json(out, a);
	if (fclose(out) || err || write_line(t->line, sizeof(t->line), a) < 0) {
		alert_text__clear(t);
		return -ENOMEM;
	}
	while (t->json_len && t->json[t->json_len - 1] == '\n')
		t->json[--t->json_len] = '\0';
	a->name = a->type == ALERT_FINDING ? finding__kind_name(a->finding->kind)
		  : a->type == ALERT_TEST  ? "test"
					   : "suppressed";
	a->json = t->json;
	a->json_len = t->json_len;
	a->line = t->line;
	return 0;
}

void alert_text__clear(struct alert_text *t)
{
	free(t->json);
	t->json = NULL;
}
