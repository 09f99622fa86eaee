// SPDX-License-Identifier: GPL-2.0
/* Alerts to the journal, in its native protocol: fields that can be asked for, one MESSAGE_ID for each kind. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
#include "alert.h"

/* poolwatch(1) states them: never change one. */
static const char *const message_ids[FINDING_KINDS] = {
    [FINDING_NESTED] = "15329e7d3fcd479ba73ab6f1d13e4691",   [FINDING_ORDER] = "014dba5434934b61995d11cb27c84dc1",
    [FINDING_DEADLOCK] = "6511f2d026d74aa9b63160bcf88d4ec0", [FINDING_STALL] = "842a0eb5b7014776832cd85c51d81201",
    [FINDING_LEAK] = "00a838c9218b4e9e89c36db6e96f2438",     [FINDING_DETACHED] = "8186f93a10234ad78cfd89fbb7b67b23",
};
static const char suppressed_id[] = "cdb5cb17774043ddabc4332d4d9d796b";
static const char test_id[] = "e57cb05a53a942e68a4ec75bf6f2b9ba";

#define MAX_FIELDS 24

struct fields {
	struct iovec iov[MAX_FIELDS];
	int n;
	bool failed;
};

/* Values may be any bytes but NUL: the protocol gives lengths, so that nothing in them can begin a field. */
static void __attribute__((format(printf, 2, 3))) field(struct fields *f, const char *fmt, ...)
{
	va_list ap;
	char *s;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (len < 0 || f->n == MAX_FIELDS) {
		if (len >= 0)
			free(s);
		f->failed = true;
		return;
	}
	f->iov[f->n++] = (struct iovec){s, len};
}

static void known(struct fields *f, const char *name, int64_t v)
{
	if (v != POOLWATCH_UNKNOWN)
		field(f, "%s=%" PRId64, name, v);
}

static void finding_fields(struct fields *fs, const struct finding *f)
{
	field(fs, "POOLWATCH_KIND=%s", finding__kind_name(f->kind));
	field(fs, "POOLWATCH_EVENT=%s", finding__event_name(f->event));
	field(fs, "POOLWATCH_ID=%" PRIu32, f->id);
	field(fs, "POOLWATCH_COUNT=%" PRIu64, f->count);
	field(fs, "POOLWATCH_POOL=%.*s", POOLWATCH_NAME, f->pool_name);
	field(fs, "POOLWATCH_KEY=0x%" PRIx64, f->key);
	known(fs, "POOLWATCH_CAPACITY", f->capacity);
	known(fs, "POOLWATCH_IN_USE", f->in_use);
	known(fs, "POOLWATCH_WAITERS", f->waiters);
	if (f->depth)
		known(fs, "POOLWATCH_NEEDED_CAPACITY", f->needed_capacity);
	if (f->pid) {
		field(fs, "POOLWATCH_PID=%" PRIu32, f->pid);
		/* The journal adds what it knows of the process: OBJECT_EXE, OBJECT_SYSTEMD_UNIT .. */
		field(fs, "OBJECT_PID=%" PRIu32, f->pid);
	}
	field(fs, "POOLWATCH_COMM=%.*s", POOLWATCH_COMM, f->comm);
	if (f->exe)
		field(fs, "POOLWATCH_EXE=%s", f->exe);
	if (f->container)
		field(fs, "POOLWATCH_CONTAINER=%s", f->container);
	if (f->event == FINDING_RECOVERED)
		field(fs, "POOLWATCH_RECOVERED_MS=%" PRIu64, f->recovered_ms);
}

static int send_fields(struct alert_sink *s __attribute__((unused)), const struct alert *a)
{
	struct fields fs = {0};
	int err;

	field(&fs, "MESSAGE=%s", a->line);
	field(&fs, "PRIORITY=%d", alert__priority(a));
	/* For what the journal passes on to syslog, which would be the facility "user" else. */
	field(&fs, "SYSLOG_FACILITY=%d", LOG_FAC(LOG_DAEMON));
	field(&fs, "SYSLOG_IDENTIFIER=poolwatch");
	switch (a->type) {
	case ALERT_FINDING:
		field(&fs, "MESSAGE_ID=%s", message_ids[a->finding->kind]);
		finding_fields(&fs, a->finding);
		break;
	case ALERT_SUPPRESSED:
		field(&fs, "MESSAGE_ID=%s", suppressed_id);
		field(&fs, "POOLWATCH_KIND=%s", finding__kind_name(a->finding->kind));
		field(&fs, "POOLWATCH_POOL=%.*s", POOLWATCH_NAME, a->finding->pool_name);
		field(&fs, "POOLWATCH_SUPPRESSED=%" PRIu64, a->suppressed);
		break;
	case ALERT_TEST:
		field(&fs, "MESSAGE_ID=%s", test_id);
		break;
	}
	field(&fs, "POOLWATCH_JSON=%s", a->json);
	err = fs.failed ? -ENOMEM : sd_journal_sendv(fs.iov, fs.n);
	while (fs.n)
		free(fs.iov[--fs.n].iov_base);
	return err;
}

static void sink_free(struct alert_sink *s)
{
	free(s);
}

static const struct alert_sink_ops ops = {.send = send_fields, .free = sink_free};

int alert_journal__new(const struct conf_sink *c __attribute__((unused)), struct alert_sink **out)
{
	struct alert_sink *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct alert_sink){.ops = &ops, .fd = -1};
	*out = s;
	return 0;
}
