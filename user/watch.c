// SPDX-License-Identifier: GPL-2.0
/* The loop of a watch: records, snapshots, judgement. See watch.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include "watch_int.h"

#define MS 1000000ull
#define SECOND 1000000000ull
#define EVENT_NS (20 * MS) /* an event has come through by then */

uint64_t watch__clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

uint64_t watch__realtime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

void watch__notice(struct watch *w, const char *format, ...)
{
	char line[400];
	va_list args;

	if (!w->options.notice)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	w->options.notice(w->options.ctx, line);
}

struct watched *watch__find(struct watch *w, uint32_t pid)
{
	for (size_t i = 0; i < w->ntargets; i++)
		if (w->targets[i].t.pid == pid)
			return &w->targets[i];
	return NULL;
}

int watch__new(const struct watch_options *options, struct watch **out, struct watch_error *err)
{
	struct loader_options lo = { options->max_pools, options->max_threads, options->no_device };
	const struct stack_options so = { .debug_dirs = options->debug_dirs, .use_debuginfod = options->debuginfod };
	struct judge_options jo = { .stall_ns = options->stall_ns ?: 5 * SECOND,
					  .leak_ns = options->leak_ns,
					  .repeat_ns = 60 * SECOND,
					  .presence = watch__presence };
	struct epoll_event ev = { .events = EPOLLIN };
	struct watch *w;
	char line[LOADER_ERROR] = "";
	int r;

	if (!target__in_first_pid_namespace()) {
		snprintf(err->message, sizeof(err->message), "%s", TARGET_OTHER_PIDS);
		return err->code = -EOPNOTSUPP;
	}
	if (options->spec->npools > PW_MAX_DEFS) {
		snprintf(err->message, sizeof(err->message), "more than %d pool definitions", PW_MAX_DEFS);
		return err->code = -E2BIG;
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return err->code = -ENOMEM;
	for (size_t i = 0; i < options->spec->npools; i++)
		lo.python |= options->spec->pools[i].builtin && !strcmp(options->spec->pools[i].builtin, "python-sqlalchemy");
	for (size_t i = 0; i < options->spec->npools; i++)
		lo.jvm |= options->jvm_dump && watch_jvm__is(&options->spec->pools[i]);
	lo.whole_stacks = options->stacks == WATCH_STACKS_ALL;
	w->options = *options;
	w->epoll_fd = -1;
	jo.presence_ctx = w;
	r = loader__new(&lo, &w->loader, line);
	if (r)
		goto fail;
	for (uint32_t i = 0; i < options->spec->npools && !r; i++)
		r = loader__set_def(w->loader, i, &options->spec->pools[i]);
	if (!r)
		r = judge__new(&jo, &w->judge);
	if (!r)
		r = stack__new(&so, &w->namer);
	if (!r)
		r = watch_budget__new(w);
	if (r)
		goto fail;
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll_fd < 0 || epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, loader__event_fd(w->loader), &ev)) {
		r = -errno;
		goto fail;
	}
	*out = w;
	return 0;
fail:
	if (!line[0])
		snprintf(line, sizeof(line), "cannot start watching: %s", strerror(-r));
	snprintf(err->message, sizeof(err->message), "%s", line);
	watch__free(w);
	return err->code = r;
}

void watch__free(struct watch *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->ntargets; i++) {
		watch_python__close(&w->targets[i]);
		watch_jvm__close(w, &w->targets[i]);
		loader__detach(w->loader, w->targets[i].lt);
		loader__forget(w->loader, w->targets[i].lt);
		target__close(&w->targets[i].t);
	}
	free(w->targets);
	watch__forget_traces(w);
	free(w->late);
	free(w->seen);
	watch_python__forget_stacks(w);
	watch_budget__free(w);
	if (w->epoll_fd >= 0)
		close(w->epoll_fd);
	stack__free(w->namer);
	judge__free(w->judge);
	ledger__clear(&w->snap[0]);
	ledger__clear(&w->snap[1]);
	loader__free(w->loader);
	free(w);
}

int watch__add(struct watch *w, uint32_t pid, unsigned int flags, struct watch_error *err)
{
	struct watched d = { .added = watch__clock() }, *grown, *old = watch__find(w, pid);
	int r;

	if (old && (old->ended || !target__alive(&old->t))) {
		/* Its number is another's already; what it did is judged first. */
		w->due = true;
		snprintf(err->message, sizeof(err->message), "process %u has just followed one of the same number", pid);
		return err->code = -EAGAIN;
	}
	if (old) {
		snprintf(err->message, sizeof(err->message), "process %u is watched already", pid);
		return err->code = -EEXIST;
	}
	grown = realloc(w->targets, (w->ntargets + 1) * sizeof(*grown));
	if (!grown)
		return err->code = -ENOMEM;
	w->targets = grown;
	r = target__open(pid, &d.t);
	switch (r) {
	case 0:
		break;
	case -ESRCH:
		snprintf(err->message, sizeof(err->message), "no process %u: 'ps -e' lists those that run", pid);
		break;
	case -EACCES:
	case -EPERM:
		snprintf(err->message, sizeof(err->message), "no permission to look at process %u: run as root, or with CAP_SYS_PTRACE", pid);
		break;
	case -ENOEXEC:
		snprintf(err->message, sizeof(err->message), "process %u is a 32-bit or foreign program: only x86-64 can be probed", pid);
		break;
	case -EINVAL:
		snprintf(err->message, sizeof(err->message), "process %u is a kernel thread: it has no pools", pid);
		break;
	default:
		snprintf(err->message, sizeof(err->message), "cannot look at process %u: %s", pid, strerror(-r));
	}
	if (!r) {
		d.t.debug_dirs = w->options.debug_dirs;
		r = watch__attach_new(w, &d, flags, err);
		if (r)
			target__close(&d.t);
	}
	if (r)
		return err->code = r;
	w->targets[w->ntargets++] = d;
	w->due = true;
	/* What it became after the first look at it, and before the programs knew of it, nobody tells: a service's exec, say. */
	if (!(flags & WATCH_FROM_START) && target__renew(&w->targets[w->ntargets - 1].t) == 1)
		watch__on_exec(w, &w->targets[w->ntargets - 1]);
	return 0;
}

int watch__remove(struct watch *w, uint32_t pid)
{
	struct watched *d = watch__find(w, pid);

	if (!d)
		return -ESRCH;
	watch__drop(w, d, NULL);
	return 0;
}

unsigned int watch__targets(const struct watch *w)
{
	return w->ntargets;
}

int watch__fd(const struct watch *w)
{
	return w->epoll_fd;
}

int watch__timeout_ms(const struct watch *w)
{
	uint64_t now = watch__clock();

	if (w->due || now >= w->next_look)
		return 0;
	return (w->next_look - now) / MS + 1;
}

/* What became of a process before this one had its number, or of this one before it was watched: it is judged already. */
static bool is_of_an_older_one(const struct watched *d, const struct poolwatch_event *e)
{
	return d && e->time < d->added &&
	       (e->type == POOLWATCH_EV_PROC_EXIT || e->type == POOLWATCH_EV_PROC_EXEC || e->type == POOLWATCH_EV_PROC_FORK);
}

static void on_record(void *ctx, const struct pw_record *r)
{
	const struct poolwatch_event *e = &r->event;
	struct watch *w = ctx;
	struct watched *d = watch__find(w, e->tgid);

	if (is_of_an_older_one(d, e))
		return;
	if (r->stack_id)
		watch_stacks__learn(w, d, r);
	if (e->type == PW_EV_STACK)
		return;
	if (r->stack_len || e->type == POOLWATCH_EV_NESTED || e->type == POOLWATCH_EV_ORDER)
		watch__keep_trace(w, r);
	watch_python__on_event(w, d, e);
	judge__event(w->judge, e);
	switch (e->type) {
	case POOLWATCH_EV_POOL:
		if (d)
			watch__check_pool(w, d, e->pool);
		break;
	case POOLWATCH_EV_PROC_EXIT:
		if (d)
			d->ended = true;
		break;
	case POOLWATCH_EV_PROC_EXEC:
		if (d)
			watch__on_exec(w, d);
		break;
	case POOLWATCH_EV_PROC_FORK:
		if (d && w->options.follow) {
			struct watch_error err;

			if (watch__add(w, e->value, 0, &err) && err.code != -ESRCH && err.code != -EEXIST)
				watch__notice(w, "child %llu is not watched: %s", (unsigned long long)e->value, err.message);
		}
		break;
	}
	w->due = w->told = true;
	if (w->options.event)
		w->options.event(w->options.ctx, e);
}

static int on_finding(void *ctx, struct finding *f)
{
	struct watch *w = ctx;
	uint64_t now = watch__clock();

	if (f->event == FINDING_NEW)
		w->found[f->kind]++;
	f->realtime_ns = watch__realtime() - (now > f->time ? now - f->time : 0);
	watch__fill(w, f);
	if (w->options.finding)
		w->options.finding(w->options.ctx, f);
	return 0;
}

/*
 * An edge stands in its table a moment before its event, with the stack, comes through the ring buffer: the newest are left to
 * the next look, unless there will be none. Return: some were.
 */
static bool leave_new_edges(const struct watch *w, struct ledger *l)
{
	size_t kept = 0, n = l->nedges;

	for (size_t i = 0; i < w->ntargets; i++)
		if (w->targets[i].ended)
			return false;
	for (size_t i = 0; i < n; i++)
		if (l->edges[i].first + EVENT_NS < l->time)
			l->edges[kept++] = l->edges[i];
	l->nedges = kept;
	return kept < n;
}

/* One snapshot, judged with the one before it. */
static int look(struct watch *w)
{
	int next = !w->now, r;

	r = loader__source(w->loader)->ops->snapshot(loader__source(w->loader), SOURCE_ALL_TABLES, &w->snap[next]);
	if (!r)
		r = watch_late__add(w, &w->snap[next]);
	if (!r)
		r = watch_jvm__add(w, &w->snap[next]);
	if (r)
		return r;
	w->young_edges = leave_new_edges(w, &w->snap[next]);
	w->seeing = 0;
	r = judge__look(w->judge, &w->snap[next], w->looked ? &w->snap[w->now] : NULL, on_finding, w);
	w->now = next;
	w->looked = true;
	w->looks++;
	watch_goroutine__sweep(w, watch__clock());
	return r;
}

/* Asked before the ring buffer is read: whatever a process that ended did is in there, and is judged before it is dropped. */
static void note_ended(struct watch *w)
{
	for (size_t i = 0; i < w->ntargets; i++)
		if (!w->targets[i].ended && !target__alive(&w->targets[i].t)) {
			w->targets[i].ended = true;
			w->due = true;
		}
}

int watch__step(struct watch *w)
{
	uint64_t now, pause;
	int r;

	note_ended(w);
	r = loader__consume(w->loader, on_record, w);
	if (r < 0 && r != -EINTR)
		return r;
	w->lost_mappings = loader__lost(w->loader, POOLWATCH_LOST_MAPPING);
	now = watch__clock();
	watch_jvm__step(w, now);
	if (!w->due && now < w->next_look)
		return 0;
	w->due = false;
	r = look(w);
	if (r)
		return r;
	for (size_t i = 0; i < w->ntargets;) {
		struct watched *d = &w->targets[i];

		if (d->ended) {
			watch__drop(w, d, "it ended");
			w->due = true; /* findings about it end with the next look */
		} else {
			i++;
		}
	}
	watch__rescan(w, now);
	watch_budget__check(w, now);
	loader__reap(w->loader);
	now = watch__clock();
	pause = pace__next(&w->pace, now, judge__tension(&w->snap[w->now]), judge__is_undecided(w->judge));
	/* For some time after an event its pool tells no other, of a thread that waits, say. */
	w->next_look = now + (w->young_edges || w->told ? PACE_TENSE_NS : pause);
	w->told = false;
	if (watch_jvm__next(w) < w->next_look)
		w->next_look = watch_jvm__next(w);
	for (size_t i = 0; i < w->ntargets; i++)
		if (w->targets[i].rescan < w->next_look)
			w->next_look = w->targets[i].rescan;
	return 0;
}

int watch__drain(struct watch *w)
{
	int r;

	/* Twice: a deadlock is proven by the second of two looks. Edges that are new at the first are old enough then. */
	for (int i = 0; i < 2; i++) {
		if (w->young_edges)
			usleep((EVENT_NS + MS) / 1000);
		w->due = true;
		r = watch__step(w);
		if (r)
			return r;
	}
	return 0;
}

struct source *watch__source(struct watch *w)
{
	return loader__source(w->loader);
}

uint64_t watch__looks(const struct watch *w)
{
	return w->looks;
}

uint64_t watch__found(const struct watch *w, enum finding_kind kind)
{
	return w->found[kind];
}
