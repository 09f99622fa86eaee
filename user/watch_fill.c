// SPDX-License-Identifier: GPL-2.0
/* What the judge says in addresses and numbers, told with names, lines, stacks and the process. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "activity.h"
#include "golang.h"
#include "watch_int.h"

#define CATCH_UP_NS 100000000ull /* between two looks at what a process maps, which may be thousands of files */

static void free_trace(struct watch_trace *t)
{
	stack__free_frames(t->frames, t->n);
	stack__free_frames(t->held_frames, t->nheld);
	memset(t, 0, sizeof(*t));
}

void watch__forget_traces(struct watch *w)
{
	for (size_t i = 0; i < WATCH_TRACES; i++)
		free_trace(&w->traces[i]);
}

/*
 * Code that was loaded since the maps were last read lies on stacks, too. They are not taken over if they are another program's:
 * it may have come between the event with @site and now.
 */
void watch__catch_up(struct watch *w, struct watched *d, uint64_t site)
{
	struct target fresh = d->t, old = { .pidfd = -1, .maps = d->t.maps, .nmaps = d->t.nmaps };
	const struct target_map *was = target__map_at(&d->t, site), *is;
	uint64_t now = watch__clock();

	if (now < d->mapped + CATCH_UP_NS)
		return;
	d->mapped = now;
	fresh.maps = NULL;
	fresh.nmaps = 0;
	if (target__refresh(&fresh))
		return;
	is = target__map_at(&fresh, site);
	if (fresh.nmaps != d->t.nmaps && is && (!was || (was->dev == is->dev && was->ino == is->ino && was->start == is->start))) {
		d->t.maps = fresh.maps;
		d->t.nmaps = fresh.nmaps;
		stack__forget(w->namer, d->t.pid);
	} else {
		old.maps = fresh.maps;
		old.nmaps = fresh.nmaps;
	}
	target__close(&old);
}

static void fill_sample(struct watch_sample *to, const __u64 *regs, const struct pw_returns *returns)
{
	to->sample = (struct stack_sample){ .regs = to->regs, .known = STACK_ALL_REGS, .returns = to->returns,
					     .return_slots = to->slots };
	for (int i = 0; i < PW_REGS; i++)
		to->regs[i] = regs[i];
	to->sample.trampoline = returns->trampoline;
	for (uint32_t i = 0; i < returns->n && i < PW_RETURNS; i++) {
		to->slots[i] = returns->slot[i];
		to->returns[i] = returns->pc[i];
		to->sample.nreturns++;
	}
}

int watch__sample_of(const struct pw_record *r, struct watch_sample *out)
{
	if (!r->stack_len || r->stack_len > PW_STACK_MAX)
		return -EINVAL;
	fill_sample(out, r->regs, &r->returns);
	out->sample.stack = r->stack;
	out->sample.len = r->stack_len;
	return 0;
}

int watch__sample_now(struct watch *w, uint32_t tid, struct watch_sample *out)
{
	struct pw_registers now;
	int r = loader__registers(w->loader, tid, &now);

	if (r)
		return r;
	fill_sample(out, now.regs, &now.returns);
	out->sample.live = true;
	return 0;
}

/* The raw stack is unwound here and forgotten; the oldest trace makes room. */
void watch__keep_trace(struct watch *w, const struct pw_record *r)
{
	const struct poolwatch_event *e = &r->event;
	struct watched *d = watch__find(w, e->tgid);
	struct watch_trace *t = &w->traces[w->next_trace];
	struct finding_frame *frames;
	struct watch_sample s;
	size_t n;

	if (w->options.stacks == WATCH_STACKS_SITE)
		return;
	if (!d || watch__sample_of(r, &s))
		return;
	watch__catch_up(w, d, e->site);
	if (stack__trace_sample(w->namer, &d->t, &s.sample, &frames, &n))
		return;
	free_trace(t);
	*t = (struct watch_trace){ e->pool, e->held, e->site, e->held_site, .frames = frames, .n = n };
	memcpy(t->comm, e->comm, sizeof(t->comm));
	if (r->held_stack && watch_stacks__frames(w, d, r->held_stack, &t->held_frames, &t->nheld))
		t->held_frames = NULL;
	w->next_trace = (w->next_trace + 1) % WATCH_TRACES;
}

/* Base names of what stacks of waiting threads go through. */
static bool is_warmed(const struct target *t, const struct target_map *m)
{
	const char *base = strrchr(m->path, '/');

	return !strcmp(m->path, t->exe) || (base && (!strncmp(base, "/libc.so", 8) || !strncmp(base, "/libpthread", 11)));
}

/*
 * The first name out of a file takes as long as all of its tables take to read, far longer than a deadlock may stay unreported: so
 * that is done when it is attached to, with some name or other, and with what its main thread does now.
 */
void watch__warm(struct watch *w, const struct watched *d)
{
	struct finding_frame *frames;
	struct watch_sample now;
	size_t n;

	for (size_t i = 0; i < d->t.nmaps; i++) {
		const struct target_map *m = &d->t.maps[i];

		if (m->exec && d->t.exe && is_warmed(&d->t, m) && !stack__name(w->namer, &d->t, m->start + (m->end - m->start) / 2, 0, &frames, &n))
			stack__free_frames(frames, n);
	}
	if (!watch__sample_now(w, d->t.pid, &now) && !stack__of_thread(w->namer, &d->t, d->t.pid, now.regs, &frames, &n))
		stack__free_frames(frames, n);
}

static char *copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

static void copy_frames(const struct finding_frame *from, size_t n, struct finding_frame **out, size_t *out_n)
{
	struct finding_frame *frames = calloc(n ? n : 1, sizeof(*frames));

	if (!frames)
		return;
	for (size_t i = 0; i < n; i++) {
		frames[i] = from[i];
		frames[i].symbol = copy(from[i].symbol);
		frames[i].module = copy(from[i].module);
		frames[i].file = copy(from[i].file);
	}
	*out = frames;
	*out_n = n;
}

static const struct watch_trace *find_trace(const struct watch *w, const struct finding_thread *t)
{
	for (size_t i = 0; i < WATCH_TRACES; i++) {
		const struct watch_trace *tr = &w->traces[i];

		if (!tr->n || tr->pool != t->request.pool || tr->site != t->request.site.address)
			continue;
		for (size_t h = 0; h < t->nholds; h++)
			if (tr->held == t->holds[h].pool && tr->held_site == t->holds[h].site.address)
				return tr;
	}
	return NULL;
}

/*
 * The package whose functions are probed for pool @id, if that is a library of Go: "database/sql" of
 * "database/sql.(*DB).conn". NULL: it is not.
 */
static const char *go_library(const struct watch *w, uint64_t id, size_t *len)
{
	const struct poolwatch_pool *p = ledger__pool(&w->snap[!w->now], id);
	const struct spec_pool *def = p && p->def < w->options.spec->npools ? &w->options.spec->pools[p->def] : NULL;

	if (!def || def->owner != SPEC_OWNER_GOROUTINE || !def->nprobes)
		return NULL;
	*len = golang__package_len(def->probes[0].symbols[0]);
	return def->probes[0].symbols[0];
}

static bool is_in_package(const struct finding_frame *f, const char *package, size_t len)
{
	return f->symbol && !strncmp(f->symbol, package, len) && f->symbol[len] == '.';
}

/*
 * The call at return address @frame->address, for a unit of pool @pool: the frame that was inlined innermost is the one people
 * know; but for functions of the library itself.
 */
static void name_site(struct watch *w, const struct target *t, uint64_t pool, struct finding_frame *frame)
{
	struct finding_frame *frames;
	size_t n, len, at = 0;
	const char *library;

	if (!frame->address || frame->address & PW_PYTHON_SITE || frame->symbol || frame->module ||
	    stack__name(w->namer, t, frame->address, 1, &frames, &n))
		return;
	library = go_library(w, pool, &len);
	while (library && at + 1 < n && frames[at].inlined && is_in_package(&frames[at], library, len))
		at++;
	*frame = frames[at];
	memset(&frames[at], 0, sizeof(frames[at]));
	stack__free_frames(frames, n);
}

/* Where the hold was taken that the trace began with: it may be given back by now. */
static void fill_held(struct finding_thread *t, const struct watch_trace *trace)
{
	for (size_t h = 0; trace->nheld && h < t->nholds; h++)
		if (!t->holds[h].nstack && t->holds[h].pool == trace->held && t->holds[h].site.address == trace->held_site)
			copy_frames(trace->held_frames, trace->nheld, &t->holds[h].stack, &t->holds[h].nstack);
}

/* What the thread does now, looked at without stopping it. */
static void trace_now(struct watch *w, const struct watched *d, struct finding_thread *ft)
{
	struct watch_sample now;

	if (!ft->nstack && !watch__sample_now(w, ft->tid, &now))
		stack__trace_sample(w->namer, &d->t, &now.sample, &ft->stack, &ft->nstack);
}

static void describe(struct finding_thread *t)
{
	struct target_activity a;
	char line[320];

	if (target__activity(t->pid, t->tid, &a))
		return;
	activity__text(line, sizeof(line), &a);
	t->doing = strdup(line);
}

void watch__fill(struct watch *w, struct finding *f)
{
	bool waits = f->kind == FINDING_DEADLOCK || f->kind == FINDING_STALL;
	bool now = f->event == FINDING_NEW && w->options.stacks != WATCH_STACKS_SITE &&
		   (waits || w->options.stacks == WATCH_STACKS_ALL);
	struct watched *d = watch__find(w, f->pid);

	if (d) {
		f->exe = copy(d->t.exe);
		f->container = copy(d->t.container);
		if (!f->comm[0])
			memcpy(f->comm, d->t.comm, sizeof(f->comm) - 1);
	}
	if (watch_jvm__fill(w, f))
		return;
	for (size_t i = 0; i < f->nthreads; i++) {
		struct finding_thread *t = &f->threads[i];
		const struct watch_trace *trace;

		d = watch__find(w, t->pid);
		for (size_t h = 0; h < t->nholds; h++)
			watch_python__name(w, d, &t->holds[h].site, &t->holds[h].stack, &t->holds[h].nstack);
		if (t->requesting)
			watch_python__name(w, d, &t->request.site, &t->stack, &t->nstack);
		if (!d)
			continue;
		for (size_t h = 0; h < t->nholds; h++)
			name_site(w, &d->t, t->holds[h].pool, &t->holds[h].site);
		if (t->requesting) {
			trace = t->nstack ? NULL : find_trace(w, t);
			if (trace && !t->comm[0])
				memcpy(t->comm, trace->comm, sizeof(t->comm));
			/* Where a goroutine is now its thread does not know: it is where it was when it asked. */
			if ((!waits || t->goroutine) && trace) {
				copy_frames(trace->frames, trace->n, &t->stack, &t->nstack);
				fill_held(t, trace);
			}
			name_site(w, &d->t, t->request.pool, &t->request.site);
		}
		watch_stacks__fill(w, d, t);
		if (t->goroutine)
			continue;
		if (now)
			trace_now(w, d, t);
		if (f->kind == FINDING_STALL && !t->doing)
			describe(t);
	}
}
