// SPDX-License-Identifier: GPL-2.0
/*
 * Executors that are stuck, put into the snapshots that are judged: a pool of as many units as there are workers, each held by a
 * worker, which asks for one more. So they are told, repeated and ended as every deadlock is. For as long as all of its workers
 * sleep as they did when the dump was asked for.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "watch_jvm.h"

#define MAX_STUCK   256
#define MAX_FRAMES  64
#define DEFAULT_MAX 16384   /* of the ledger's tables, unless the options say more */
#define LAST_SLOT   0xfffff /* that a hold can name */
#define GENERATION  0xfffffffdull

static void free_stuck(struct jvm_stuck *s)
{
	for (size_t i = 0; i < s->nthreads; i++)
		stack__free_frames(s->threads[i].frames, s->threads[i].nframes);
	free(s->threads);
}

void jvm_stuck__clear(struct watch_jvm *jvm)
{
	for (size_t i = 0; i < jvm->nstuck; i++)
		free_stuck(&jvm->stuck[i]);
	free(jvm->stuck);
	jvm->stuck = NULL;
	jvm->nstuck = 0;
}

bool jvm_stuck__has(const struct watch_jvm *jvm, uint32_t tid)
{
	for (size_t i = 0; i < jvm->nstuck; i++)
		for (size_t k = 0; k < jvm->stuck[i].nthreads; k++)
			if (jvm->stuck[i].threads[k].seen.tid == tid)
				return true;
	return false;
}

static struct jvm_seen *find_seen(struct watch_jvm *jvm, uint32_t nid)
{
	for (size_t i = 0; nid && i < jvm->nseen; i++)
		if (jvm->seen[i].nid == nid)
			return &jvm->seen[i];
	return NULL;
}

/* Parked since the same moment, and not woken since. */
static bool sleeps_on(const struct loader_parked *parked, size_t n, uint32_t pid, const struct jvm_seen *seen)
{
	struct jvm_seen now;

	for (size_t i = 0; i < n; i++)
		if (parked[i].tid == seen->tid)
			return parked[i].since == seen->parked && !jvm_thread__status(pid, seen->tid, &now) &&
			       now.switches == seen->switches;
	return false;
}

static char *copy(struct jvm_text t)
{
	return t.len ? strndup(t.s, t.len) : NULL;
}

static int take_frames(const struct jvm_dump *d, const struct jvm_worker *worker, struct jvm_stuck_thread *t)
{
	const struct jvm_thread *thread = &d->threads[worker->thread];
	size_t n = thread->nframes < MAX_FRAMES ? thread->nframes : MAX_FRAMES;

	t->frames = calloc(n + 1, sizeof(*t->frames));
	if (!t->frames)
		return -ENOMEM;
	t->nframes = n;
	for (size_t i = 0; i < n; i++) {
		const struct jvm_frame *from = jvm_dump__frame(d, thread, i);

		t->frames[i] = (struct finding_frame){
			.symbol = copy(from->method),
			.file = copy(from->file),
			.line = from->line,
			.user_code = from->file.len && !jvm_judge__is_library(from->method),
		};
	}
	/* Where the program itself asks for the result, unless it was called with nothing of its own between. */
	t->asks = worker->await;
	for (size_t i = worker->await; i <= worker->task && i < n; i++)
		if (t->frames[i].user_code) {
			t->asks = i;
			break;
		}
	t->works = worker->task;
	if (t->asks >= n || t->works >= n)
		t->asks = t->works = n ? n - 1 : 0;
	return 0;
}

static void name_await(const struct jvm_dump *d, const struct jvm_executor *e, struct jvm_stuck *s)
{
	struct jvm_text first = { 0 };

	for (size_t i = 0; i < e->nworkers; i++) {
		struct jvm_text m = jvm_dump__frame(d, &d->threads[e->workers[i].thread], e->workers[i].await)->method;

		if (!i)
			first = m;
		else if (m.len != first.len || memcmp(m.s, first.s, m.len))
			return;
	}
	snprintf(s->await, sizeof(s->await), "%.*s", (int)first.len, first.s);
}

/* All of its workers are known, and slept all the time from before the dump until now: else it moves. */
static int take_executor(struct watch_jvm *jvm, const struct watched *d, const struct jvm_dump *dump, const struct jvm_executor *e,
			 const struct loader_parked *parked, size_t nparked, struct jvm_stuck *s)
{
	*s = (struct jvm_stuck){ .verdict = e->verdict, .reason = e->reason, .kind = e->kind, .timed = e->timed };
	snprintf(s->name, sizeof(s->name), "%.*s", (int)(e->name.len < sizeof(s->name) ? e->name.len : sizeof(s->name) - 1), e->name.s);
	name_await(dump, e, s);
	s->threads = calloc(e->nworkers, sizeof(*s->threads));
	if (!s->threads)
		return -ENOMEM;
	for (size_t i = 0; i < e->nworkers; i++) {
		const struct jvm_seen *seen = find_seen(jvm, dump->threads[e->workers[i].thread].nid);

		if (!seen || !seen->parked || !sleeps_on(parked, nparked, d->t.pid, seen))
			return -EAGAIN;
		if (seen->parked > s->parked)
			s->parked = seen->parked;
		s->threads[s->nthreads].seen = *seen;
		if (take_frames(dump, &e->workers[i], &s->threads[s->nthreads++]))
			return -ENOMEM;
	}
	return 0;
}

/* A row of slots beyond all of the tables', for the pool and its threads. */
static bool give_slots(struct watch *w, struct jvm_stuck *s)
{
	uint32_t most = DEFAULT_MAX, first;

	if (w->options.max_pools > most)
		most = w->options.max_pools;
	if (w->options.max_threads > most)
		most = w->options.max_threads;
	/* The tables are rounded up to a power of two. */
	first = most > 1u << 18 ? 1u << 20 : 2 * most;
	if (w->jvm_slots < first || w->jvm_slots + s->nthreads > LAST_SLOT)
		w->jvm_slots = first;
	if (w->jvm_slots + s->nthreads > LAST_SLOT)
		return false;
	s->slot = w->jvm_slots;
	w->jvm_slots += (uint32_t)s->nthreads;
	return true;
}

static void mark_open(struct watch_jvm *jvm, const struct jvm_dump *dump, const struct jvm_executor *e)
{
	for (size_t i = 0; i < e->nworkers; i++) {
		struct jvm_seen *seen = find_seen(jvm, dump->threads[e->workers[i].thread].nid);

		if (seen)
			seen->open = true;
	}
}

static bool same_threads(const struct jvm_stuck *a, const struct jvm_stuck *b)
{
	if (a->nthreads != b->nthreads)
		return false;
	for (size_t i = 0; i < a->nthreads; i++)
		if (a->threads[i].seen.tid != b->threads[i].seen.tid || a->threads[i].seen.parked != b->threads[i].seen.parked)
			return false;
	return true;
}

/* One that is known already stays what it is, but for the verdict. */
static bool is_known(struct watch_jvm *jvm, const struct jvm_stuck *s)
{
	for (size_t i = 0; i < jvm->nstuck; i++)
		if (same_threads(&jvm->stuck[i], s)) {
			jvm->stuck[i].verdict = s->verdict;
			jvm->stuck[i].reason = s->reason;
			return true;
		}
	return false;
}

int jvm_stuck__take(struct watch *w, struct watched *d, const struct jvm_dump *dump)
{
	_cleanup_free_ struct loader_parked *parked = NULL;
	struct watch_jvm *jvm = d->jvm;
	struct jvm_executor *executors;
	size_t n, nparked;
	int err;

	err = loader__parked(w->loader, d->t.pid, &parked, &nparked);
	if (!err)
		err = jvm_judge(dump, &executors, &n);
	if (err)
		return err;
	for (size_t i = 0; i < n && !err && jvm->nstuck < MAX_STUCK; i++) {
		struct jvm_stuck s, *grown;
		int r;

		if (executors[i].waits)
			mark_open(jvm, dump, &executors[i]);
		if (executors[i].verdict == JVM_NOTHING)
			continue;
		r = take_executor(jvm, d, dump, &executors[i], parked, nparked, &s);
		grown = r || is_known(jvm, &s) ? NULL : reallocarray(jvm->stuck, jvm->nstuck + 1, sizeof(*grown));
		if (grown)
			jvm->stuck = grown;
		if (grown && give_slots(w, &s))
			jvm->stuck[jvm->nstuck++] = s;
		else
			free_stuck(&s);
		err = r == -ENOMEM ? r : 0;
	}
	jvm_executors__free(executors, n);
	return err;
}

bool jvm_stuck__check(struct watch *w, struct watched *d)
{
	_cleanup_free_ struct loader_parked *parked = NULL;
	struct watch_jvm *jvm = d->jvm;
	size_t n, kept = 0, before = jvm->nstuck;

	if (!before || loader__parked(w->loader, d->t.pid, &parked, &n))
		return false;
	for (size_t i = 0; i < before; i++) {
		bool same = true;

		for (size_t k = 0; k < jvm->stuck[i].nthreads && same; k++)
			same = sleeps_on(parked, n, d->t.pid, &jvm->stuck[i].threads[k].seen);
		if (same)
			jvm->stuck[kept++] = jvm->stuck[i];
		else
			free_stuck(&jvm->stuck[i]);
	}
	jvm->nstuck = kept;
	return kept < before;
}

/* --- into a snapshot */

static void add_thread(struct ledger *l, const struct poolwatch_proc *proc, const struct jvm_stuck *s, uint32_t index, uint64_t pool)
{
	const struct jvm_seen *seen = &s->threads[index].seen;
	struct poolwatch_thread *t = ledger__room(l, POOLWATCH_THREADS, 1);

	if (!t)
		return;
	memset(t, 0, sizeof(*t));
	t->head = (struct poolwatch_head){ GENERATION << 32 | (s->slot + index), proc->head.uid, proc->head.tgid };
	t->owner = t->tid = seen->tid;
	t->space = proc->space;
	memcpy(t->comm, seen->comm, sizeof(t->comm));
	t->hold[0] = (struct poolwatch_hold){ .word = POOLWATCH_HOLD_GEN | POOLWATCH_HOLD_NESTED | 1ull << 20 | s->slot, .since = seen->parked };
	t->requests = 1;
	t->seq = seen->parked;
	t->request[0] = (struct poolwatch_request){
		.seq = seen->parked,
		.pool = pool,
		.since = seen->parked,
		.units = 1,
		.flags = POOLWATCH_REQ_WAIT_ON | POOLWATCH_REQ_FULL,
	};
	ledger__added(l, POOLWATCH_THREADS, 1);
}

static int add_stuck(struct ledger *l, const struct poolwatch_proc *proc, uint32_t def, const struct jvm_stuck *s)
{
	struct poolwatch_pool *p = ledger__room(l, POOLWATCH_POOLS, 1);
	int64_t n = (int64_t)s->nthreads;

	if (!p)
		return -ENOMEM;
	memset(p, 0, sizeof(*p));
	p->head = (struct poolwatch_head){ GENERATION << 32 | s->slot, proc->head.uid, proc->head.tgid };
	p->def = def;
	p->space = proc->space;
	/* No address is known: its first worker stands for it. */
	p->addr = s->threads[0].seen.tid;
	p->flags = POOLWATCH_POOL_STATED | POOLWATCH_POOL_CREATED | POOLWATCH_POOL_CONFIRMED;
	/* Without a proof the judge must not find one. */
	p->foreign = s->verdict != JVM_DEADLOCK;
	p->capacity = p->in_use = p->in_use_max = p->most_seen = p->requesting = p->nesting = p->nesting_max = n;
	p->available = p->blocked_at = POOLWATCH_UNKNOWN;
	p->depth = 2;
	p->created = p->full_since = p->last_grant = s->parked;
	ledger__added(l, POOLWATCH_POOLS, 1);
	for (uint32_t i = 0; i < s->nthreads; i++)
		add_thread(l, proc, s, i, GENERATION << 32 | s->slot);
	return 0;
}

int watch_jvm__add(struct watch *w, struct ledger *l)
{
	bool added = false;
	int err = 0;

	for (size_t i = 0; i < w->ntargets; i++) {
		const struct watched *d = &w->targets[i];
		const struct poolwatch_proc *proc = NULL;

		for (size_t k = 0; d->jvm && d->jvm->nstuck && k < l->nprocs; k++)
			if (l->procs[k].head.tgid == d->t.pid)
				proc = &l->procs[k];
		for (size_t k = 0; proc && k < d->jvm->nstuck && !err; k++) {
			err = add_stuck(l, proc, d->jvm->def, &d->jvm->stuck[k]);
			added = true;
		}
	}
	return err || !added ? err : ledger__index(l);
}

/* --- into a finding */

static void copy_frame(const struct finding_frame *from, struct finding_frame *to)
{
	finding_frame__clear(to);
	*to = *from;
	to->symbol = from->symbol ? strdup(from->symbol) : NULL;
	to->file = from->file ? strdup(from->file) : NULL;
}

static void fill_thread(const struct jvm_stuck *s, struct finding_thread *ft, bool stack)
{
	for (size_t i = 0; i < s->nthreads; i++) {
		const struct jvm_stuck_thread *t = &s->threads[i];

		if (t->seen.tid != ft->tid || !t->nframes)
			continue;
		if (ft->nholds)
			copy_frame(&t->frames[t->works], &ft->holds[0].site);
		copy_frame(&t->frames[t->asks], &ft->request.site);
		ft->stack = stack ? calloc(t->nframes, sizeof(*ft->stack)) : NULL;
		for (size_t k = 0; ft->stack && k < t->nframes; k++)
			copy_frame(&t->frames[k], &ft->stack[k]);
		ft->nstack = ft->stack ? t->nframes : 0;
		return;
	}
}

static char *explain(const struct jvm_stuck *s)
{
	static const char *const because[] = {
		[JVM_REASON_NONE] = "; if it is for tasks of this executor, they will wait forever, but a thread dump does not tell whose they are",
		[JVM_REASON_TASKS] = " of tasks that no thread runs; no other executor of the process can have them queued, and this one has "
				     "nobody left to run them",
		[JVM_REASON_QUIET] = ", and no other thread of the process does anything that could bring them",
	};
	char *text;
	int n;

	n = asprintf(&text, "%s %zu worker%s of the %s '%s*' wait%s in %s for results%s%s (from one thread dump)",
		     s->nthreads == 1 ? "the only" : "all", s->nthreads, s->nthreads == 1 ? "" : "s",
		     s->kind == JVM_FORK_JOIN ? "fork-join pool" : "thread pool", s->name, s->nthreads == 1 ? "s" : "",
		     s->await[0] ? s->await : "calls", because[s->reason], s->timed ? "; only the time limits of the waits can end this" : "");
	return n < 0 ? NULL : text;
}

bool watch_jvm__fill(struct watch *w, struct finding *f)
{
	struct watched *d = watch__find(w, f->pid);

	for (size_t i = 0; d && d->jvm && i < d->jvm->nstuck; i++) {
		const struct jvm_stuck *s = &d->jvm->stuck[i];
		char *text;

		if (f->pool != (GENERATION << 32 | s->slot))
			continue;
		for (size_t k = 0; k < f->nthreads; k++)
			fill_thread(s, &f->threads[k], f->event == FINDING_NEW && w->options.stacks != WATCH_STACKS_SITE);
		text = f->event == FINDING_NEW || f->event == FINDING_REPEATED ? explain(s) : NULL;
		if (text) {
			free(f->explanation);
			f->explanation = text;
		}
		if (s->verdict == JVM_DEADLOCK)
			f->proof = "thread-dump";
		return true;
	}
	return false;
}
