// SPDX-License-Identifier: GPL-2.0
/* The daemon's metrics: looks at all ledgers, the server, the file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "daemon_int.h"
#include "own.h"

#define SECOND	     1000000000ull
#define LOOK_EVERY   (15 * SECOND) /* what a pool counts after the last look at it is lost when it ends */
#define LOOK_AT_MOST SECOND	   /* however often somebody asks */
#define MAX_SINKS    32

#define LOOK_TABLES (1u << POOLWATCH_DEFS | 1u << POOLWATCH_PROCS | 1u << POOLWATCH_POOLS | 1u << POOLWATCH_COUNTERS)

static void look(struct daemon *d, uint64_t now)
{
	if (d->last_look && now - d->last_look < LOOK_AT_MOST)
		return;
	metrics__begin(d->metrics);
	for (size_t i = 0; i < d->ngroups; i++) {
		struct source *s = watch__source(d->groups[i]->watch);

		if (!s->ops->snapshot(s, LOOK_TABLES, &d->ledger))
			metrics__add(d->metrics, &d->ledger, d->groups[i]->session);
	}
	metrics__end(d->metrics);
	d->last_look = now;
}

static int make_text(struct daemon *d, char **text, size_t *len)
{
	struct metrics_sink sinks[MAX_SINKS];
	struct metrics_own own = {
	    .version = POOLWATCH_VERSION, .sinks = sinks, .suppressed = alerts__suppressed(d->alerts)};
	struct own_use use = {0};
	FILE *out = open_memstream(text, len);
	int err;

	if (!out)
		return -ENOMEM;
	for (const struct alert_sink *s; own.nsinks < MAX_SINKS && (s = alerts__sink(d->alerts, own.nsinks));
	     own.nsinks++)
		sinks[own.nsinks] = (struct metrics_sink){s->name, s->sent, s->lost, s->waiting};
	memcpy(own.found, d->found, sizeof(own.found));
	for (size_t i = 0; i < d->ngroups; i++)
		own.targets += watch__targets(d->groups[i]->watch);
	own__use(&use);
	own.resident_bytes = use.resident_bytes;
	own.cpu_seconds = use.cpu_seconds;
	own.start_seconds = use.start_seconds;
	err = metrics__write(d->metrics, &own, d->conf->names == CONF_NAMES_OPENTELEMETRY, out);
	if (fclose(out) || err) {
		free(*text);
		return -ENOMEM;
	}
	return 0;
}

/* For the server. */
static int body(void *ctx, char **text, size_t *len)
{
	struct daemon *d = ctx;

	look(d, daemon__now());
	return make_text(d, text, len);
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

int daemon_metrics__open(struct daemon *d, const struct conf *conf, struct daemon_error *err)
{
	struct metrics_server *server = NULL;
	int ret;

	if (!d->metrics && metrics__new(conf->series, &d->metrics))
		return daemon__fail(err, -ENOMEM, "out of memory");
	if (d->server && same(d->conf->listen, conf->listen))
		return 0;
	if (conf->listen) {
		ret = metrics_server__new(conf->listen, body, d, &server);
		if (!ret)
			ret = daemon__poll(d, metrics_server__fd(server));
		if (ret) {
			metrics_server__free(server);
			return daemon__fail(err, ret, "[metrics] listen = %s: %s", conf->listen, strerror(-ret));
		}
	}
	metrics_server__free(d->server);
	d->server = server;
	return 0;
}

/* Said when it begins to fail, not each time. */
static void write_textfile(struct daemon *d, const char *text, size_t len)
{
	int err = metrics_file__write(d->conf->textfile, text, len);
	char line[400];

	if (err && err != d->textfile_error) {
		snprintf(line, sizeof(line), "[metrics] textfile = %.300s: %s", d->conf->textfile, strerror(-err));
		d->notice(line);
	}
	d->textfile_error = err;
}

void daemon_metrics__step(struct daemon *d, uint64_t now)
{
	if (d->server)
		metrics_server__step(d->server);
	if (now - d->last_look >= LOOK_EVERY)
		look(d, now);
	if (d->conf->textfile && now >= d->next_textfile) {
		char *text;
		size_t len;

		look(d, now);
		if (!make_text(d, &text, &len)) {
			write_textfile(d, text, len);
			free(text);
		}
		d->next_textfile = now + d->conf->textfile_ns;
	}
}

uint64_t daemon_metrics__deadline(const struct daemon *d)
{
	uint64_t first = d->last_look + LOOK_EVERY;
	int ms = d->server ? metrics_server__timeout_ms(d->server) : -1;

	if (d->conf->textfile && d->next_textfile < first)
		first = d->next_textfile;
	if (ms >= 0 && daemon__now() + ms * 1000000ull < first)
		first = daemon__now() + ms * 1000000ull;
	return first;
}
