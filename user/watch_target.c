// SPDX-License-Identifier: GPL-2.0
/* Processes in and out of a watch: what is attached to them, and what they load later. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "escape.h"
#include "plan_learned.h"
#include "python.h"
#include "watch_int.h"

#define MS 1000000ull
#define RESCAN_NS (1000 * MS)
#define RESCAN_YOUNG_NS (20 * MS)
#define YOUNG_NS (2000 * MS)

/* The definitions that are not attached to @d yet, as a spec of its own over the same parts. */
static size_t missing(const struct watch *w, const struct watched *d, struct spec *spec, uint32_t slot[PW_MAX_DEFS])
{
	bool only_locks = w->options.spec_is_default && python__only_locks(&d->t);
	size_t n = 0;

	for (size_t i = 0; i < w->options.spec->npools; i++) {
		if (d->attached[i] || !spec_pool__has_probes(&w->options.spec->pools[i]))
			continue;
		if (only_locks && !strcmp(w->options.spec->pools[i].name, PYTHON_SEMAPHORES))
			continue;
		spec->pools[n] = w->options.spec->pools[i];
		slot[n++] = i;
	}
	spec->npools = n;
	return n;
}

/* What nobody knows of these versions of libraries, so that less can be proven of their pools. */
static void tell_learned(struct watch *w, const struct watched *d, const struct plan *plan)
{
	const struct spec_pool *told = NULL;
	char line[PLAN_LEARNED];

	for (size_t i = 0; i < plan->nprobes; i++) {
		const struct plan_probe *p = &plan->probes[i];

		if (p->pool == told || !plan__learned(plan, p, line))
			continue;
		told = p->pool;
		watch__notice(w, "process %u, pool '%s': %s", d->t.pid, told->name, line);
	}
}

static int attach_missing(struct watch *w, struct watched *d, unsigned int plan_flags, bool from_start, size_t *attached,
			  char err[LOADER_ERROR])
{
	struct spec spec = { .pools = calloc(w->options.spec->npools + 1, sizeof(*spec.pools)) };
	uint32_t slot[PW_MAX_DEFS];
	struct plan plan = { 0 };
	char why[PLAN_ERROR] = "";
	int r;

	*attached = 0;
	if (!spec.pools)
		return -ENOMEM;
	if (!missing(w, d, &spec, slot)) {
		free(spec.pools);
		return 0;
	}
	r = plan__make(&d->t, &spec, plan_flags, &plan, why);
	/* A preset that does not fit an old library is no reason not to watch the others. */
	if (!r && why[0] && !d->lt)
		watch__notice(w, "process %u: %s", d->t.pid, why);
	if (r)
		snprintf(err, LOADER_ERROR, "%s", why[0] ? why : strerror(-r));
	else if (plan.nprobes && d->lt)
		r = loader__attach_more(w->loader, d->lt, &plan, slot, err);
	else if (plan.nprobes)
		r = loader__attach(w->loader, &d->t, &plan, slot, from_start, &d->lt, err);
	if (!r) {
		for (size_t i = 0; i < plan.nprobes; i++) {
			bool *flag = &d->attached[slot[plan.probes[i].pool_index]];

			*attached += !*flag;
			*flag = true;
		}
		tell_learned(w, d, &plan);
		if (!from_start)
			watch_late__find(w, d, &plan, slot);
	}
	plan__clear(&plan);
	free(spec.pools);
	return r;
}

int watch__attach_new(struct watch *w, struct watched *d, unsigned int flags, struct watch_error *err)
{
	bool from_start = flags & WATCH_FROM_START;
	char name[64];
	size_t n;
	int r;

	escape__string(name, sizeof(name), d->t.comm, 0);
	r = attach_missing(w, d, w->options.spec_is_default ? PLAN_SKIP_ABSENT | PLAN_SKIP_FAILED : 0, from_start, &n, err->message);
	if (r)
		return r;
	if (!d->lt) {
		const struct plan none = { 0 };

		/* Its libraries may come later, and an interpreter's probes are not in a plan. */
		r = loader__attach(w->loader, &d->t, &none, NULL, from_start, &d->lt, err->message);
		if (r)
			return r;
	}
	r = watch_python__attach(w, d, &n, err->message);
	if (r && w->options.spec_is_default && r == -EOPNOTSUPP) {
		watch__notice(w, "process %u: %s", d->t.pid, err->message);
		r = 0;
	}
	if (!r)
		r = watch_jvm__attach(w, d, &n, err->message);
	if (r && w->options.spec_is_default && r == -EOPNOTSUPP) {
		watch__notice(w, "process %u: %s", d->t.pid, err->message);
		r = 0;
	}
	if (!r && !n && !w->options.spec_is_default && !watch_python__pending(w, d) && !watch_jvm__pending(w, d)) {
		snprintf(err->message, sizeof(err->message), "nothing to probe in process %u", d->t.pid);
		r = -ENOENT;
	}
	if (r) {
		loader__detach(w->loader, d->lt);
		loader__forget(w->loader, d->lt);
		d->lt = NULL;
		return r;
	}
	stack__keep(w->namer, &d->t);
	watch__warm(w, d);
	if (!n)
		watch__notice(w, "process %u (%s) maps no library of a known pool yet; 'poolwatch presets -p %u' tells why", d->t.pid,
			      name, d->t.pid);
	if (n)
		watch__notice(w, "watching process %u (%s): %zu definition%s, %zu function%s, %s mode", d->t.pid, name, n, n == 1 ? "" : "s",
			      loader__functions(d->lt), loader__functions(d->lt) == 1 ? "" : "s", loader__mode(w->loader, NULL));
	d->nmaps = d->t.nmaps;
	d->rescan = watch__clock() + RESCAN_NS;
	return 0;
}

void watch__on_exec(struct watch *w, struct watched *d)
{
	uint64_t now = watch__clock();

	if (target__renew(&d->t) >= 0)
		loader__rename(w->loader, d->lt, &d->t);
	loader__detach(w->loader, d->lt);
	loader__forget_python(w->loader, d->t.pid);
	loader__forget_stacks(w->loader, d->t.pid);
	watch_python__close(d);
	watch_jvm__close(w, d);
	memset(d->attached, 0, sizeof(d->attached));
	stack__forget(w->namer, d->t.pid);
	watch_late__forget(w, d->t.pid);
	d->nmaps = 0;
	d->young = now + YOUNG_NS;
	d->rescan = now;
}

/*
 * The programs ask the kernel whether a new pool lies in a shared mapping; while another thread kept the address space busy they
 * get no answer, and book it as private. If it is not, other processes' units are missing in its books.
 */
void watch__check_pool(struct watch *w, struct watched *d, uint64_t id)
{
	const struct target_map *m;
	uint64_t addr;

	/* Looked at only if that happened: to read a process's maps for each of its pools would cost more than all else. */
	if (loader__lost(w->loader, POOLWATCH_LOST_MAPPING) == w->lost_mappings || loader__private_pool(w->loader, id, &addr))
		return;
	m = target__map_at(&d->t, addr);
	if (!m && !target__refresh(&d->t))
		m = target__map_at(&d->t, addr);
	if (m && m->shared)
		loader__doubt_pool(w->loader, id);
}

static bool all_attached(const struct watch *w, const struct watched *d)
{
	for (size_t i = 0; i < w->options.spec->npools; i++)
		if (!d->attached[i] && spec_pool__has_probes(&w->options.spec->pools[i]))
			return false;
	return true;
}

/* An interpreter is there before it runs, and looks like none until then. */
static void rescan_python(struct watch *w, struct watched *d)
{
	char err[LOADER_ERROR];
	size_t n = 0;

	if (!watch_python__pending(w, d) || target__refresh(&d->t))
		return;
	if (watch_python__attach(w, d, &n, err))
		watch__notice(w, "process %u: %s", d->t.pid, err);
}

/* libjvm comes with dlopen, when the launcher has chosen one. */
static void rescan_jvm(struct watch *w, struct watched *d)
{
	char err[LOADER_ERROR];
	size_t n = 0;

	if (!watch_jvm__pending(w, d) || (!watch_python__pending(w, d) && target__refresh(&d->t)))
		return;
	if (watch_jvm__attach(w, d, &n, err))
		watch__notice(w, "process %u: %s", d->t.pid, err);
	else if (n)
		watch__notice(w, "process %u runs a Java virtual machine: its executors are watched", d->t.pid);
}

/* Libraries come with dlopen, and after exec the loader maps them one by one. */
void watch__rescan(struct watch *w, uint64_t now)
{
	for (size_t i = 0; i < w->ntargets; i++) {
		struct watched *d = &w->targets[i];
		char err[LOADER_ERROR], name[64];
		size_t n;

		if (now < d->rescan)
			continue;
		d->rescan = now + (now < d->young ? RESCAN_YOUNG_NS : RESCAN_NS);
		rescan_python(w, d);
		rescan_jvm(w, d);
		if (all_attached(w, d) || target__refresh(&d->t) || d->t.nmaps == d->nmaps)
			continue;
		d->nmaps = d->t.nmaps;
		stack__forget(w->namer, d->t.pid);
		stack__keep(w->namer, &d->t);
		if (attach_missing(w, d, PLAN_SKIP_ABSENT | (w->options.spec_is_default ? PLAN_SKIP_FAILED : 0), false, &n, err))
			watch__notice(w, "process %u: %s", d->t.pid, err);
		else if (n && escape__string(name, sizeof(name), d->t.comm, 0))
			watch__notice(w, "process %u (%s) loaded a library with pools: %zu more definition%s watched", d->t.pid, name,
				      n, n == 1 ? "" : "s");
	}
}

void watch__drop(struct watch *w, struct watched *d, const char *why)
{
	uint32_t pid = d->t.pid;

	watch_python__close(d);
	watch_jvm__close(w, d);
	loader__forget_python(w->loader, pid);
	loader__detach(w->loader, d->lt);
	loader__forget(w->loader, d->lt);
	stack__forget(w->namer, pid);
	watch_late__forget(w, pid);
	target__close(&d->t);
	*d = w->targets[--w->ntargets];
	if (why && w->options.gone)
		w->options.gone(w->options.ctx, pid, why);
}
