// SPDX-License-Identifier: GPL-2.0
/*
 * Executors in Java programs. The probes tell which threads are parked; a group of them, by name, that has been parked for a
 * second may be a deadlocked executor, or an idle one. Which, one thread dump tells, and it is asked for only where the user
 * allowed that (watch_options.jvm_dump). A group that has been looked at is not dumped again before one of its threads has
 * moved, and then with a growing pause: an idle executor costs a dump a minute at the most.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include "cleanup.h"
#include "elf.h"
#include "escape.h"
#include "watch_jvm.h"

#define BUILTIN	     "jvm-executor"
#define MS	     1000000ull
#define SECOND	     1000000000ull
#define CHECK_NS     (500 * MS)
#define DUMP_NS	     SECOND	  /* between two dumps of one machine, at the least */
#define PAUSE_NS     (2 * SECOND) /* after an idle executor was dumped, then twice that, up to */
#define LONGEST_NS   (60 * SECOND)
#define REFUSED_NS   (60 * SECOND)
#define MAX_PLACES   16

bool watch_jvm__is(const struct spec_pool *pool)
{
	return pool->builtin && !strcmp(pool->builtin, BUILTIN);
}

static const struct target_map *find_library(const struct watched *d, const struct spec_pool *pool)
{
	for (size_t i = 0; i < d->t.nmaps; i++)
		for (size_t k = 0; d->t.maps[i].exec && k < pool->nlibs; k++)
			if (plan__lib_matches(&d->t, &d->t.maps[i], pool->libs[k]))
				return &d->t.maps[i];
	return NULL;
}

static int find_places(int fd, const char *name, uint64_t offsets[MAX_PLACES], size_t *n)
{
	struct elf_place places[MAX_PLACES];
	struct elf_file *elf;
	int err = elf__open(fd, &elf);

	if (err)
		return err;
	err = elf__sdt(elf, "hotspot", name, places, MAX_PLACES, n);
	for (size_t i = 0; !err && i < *n; i++)
		offsets[i] = places[i].offset;
	elf__close(elf);
	return err;
}

/*
 * Who slept before the probes were there was not seen to park: threads that sleep on a futex count as parked from now on. Some
 * wait for something else; that is for the dump to tell.
 */
static void add_sleepers(struct watch *w, const struct watched *d)
{
	_cleanup_free_ uint32_t *tids = NULL;
	uint64_t now = watch__clock();
	struct target_activity a;
	size_t n;

	if (target__threads(&d->t, &tids, &n))
		return;
	for (size_t i = 0; i < n; i++)
		if (!target__activity(d->t.pid, tids[i], &a) && a.state == 'S' && a.syscall == SYS_futex)
			loader__add_parked(w->loader, d->t.pid, tids[i], now);
}

static int attach(struct watch *w, struct watched *d, uint32_t def, const struct target_map *m, char err[LOADER_ERROR])
{
	_cleanup_close_ int fd = target__open_map(&d->t, m);
	uint64_t begin[MAX_PLACES], end[MAX_PLACES];
	size_t nbegin, nend;
	struct watch_jvm *jvm;
	int r = fd < 0 ? fd : 0;

	if (!r)
		r = find_places(fd, "thread__park__begin", begin, &nbegin) ?: find_places(fd, "thread__park__end", end, &nend);
	if (r) {
		snprintf(err, LOADER_ERROR, "this Java virtual machine has no probe points for parking (%s): its executors are not watched",
			 strerror(-r));
		return r == -ENOMEM ? r : -EOPNOTSUPP;
	}
	jvm = calloc(1, sizeof(*jvm));
	if (!jvm)
		return -ENOMEM;
	r = loader__attach_jvm(w->loader, d->lt, fd, begin, nbegin, end, nend, def, loader__def_flags(&w->options.spec->pools[def]), err);
	if (r) {
		free(jvm);
		return r;
	}
	add_sleepers(w, d);
	jvm->def = def;
	d->jvm = jvm;
	return 0;
}

int watch_jvm__attach(struct watch *w, struct watched *d, size_t *attached, char err[LOADER_ERROR])
{
	const struct spec *spec = w->options.spec;

	for (uint32_t i = 0; i < spec->npools; i++) {
		const struct target_map *m;
		int r;

		if (!watch_jvm__is(&spec->pools[i]) || d->attached[i])
			continue;
		m = find_library(d, &spec->pools[i]);
		if (!m)
			continue;
		d->attached[i] = true;
		if (!w->options.jvm_dump && !w->options.spec_is_default) {
			snprintf(err, LOADER_ERROR, "what pool '%s' of process %u needs is a thread dump: allow it with --jvm-dump",
				 spec->pools[i].name, d->t.pid);
			return -ENOENT;
		}
		if (!w->options.jvm_dump) {
			watch__notice(w, "process %u is a Java virtual machine: with --jvm-dump its executors are watched, and a thread dump "
				      "tells whether one is deadlocked", d->t.pid);
			continue;
		}
		if (d->jvm)
			continue;
		r = attach(w, d, i, m, err);
		if (r)
			return r;
		++*attached;
	}
	return 0;
}

bool watch_jvm__pending(const struct watch *w, const struct watched *d)
{
	for (size_t i = 0; i < w->options.spec->npools; i++)
		if (watch_jvm__is(&w->options.spec->pools[i]) && !d->attached[i])
			return true;
	return false;
}

static void end_asking(struct watch *w, struct watch_jvm *jvm)
{
	if (!jvm->asking)
		return;
	epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, jvm_attach__fd(jvm->asking), NULL);
	jvm_attach__free(jvm->asking);
	jvm->asking = NULL;
}

void watch_jvm__close(struct watch *w, struct watched *d)
{
	struct watch_jvm *jvm = d->jvm;

	if (!jvm)
		return;
	end_asking(w, jvm);
	jvm_stuck__clear(jvm);
	loader__forget_jvm(w->loader, d->t.pid);
	free(jvm->seen);
	free(jvm->groups);
	free(jvm);
	d->jvm = NULL;
}

uint64_t watch__jvm_dumps(const struct watch *w)
{
	uint64_t n = 0;

	for (size_t i = 0; i < w->ntargets; i++)
		n += w->targets[i].jvm ? w->targets[i].jvm->dumps : 0;
	return n;
}

/* It is said once; what keeps a machine from answering may end. */
static void refuse(struct watch *w, struct watched *d, uint64_t now, const char *why)
{
	char escaped[2 * JVM_ATTACH_ERROR];

	escape__string(escaped, sizeof(escaped), why, 0);
	if (!d->jvm->refused)
		watch__notice(w, "process %u: no thread dump can be had of this Java virtual machine: %s", d->t.pid, escaped);
	d->jvm->refused = true;
	d->jvm->next_dump = now + REFUSED_NS;
}

/* A group with a worker that is stuck needs no more dumps while it is; of others the next one must be worth it. */
static void settle_groups(struct watch_jvm *jvm, uint64_t now)
{
	for (size_t i = 0; i < jvm->ngroups; i++) {
		struct jvm_group *g = &jvm->groups[i];
		bool stuck = false, open = false;

		if (!g->asked)
			continue;
		for (size_t k = 0; k < g->n; k++) {
			stuck |= jvm_stuck__has(jvm, jvm->seen[g->first + k].tid);
			open |= jvm->seen[g->first + k].open;
		}
		g->asked = false;
		/* Others may stop what they do, which would have helped: that does not show in this group. */
		g->examined = open && !stuck ? 0 : g->hash;
		g->pause = stuck ? 0 : !g->pause ? PAUSE_NS : 2 * g->pause < LONGEST_NS ? 2 * g->pause : LONGEST_NS;
		g->next = now + g->pause;
	}
}

static void examine(struct watch *w, struct watched *d, uint64_t now)
{
	struct watch_jvm *jvm = d->jvm;
	struct jvm_dump *dump;
	const char *text;
	size_t len;
	int err;

	text = jvm_attach__text(jvm->asking, &len);
	err = jvm_dump__parse(text, len, &dump);
	if (err) {
		refuse(w, d, now, "what it sent is not one that is understood");
		return;
	}
	err = jvm_stuck__take(w, d, dump);
	jvm_dump__free(dump);
	if (err)
		return;
	jvm->refused = false;
	jvm->dumps++;
	settle_groups(jvm, now);
	w->due = true;
}

static void go_on_asking(struct watch *w, struct watched *d, uint64_t now)
{
	char why[JVM_ATTACH_ERROR] = "";
	int r = jvm_attach__step(d->jvm->asking, now, why);

	if (!r)
		return;
	d->jvm->next_dump = now + DUMP_NS;
	if (r > 0)
		examine(w, d, now);
	else
		refuse(w, d, now, why);
	end_asking(w, d->jvm);
}

static void ask(struct watch *w, struct watched *d, uint64_t now)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct watch_jvm *jvm = d->jvm;
	char why[JVM_ATTACH_ERROR] = "";

	for (size_t i = 0; i < jvm->nseen; i++)
		if (jvm_thread__status(d->t.pid, jvm->seen[i].tid, &jvm->seen[i]))
			jvm->seen[i].nid = 0;
	for (size_t i = 0; i < jvm->ngroups; i++)
		jvm->groups[i].asked = jvm->groups[i].parked;
	if (jvm_attach__start(&d->t, now, &jvm->asking, why))
		refuse(w, d, now, why);
	else
		epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, jvm_attach__fd(jvm->asking), &ev);
}

/* Is there a group that a dump is due of? */
static bool look_at_groups(struct watch *w, struct watched *d, uint64_t now)
{
	struct watch_jvm *jvm = d->jvm;
	struct jvm_group *groups;
	struct jvm_seen *seen;
	size_t nseen, ngroups;
	bool due = false;

	if (jvm_threads__read(w, d, now, &seen, &nseen, &groups, &ngroups, jvm->groups, jvm->ngroups))
		return false;
	free(jvm->seen);
	free(jvm->groups);
	jvm->seen = seen;
	jvm->nseen = nseen;
	jvm->groups = groups;
	jvm->ngroups = ngroups;
	for (size_t i = 0; i < ngroups; i++)
		due |= groups[i].parked && groups[i].hash != groups[i].examined && now >= groups[i].next;
	return due;
}

void watch_jvm__step(struct watch *w, uint64_t now)
{
	for (size_t i = 0; i < w->ntargets; i++) {
		struct watched *d = &w->targets[i];

		if (!d->jvm || d->ended)
			continue;
		if (d->jvm->asking)
			go_on_asking(w, d, now);
		if (now < d->jvm->next_check)
			continue;
		d->jvm->next_check = now + CHECK_NS;
		w->due |= jvm_stuck__check(w, d);
		if (!d->jvm->asking && now >= d->jvm->next_dump && look_at_groups(w, d, now))
			ask(w, d, now);
	}
}

uint64_t watch_jvm__next(const struct watch *w)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < w->ntargets; i++)
		if (w->targets[i].jvm && w->targets[i].jvm->next_check < next)
			next = w->targets[i].jvm->next_check;
	return next;
}
