// SPDX-License-Identifier: GPL-2.0
/* Syslog messages of RFC 5424. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "escape.h"
#include "finding_json.h"
#include "rfc5424.h"

/* 32473 is the enterprise number that RFC 5612 sets aside for those who have none. */
#define SD_ID "poolwatch@32473"

/* PRINTUSASCII, at most @max of them; what is not becomes '?'. */
static void put_header_word(FILE *out, const char *s, size_t max)
{
	if (!*s)
		fputc('-', out);
	for (; *s && max; s++, max--)
		fputc(*s > ' ' && *s < 0x7f ? *s : '?', out);
}

/*
 * PARAM-VALUE: '"', '\' and ']' are escaped, as the RFC demands. Before that, what could harm whoever shows the value
 * is made visible as \xNN, whose backslash is then escaped in turn.
 */
static void put_param(FILE *out, const char *name, const char *value, size_t len)
{
	size_t size = 4 * len + 1;
	char *visible = malloc(size);

	if (!visible)
		return; /* the caller sees ferror only; a parameter less is better than no alert */
	escape__bytes(visible, size, value, len, 0);
	fprintf(out, " %s=\"", name);
	for (const char *p = visible; *p; p++) {
		if (*p == '"' || *p == '\\' || *p == ']')
			fputc('\\', out);
		fputc(*p, out);
	}
	fputc('"', out);
	free(visible);
}

static void put_string(FILE *out, const char *name, const char *value)
{
	if (value)
		put_param(out, name, value, strlen(value));
}

static void put_known(FILE *out, const char *name, int64_t v)
{
	if (v != POOLWATCH_UNKNOWN)
		fprintf(out, " %s=\"%" PRId64 "\"", name, v);
}

static void put_finding(FILE *out, const struct finding *f)
{
	put_string(out, "kind", finding__kind_name(f->kind));
	put_string(out, "event", finding__event_name(f->event));
	fprintf(out, " id=\"%" PRIu32 "\" count=\"%" PRIu64 "\"", f->id, f->count);
	put_param(out, "pool", f->pool_name, strnlen(f->pool_name, sizeof(f->pool_name)));
	fprintf(out, " key=\"0x%" PRIx64 "\"", f->key);
	put_known(out, "capacity", f->capacity);
	put_known(out, "inUse", f->in_use);
	put_known(out, "waiters", f->waiters);
	if (f->depth)
		put_known(out, "neededCapacity", f->needed_capacity);
	fprintf(out, " pid=\"%" PRIu32 "\"", f->pid);
	put_param(out, "comm", f->comm, strnlen(f->comm, sizeof(f->comm)));
	put_string(out, "exe", f->exe);
	put_string(out, "container", f->container);
	put_string(out, "proof", f->proof);
	if (f->event == FINDING_RECOVERED)
		fprintf(out, " recoveredMs=\"%" PRIu64 "\"", f->recovered_ms);
}

static void put_data(FILE *out, const struct alert *a, const char *version)
{
	fprintf(out, "[origin software=\"poolwatch\" swVersion=\"%s\"][" SD_ID, version);
	switch (a->type) {
	case ALERT_FINDING:
		put_finding(out, a->finding);
		break;
	case ALERT_SUPPRESSED:
		put_string(out, "kind", finding__kind_name(a->finding->kind));
		put_param(out, "pool", a->finding->pool_name, strnlen(a->finding->pool_name, POOLWATCH_NAME));
		fprintf(out, " suppressed=\"%" PRIu64 "\"", a->suppressed);
		break;
	case ALERT_TEST:
		fputs(" test=\"yes\"", out);
		break;
	}
	fputc(']', out);
}

int rfc5424__format(const struct rfc5424_header *h, const struct alert *a, char **out)
{
	char time[40], *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int err;

	if (!f)
		return -ENOMEM;
	finding_json__time(time, sizeof(time), a->realtime_ns);
	fprintf(f, "<%d>1 %s ", h->facility | alert__priority(a), time);
	put_header_word(f, h->hostname, 255);
	fprintf(f, " poolwatch %u %s ", h->procid, a->name);
	put_data(f, a, h->version);
	/* No BOM before the message: it says that what follows is UTF-8, and many collectors show it. */
	fprintf(f, " %s", a->line);
	err = ferror(f);
	if (fclose(f) || err) {
		free(text);
		return -ENOMEM;
	}
	*out = text;
	return (int)len;
}
