// SPDX-License-Identifier: GPL-2.0
/* The daemon's watches: one for each set of definitions. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "daemon_int.h"

static const struct strlist *names_of(const struct conf *conf, const struct conf_target *t)
{
	return t->pools.n ? &t->pools : &conf->pools;
}

/* CLOCK_MONOTONIC to CLOCK_REALTIME, as they stand now. */
static uint64_t realtime_of(uint64_t monotonic)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec - (daemon__now() - monotonic);
}

static void on_finding(void *ctx, struct finding *f)
{
	struct daemon *d = ((struct daemon_group *)ctx)->daemon;
	uint64_t now = daemon__now(), start = roster__start(d->roster, f->pid);
	struct procs_identity id;

	f->realtime_ns = realtime_of(f->time);
	/* A child that is watched because its parent was may not be on the roster. */
	if (!start && f->pid && !procs__identify(f->pid, &id))
		start = id.start;
	if (f->kind < FINDING_KINDS && f->event != FINDING_RECOVERED && f->event != FINDING_RETRACTED)
		d->found[f->kind]++;
	if (told__is_old(d->told, f, start, now))
		d->known++;
	else
		alerts__finding(d->alerts, f, now);
}

static void on_gone(void *ctx, uint32_t pid, const char *why __attribute__((unused)))
{
	struct daemon *d = ((struct daemon_group *)ctx)->daemon;

	roster__gone(d->roster, pid);
	/* It may be another program now, which is meant, too. */
	d->next_scan = 0;
}

static void on_notice(void *ctx, const char *line)
{
	((struct daemon_group *)ctx)->daemon->notice(line);
}

static int start_watch(struct daemon_group *g, const struct conf *conf, bool is_default, struct daemon_error *err)
{
	struct daemon *d = g->daemon;
	struct watch_options options = {
	    .spec = &g->pools.spec,
	    /* Targets come and go, and have different libraries: what one of them does not map is no news. */
	    .spec_is_default = is_default,
	    .stall_ns = conf->stall_ns,
	    .leak_ns = conf->leak_ns,
	    .budget_permille = conf->budget_permille,
	    .follow = conf->follow,
	    .stacks = conf->stacks,
	    .debug_dirs = conf->debug_dirs,
	    .debuginfod = conf->debuginfod,
	    .no_device = !conf->device,
	    .jvm_dump = conf->jvm_dump,
	    .max_pools = conf->max_pools,
	    .max_threads = conf->max_threads,
	    .finding = on_finding,
	    .gone = on_gone,
	    .notice = on_notice,
	    .ctx = g,
	};
	struct watch_error werr = {0};
	char line[sizeof(werr.message) + 80];
	int ret = watch__new(&options, &g->watch, &werr);

	/*
	 * libbpf finds the module's BTF with CAP_SYS_ADMIN only. Without it, or with a module that BPF cannot reach,
	 * the books are kept all the same, for root to see.
	 */
	if (ret && !options.no_device) {
		options.no_device = true;
		if (!watch__new(&options, &g->watch, &(struct watch_error){0})) {
			snprintf(line, sizeof(line), "/dev/poolwatch does not show this daemon's pools: %s",
				 werr.message[0] ? werr.message : strerror(-ret));
			d->notice(line);
			ret = 0;
		}
	}
	if (ret)
		return daemon__fail(err, ret, "%s", werr.message[0] ? werr.message : strerror(-ret));
	g->session = ++d->sessions;
	ret = daemon__poll(d, watch__fd(g->watch));
	return ret ? daemon__fail(err, ret, "epoll: %s", strerror(-ret)) : 0;
}

void daemon_group__free(struct daemon_group *g)
{
	if (!g)
		return;
	watch__free(g->watch);
	pool_set__clear(&g->pools);
	free(g);
}

int daemon_group__restart(struct daemon_group *g, struct daemon_error *err)
{
	watch__free(g->watch);
	g->watch = NULL;
	return start_watch(g, g->daemon->conf, true, err);
}

static struct daemon_group *find_equal(struct daemon_group **groups, size_t n, const struct pool_set *pools)
{
	for (size_t i = 0; i < n; i++)
		if (pool_set__equal(&groups[i]->pools, pools))
			return groups[i];
	return NULL;
}

/* The group of one target: one that is there already, in the new or else the old configuration, or a new one. */
static int group_for(struct daemon *d, const struct conf *conf, const struct conf_target *t, bool same_options,
		     struct daemon_group **groups, size_t *n, struct daemon_group **out, struct daemon_error *err)
{
	struct spec_error serr = {0};
	struct pool_set pools;
	struct daemon_group *g;
	int ret = pool_set__read(names_of(conf, t), &pools, &serr);

	if (ret) {
		if (serr.line)
			daemon__fail(err, ret, "%s:%u:%u: %s", serr.file, serr.line, serr.column, serr.message);
		else
			daemon__fail(err, ret, "[target %s] %s: %s", t->name, serr.file ?: "pools",
				     serr.message[0] ? serr.message : strerror(-ret));
		spec_error__clear(&serr);
		return ret;
	}
	g = find_equal(groups, *n, &pools);
	if (!g && same_options) {
		g = find_equal(d->groups, d->ngroups, &pools);
		if (g) {
			g->kept = true;
			groups[(*n)++] = g;
		}
	}
	if (g) {
		pool_set__clear(&pools);
		*out = g;
		return 0;
	}
	g = calloc(1, sizeof(*g));
	if (!g) {
		pool_set__clear(&pools);
		return daemon__fail(err, -ENOMEM, "out of memory");
	}
	g->daemon = d;
	g->pools = pools;
	ret = start_watch(g, conf, true, err);
	if (ret) {
		daemon_group__free(g);
		return ret;
	}
	groups[(*n)++] = g;
	*out = g;
	return 0;
}

int daemon_groups__make(struct daemon *d, const struct conf *conf, bool same_options, struct daemon_group ***groups_out,
			size_t *n_out, int **group_of_out, struct daemon_error *err)
{
	struct daemon_group **groups = calloc(conf->ntargets + 1, sizeof(*groups)), *g = NULL;
	int *group_of = calloc(conf->ntargets + 1, sizeof(*group_of));
	int ret = groups && group_of ? 0 : daemon__fail(err, -ENOMEM, "out of memory");
	size_t n = 0;

	for (size_t i = 0; i < d->ngroups; i++)
		d->groups[i]->kept = false;
	for (size_t i = 0; !ret && i < conf->ntargets; i++) {
		ret = group_for(d, conf, &conf->targets[i], same_options, groups, &n, &g, err);
		for (size_t j = 0; !ret && j < n; j++)
			if (groups[j] == g)
				group_of[i] = j;
	}
	if (ret) {
		for (size_t i = 0; i < n; i++)
			if (!groups[i]->kept)
				daemon_group__free(groups[i]);
		free(groups);
		free(group_of);
		return ret;
	}
	*groups_out = groups;
	*n_out = n;
	*group_of_out = group_of;
	return 0;
}

int daemon__check(const struct conf *conf, struct daemon_error *err)
{
	int ret = 0;

	for (size_t i = 0; i < conf->ntargets && !ret; i++) {
		struct spec_error serr = {0};
		struct pool_set pools = {0};

		ret = pool_set__read(names_of(conf, &conf->targets[i]), &pools, &serr);
		if (ret)
			daemon__fail(err, ret, "%s:%u:%u: %s", serr.file ?: "pools", serr.line, serr.column,
				     serr.message[0] ? serr.message : strerror(-ret));
		spec_error__clear(&serr);
		pool_set__clear(&pools);
	}
	return ret;
}
