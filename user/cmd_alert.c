// SPDX-License-Identifier: GPL-2.0
/* poolwatch alert --test: does an alert arrive where the configuration sends it? */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "alert.h"
#include "cmd.h"
#include "cmd_conf.h"
#include "conf.h"

#define PATIENCE (10 * 1000000000ull)

static void usage(FILE *out)
{
	fputs("usage: poolwatch alert --test [--config FILE]\n\n"
	      "Sends a test alert to everything that " CONF_PATH " (see poolwatch.conf(5)) sends alerts to,\n"
	      "and says what became of it. Exit code: 0 delivered everywhere, 1 not, 2 usage.\n\n"
	      "      --test           the test alert; there is nothing else to send\n"
	      "  -c, --config FILE    another file; conf.d beside it is read, too\n",
	      out);
}

static uint64_t monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void deliver(struct alerts *a)
{
	uint64_t begin = monotonic();

	alerts__test(a, begin);
	while (!alerts__idle(a) && monotonic() - begin < PATIENCE) {
		struct pollfd p = {.fd = alerts__fd(a), .events = POLLIN};
		uint64_t now = monotonic(), until = alerts__deadline(a);

		if (until > begin + PATIENCE)
			until = begin + PATIENCE;
		poll(&p, 1, until > now ? (int)((until - now + 999999) / 1000000) : 0);
		alerts__step(a, monotonic());
	}
}

static int test(const char *path)
{
	const struct alert_sink *s;
	struct alerts *a;
	struct conf *conf;
	char msg[600];
	int bad = 0;

	if (cmd_conf__load(path, &conf))
		return CMD_FAILED;
	/* The daemon has the spools; a test needs none that lasts. */
	for (size_t i = 0; i < conf->nsinks; i++)
		if (conf->sinks[i].type == CONF_REMOTE) {
			free(conf->sinks[i].path);
			conf->sinks[i].path = NULL;
		}
	if (alerts__new(conf, &a, msg, sizeof(msg))) {
		fprintf(stderr, "poolwatch alert: %s\n", msg);
		conf__free(conf);
		return CMD_FAILED;
	}
	deliver(a);
	for (size_t i = 0; (s = alerts__sink(a, i)); i++) {
		printf("[%s] %s\n", s->name, s->waiting ? "not confirmed within 10 s" : s->lost ? "failed" : "sent");
		bad += s->waiting || s->lost;
	}
	alerts__free(a);
	conf__free(conf);
	return bad ? CMD_FAILED : CMD_OK;
}

int cmd_alert(int argc, char **argv)
{
	struct cmd_conf_options o = {.flag = "test", .usage = usage};
	int ret = cmd_conf__options(argc, argv, &o);

	if (ret >= 0)
		return ret;
	if (!o.given) {
		usage(stderr);
		return CMD_USAGE;
	}
	return test(o.path);
}
