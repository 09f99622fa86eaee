// SPDX-License-Identifier: GPL-2.0
/* The daemon: what it is made of, its configuration, its loop. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include "daemon_int.h"
#include "own.h"

#define SECOND		 1000000000ull
#define SCAN_WITH_EVENTS (60 * SECOND) /* a look at everything, in case an event was missed */
#define SETTLE		 (60 * SECOND) /* so long a stall may be what is left of what an earlier daemon told */

uint64_t daemon__now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

int daemon__fail(struct daemon_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->message, sizeof(err->message), fmt, ap);
	va_end(ap);
	return code;
}

int daemon__poll(struct daemon *d, int fd)
{
	struct epoll_event e = {.events = EPOLLIN};

	return epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

/* --- targets */

static int match(void *ctx, const struct procs_facts *f)
{
	struct daemon *d = ctx;
	const struct match_facts facts = {.exe = f->exe, .cgroup = f->cgroup, .uid = f->uid};

	for (size_t i = 0; i < d->conf->ntargets; i++)
		if (match__process(&d->conf->targets[i].match, &facts))
			return d->group_of[i];
	return -1;
}

static int add(void *ctx, int group, uint32_t pid)
{
	struct daemon *d = ctx;
	struct watch_error err = {0};
	char line[sizeof(err.message) + 40];
	int ret;

	if ((pid_t)pid == getpid())
		return -EINVAL;
	ret = watch__add(d->groups[group]->watch, pid, 0, &err);
	if (ret && ret != -ENOENT && ret != -EAGAIN && ret != -EEXIST) {
		snprintf(line, sizeof(line), "process %" PRIu32 " is not watched: %s", pid,
			 err.message[0] ? err.message : strerror(-ret));
		d->notice(line);
	}
	return ret;
}

static void drop(void *ctx, int group, uint32_t pid)
{
	struct daemon *d = ctx;

	watch__remove(d->groups[group]->watch, pid);
}

static const struct roster_ops roster_ops = {.match = match, .add = add, .remove = drop};

static int step_targets(struct daemon *d, uint64_t now)
{
	uint32_t pid;
	int ret = 0;

	while (d->proc_events >= 0 && (ret = procs_events__next(d->proc_events, &pid)) == 1)
		roster__look(d->roster, pid, now);
	if (ret == -ENOBUFS) {
		d->next_scan = 0;
	} else if (ret < 0 && ret != -EAGAIN) {
		close(d->proc_events);
		d->proc_events = -1;
	}
	roster__step(d->roster, now);
	if (now < d->next_scan)
		return 0;
	d->next_scan = now + (d->proc_events >= 0 ? SCAN_WITH_EVENTS : d->conf->scan_ns ?: SECOND);
	return roster__scan(d->roster, now);
}

/* --- configuration */

/* A remote collector's spool outlives the daemon wherever there is a place for it. */
static int place_spools(struct conf *conf)
{
	for (size_t i = 0; conf->state && i < conf->nsinks; i++) {
		struct conf_sink *s = &conf->sinks[i];
		char *path;

		if (s->type != CONF_REMOTE || s->path)
			continue;
		if (asprintf(&path, "%s/spool-%s", conf->state, s->name) < 0)
			return -ENOMEM;
		for (char *p = path + strlen(conf->state) + 1; *p; p++)
			if (*p == '/' || *p == ' ')
				*p = '_';
		s->path = path;
	}
	return 0;
}

static int complete(struct conf *conf)
{
	const char *given = getenv("STATE_DIRECTORY");

	if (!conf->state && given && given[0] == '/' && !strchr(given, ':')) {
		conf->state = strdup(given);
		if (!conf->state)
			return -ENOMEM;
	}
	return place_spools(conf);
}

static int open_alerts(struct daemon *d, const struct conf *conf, struct daemon_error *err)
{
	int ret = alerts__new(conf, &d->alerts, err->message, sizeof(err->message));

	if (ret) {
		err->code = ret;
		d->alerts = NULL;
		return ret;
	}
	ret = daemon__poll(d, alerts__fd(d->alerts));
	return ret ? daemon__fail(err, ret, "epoll: %s", strerror(-ret)) : 0;
}

static int open_told(struct daemon *d, const struct conf *conf, struct daemon_error *err)
{
	char *path = NULL;
	int ret;

	if (conf->state && asprintf(&path, "%s/told", conf->state) < 0)
		return daemon__fail(err, -ENOMEM, "out of memory");
	ret = told__open(path, daemon__now(), SETTLE + conf->stall_ns, &d->told);
	if (ret)
		daemon__fail(err, ret, "%s: %s", path,
			     ret == -EBUSY ? "another poolwatch daemon uses it" : strerror(-ret));
	free(path);
	return ret;
}

int daemon__new(struct conf *conf, void (*notice)(const char *line), struct daemon **out, struct daemon_error *err)
{
	struct daemon *d = calloc(1, sizeof(*d));
	int ret;

	if (!d) {
		conf__free(conf);
		return daemon__fail(err, -ENOMEM, "out of memory");
	}
	d->conf = conf;
	d->notice = notice;
	d->proc_events = -1;
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	ret = d->epoll < 0 ? -errno : complete(conf);
	if (!ret)
		ret = roster__new(&roster_ops, d, &d->roster);
	if (ret)
		daemon__fail(err, ret, "%s", strerror(-ret));
	else
		ret = open_told(d, conf, err);
	if (!ret)
		ret = open_alerts(d, conf, err);
	if (!ret)
		ret = daemon_metrics__open(d, conf, err);
	if (!ret)
		ret = daemon_groups__make(d, conf, false, &d->groups, &d->ngroups, &d->group_of, err);
	if (ret) {
		daemon__free(d);
		return ret;
	}
	d->proc_events = procs_events__open();
	if (d->proc_events >= 0 && daemon__poll(d, d->proc_events)) {
		close(d->proc_events);
		d->proc_events = -1;
	}
	*out = d;
	return 0;
}

void daemon__free(struct daemon *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->ngroups; i++)
		daemon_group__free(d->groups[i]);
	free(d->groups);
	free(d->group_of);
	metrics_server__free(d->server);
	metrics__free(d->metrics);
	alerts__free(d->alerts);
	told__close(d->told);
	roster__free(d->roster);
	ledger__clear(&d->ledger);
	if (d->proc_events >= 0)
		close(d->proc_events);
	if (d->epoll >= 0)
		close(d->epoll);
	conf__free(d->conf);
	free(d);
}

/* Alerts as the new configuration says. A spool is one sink's at a time, so the old ones go first, and come back on
 * failure. */
static int reload_alerts(struct daemon *d, const struct conf *conf, struct daemon_error *err)
{
	struct daemon_error again;
	int ret;

	if (conf__same_alerts(d->conf, conf)) {
		alerts__reopen(d->alerts);
		return 0;
	}
	alerts__free(d->alerts);
	ret = open_alerts(d, conf, err);
	if (ret)
		open_alerts(d, d->conf, &again);
	return ret;
}

/* Hand the processes over to the new groups; those whose group is kept do not notice. */
static int switch_groups(struct daemon *d, struct conf *conf, struct daemon_group **groups, size_t n, int *group_of)
{
	struct daemon_group **old = d->groups;
	size_t nold = d->ngroups;
	int *moved = calloc(nold + 1, sizeof(*moved)), ret;

	if (!moved)
		return -ENOMEM;
	for (size_t i = 0; i < nold; i++) {
		moved[i] = -1;
		for (size_t j = 0; j < n; j++)
			if (groups[j] == old[i])
				moved[i] = j;
	}
	free(d->group_of);
	conf__free(d->conf);
	d->conf = conf;
	d->groups = groups;
	d->ngroups = n;
	d->group_of = group_of;
	for (size_t i = 0; i < nold; i++)
		if (!old[i]->kept)
			daemon_group__free(old[i]);
	free(old);
	ret = roster__regroup(d->roster, moved, nold, daemon__now());
	free(moved);
	return ret;
}

int daemon__reload(struct daemon *d, struct conf *conf, struct daemon_error *err)
{
	struct daemon_group **groups;
	size_t n;
	int *group_of, ret = complete(conf);

	if (ret)
		daemon__fail(err, ret, "out of memory");
	else
		ret = daemon_groups__make(d, conf, conf__same_watch(d->conf, conf), &groups, &n, &group_of, err);
	if (ret) {
		conf__free(conf);
		return ret;
	}
	ret = daemon_metrics__open(d, conf, err);
	if (!ret)
		ret = reload_alerts(d, conf, err);
	if (ret) {
		for (size_t i = 0; i < n; i++)
			if (!groups[i]->kept)
				daemon_group__free(groups[i]);
		free(groups);
		free(group_of);
		conf__free(conf);
		return ret;
	}
	ret = switch_groups(d, conf, groups, n, group_of);
	return ret ? daemon__fail(err, ret, "%s", strerror(-ret)) : 0;
}

/* --- loop */

int daemon__fd(const struct daemon *d)
{
	return d->epoll;
}

static void sooner(uint64_t *first, uint64_t t)
{
	if (t < *first)
		*first = t;
}

int daemon__timeout_ms(const struct daemon *d)
{
	uint64_t now = daemon__now(), first = d->next_scan;

	sooner(&first, roster__deadline(d->roster));
	sooner(&first, alerts__deadline(d->alerts));
	sooner(&first, daemon_metrics__deadline(d));
	for (size_t i = 0; i < d->ngroups; i++) {
		int ms = watch__timeout_ms(d->groups[i]->watch);

		if (ms >= 0)
			sooner(&first, now + ms * 1000000ull);
	}
	if (first <= now)
		return 0;
	return first - now > 60 * SECOND ? 60000 : (int)((first - now + 999999) / 1000000);
}

/* A watch that cannot go on is begun anew, and its processes with it: its ledger is lost, its targets are not. */
static int restart_group(struct daemon *d, size_t i, int why, struct daemon_error *err)
{
	int *moved = calloc(d->ngroups, sizeof(*moved)), ret;
	char line[120];

	if (!moved)
		return daemon__fail(err, -ENOMEM, "out of memory");
	snprintf(line, sizeof(line), "a watch broke down (%s): its processes are watched anew", strerror(-why));
	d->notice(line);
	ret = daemon_group__restart(d->groups[i], err);
	for (size_t j = 0; j < d->ngroups; j++)
		moved[j] = j == i ? -1 : (int)j;
	if (!ret)
		ret = roster__regroup(d->roster, moved, d->ngroups, daemon__now());
	free(moved);
	return ret;
}

int daemon__step(struct daemon *d, struct daemon_error *err)
{
	uint64_t now = daemon__now();
	int ret = step_targets(d, now);

	if (ret)
		return daemon__fail(err, ret, "/proc: %s", strerror(-ret));
	for (size_t i = 0; i < d->ngroups; i++) {
		ret = watch__step(d->groups[i]->watch);
		if (ret)
			ret = restart_group(d, i, ret, err);
		if (ret)
			return ret;
	}
	daemon_metrics__step(d, now);
	alerts__step(d->alerts, daemon__now());
	return 0;
}

void daemon__count(const struct daemon *d, struct daemon_counts *out)
{
	*out = (struct daemon_counts){.deadlocks = d->found[FINDING_DEADLOCK]};
	for (size_t i = 0; i < d->ngroups; i++)
		out->targets += watch__targets(d->groups[i]->watch);
	for (unsigned int i = 0; i < FINDING_KINDS; i++)
		out->findings += d->found[i];
}

void daemon__status(const struct daemon *d, char *buf, size_t size)
{
	struct daemon_counts n;
	struct own_use use = {0};

	daemon__count(d, &n);
	own__use(&use);
	snprintf(buf, size,
		 "watching %" PRIu64 " processes; %" PRIu64 " findings, %" PRIu64
		 " of them deadlocks; using %.1f MB, %.2f s of CPU",
		 n.targets, n.findings, n.deadlocks, use.resident_bytes / 1e6, use.cpu_seconds);
}
