// SPDX-License-Identifier: GPL-2.0
/* poolwatch log: the events that the device keeps, and with -f those to come. */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cmd.h"
#include "escape.h"
#include "event.h"
#include "names.h"
#include "opts.h"
#include "sessions.h"
#include "term.h"

#define RESCAN_MS 2000

static void usage(FILE *out)
{
	fputs("usage: poolwatch log [-f] [-p PID] [--json]\n\n"
	      "The events of all running sessions: nested requests, full pools, waits that ended, threads that ended while\n"
	      "holding. The module keeps the last ones; without the module there is no log, see 'top' and 'attach'.\n\n"
	      "  -f, --follow     go on with what comes, and with sessions that begin\n"
	      "  -p, --pid PID    of this process only\n"
	      "  --json           one object a line\n",
	      out);
}

struct log {
	bool follow, json;
	uint32_t pid;
	unsigned int escape;
	uint64_t to_realtime; /* what to add to CLOCK_MONOTONIC ns */
	struct names *names;  /* NULL: numbers */
	struct sessions sessions;
};

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* The name of a definition; looked up again if it is not known yet. */
static const char *def_name(struct session *s, uint32_t slot)
{
	const struct poolwatch_def *def = ledger__def(&s->now, slot);

	if (!def && !s->source->ops->snapshot(s->source, 1u << POOLWATCH_DEFS, &s->now))
		def = ledger__def(&s->now, slot);
	return def && memchr(def->name, 0, sizeof(def->name)) ? def->name : NULL;
}

static int print_event(struct log *l, struct session *s, const struct poolwatch_event *e)
{
	struct event_view v = {
		.event = e,
		.pool = e->pool ? def_name(s, e->def) : NULL,
		.realtime_ns = e->time + l->to_realtime,
		.site = { .address = e->site },
		.held_site = { .address = e->held_site },
	};
	int err = 0;

	if (l->names) {
		names__frame(l->names, e->tgid, &v.site, true);
		names__frame(l->names, e->tgid, &v.held_site, true);
	}
	if (l->json)
		err = event__print_json(stdout, &v);
	else
		event__print(stdout, &v, l->escape);
	finding_frame__clear(&v.site);
	finding_frame__clear(&v.held_site);
	return err || ferror(stdout) ? -EIO : 0;
}

/* All that is there now. Return: 0; -EOPNOTSUPP: nothing that is watched has events to read; -errno. */
static int drain(struct log *l)
{
	struct poolwatch_event e;
	bool readable = false;
	uint64_t missed;

	for (size_t i = 0; i < l->sessions.n; i++) {
		struct session *s = l->sessions.s[i];
		int r;

		while (!s->gone) {
			r = s->source->ops->next_event(s->source, &e, &missed);
			if (r == -EPIPE) {
				fprintf(stderr, "poolwatch log: %llu events came too fast and are lost\n",
					(unsigned long long)missed);
				continue;
			}
			if (r != -EOPNOTSUPP)
				readable = true;
			if (r == -ENOENT || r == -ENODEV)
				s->gone = true;
			else if (r < 0 && r != -EOPNOTSUPP)
				return r;
			if (r <= 0)
				break;
			if (l->pid && e.tgid != l->pid)
				continue;
			r = print_event(l, s, &e);
			if (r)
				return r;
		}
	}
	return fflush(stdout) ? -EIO : readable || !l->sessions.n ? 0 : -EOPNOTSUPP;
}

/* Until there is something to read, or it is time to look for new sessions. */
static int await(struct log *l)
{
	struct pollfd *fds = calloc(l->sessions.n + 1, sizeof(*fds));
	nfds_t n = 0;
	int r;

	if (!fds)
		return -ENOMEM;
	for (size_t i = 0; i < l->sessions.n; i++) {
		int fd = l->sessions.s[i]->source->ops->event_fd(l->sessions.s[i]->source);

		if (fd >= 0 && !l->sessions.s[i]->gone)
			fds[n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
	r = poll(fds, n, RESCAN_MS);
	free(fds);
	if (r < 0 && errno != EINTR)
		return -errno;
	if (!r) {
		r = sessions__rescan(&l->sessions);
		return r == -EACCES || r >= 0 ? 0 : r;
	}
	return 0;
}

static int run(struct log *l)
{
	int err = drain(l);

	while (!err && l->follow) {
		err = await(l);
		if (!err)
			err = drain(l);
	}
	if (err == -EOPNOTSUPP)
		fprintf(stderr,
			"poolwatch log: the module is not loaded, so events stay with whoever watches: see 'poolwatch top', or load it\n");
	else if (err)
		fprintf(stderr, "poolwatch log: %s\n", strerror(-err));
	return err ? CMD_FAILED : CMD_OK;
}

int cmd_log(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "follow", no_argument, NULL, 'f' },
		{ "pid", required_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		{ 0 },
	};
	struct log l = { 0 };
	char why[SESSIONS_WHY];
	struct term term;
	int opt, ret;

	setlocale(LC_ALL, "");
	while ((opt = getopt_long(argc, argv, "hfp:", options, NULL)) != -1) {
		switch (opt) {
		case 'h':
			usage(stdout);
			return CMD_OK;
		case 'f':
			l.follow = true;
			break;
		case 'p':
			if (opts__pid(optarg, &l.pid)) {
				fprintf(stderr, "poolwatch log: '%s' is no process number\n", optarg);
				return CMD_USAGE;
			}
			break;
		case 'j':
			l.json = true;
			break;
		default:
			return CMD_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "poolwatch log: what is '%s'? ('poolwatch log --help')\n", argv[optind]);
		return CMD_USAGE;
	}
	term = term__of(stdout);
	l.escape = term.tty && !term.utf8 ? ESCAPE_ASCII : 0;
	l.to_realtime = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	ret = sessions__open(&l.sessions, why);
	if (ret && !(l.follow && ret == -ENOENT)) {
		fprintf(stderr, "poolwatch log: %s\n", why);
		return CMD_FAILED;
	}
	if (names__new(NULL, &l.names))
		l.names = NULL;
	ret = run(&l);
	names__free(l.names);
	sessions__close(&l.sessions);
	return ret;
}
