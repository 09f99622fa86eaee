// SPDX-License-Identifier: GPL-2.0
/*
 * The same few programs for every probe of every definition, told apart by the attach cookie: which process
 * the probe was placed for (the kernel's own filter lets other processes through when two attachments share a place), and which
 * of pw_probes it is.
 */
#include "expr.bpf.h"
#include "ledger.bpf.h"
#include "hit.bpf.h"
#include "stacks.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline __s64 hit__value(const struct pw_hit *h, const struct pw_expr *e, __s64 otherwise)
{
	__s64 v = otherwise;

	if (e->shape == PW_SHAPE_NONE)
		return otherwise;
	if (expr__rarely(e, &h->env, &v)) {
		count_loss(POOLWATCH_LOST_READS);
		return otherwise;
	}
	return v;
}

/* Of the key and of "ok", which every pair of hits has. */
static __always_inline __s64 hit__often(const struct pw_hit *h, const struct pw_expr *e, __s64 otherwise)
{
	__s64 v = otherwise;

	if (e->shape == PW_SHAPE_NONE)
		return otherwise;
	if (expr__value(e, &h->env, &v)) {
		count_loss(POOLWATCH_LOST_READS);
		return otherwise;
	}
	return v;
}

/* A key of 0 is no pool, or could not be read; unless the definition says so: "key 0" is the one pool of a process. */
static __always_inline bool hit__key(struct pw_hit *h)
{
	h->env.key = hit__value(h, &h->probe->key, 0);
	return h->env.key || h->probe->key.shape == PW_SHAPE_IMM;
}

static __always_inline __s64 hit__available(const struct pw_hit *h)
{
	return hit__value(h, &h->probe->available, POOLWATCH_UNKNOWN);
}

/* What could not be read, a page that this process has not touched yet, says nothing against what is known. */
static __always_inline void hit__capacity(const struct pw_hit *h, struct poolwatch_pool *p)
{
	__s64 capacity = POOLWATCH_UNKNOWN;

	if (expr__value(&h->probe->capacity, &h->env, &capacity))
		count_loss(POOLWATCH_LOST_READS);
	else
		pool__set_capacity(p, capacity);
}

/* The pool the hit is about; made, with its capacity, if it is new. */
static __always_inline struct poolwatch_pool *hit__pool(struct pw_hit *h)
{
	const struct pw_probe *probe = h->probe;
	struct poolwatch_pool *p;

	h->spot.addr = h->env.key;
	p = pool__again(h->own, &h->spot);
	if (!p) {
		if (ledger__pool(&h->spot))
			return NULL;
		p = pool_at(h->spot.pool);
	}
	if (!p)
		return NULL;
	if (h->spot.fresh) {
		p->available = hit__available(h);
		pool__seen(p, p->available);
		if (probe->def_capacity != POOLWATCH_UNKNOWN)
			pool__set_capacity(p, probe->def_capacity);
	}
	/* Read again where it matters: when the pool is new, or about to be full. */
	if (probe->def_capacity == POOLWATCH_UNKNOWN && probe->capacity.shape != PW_SHAPE_NONE && p->in_use >= p->capacity)
		hit__capacity(h, p);
	return p;
}

/* The pool of this definition that the thread works for, for "key=held": the one it holds units of. */
static __always_inline struct poolwatch_pool *hit__held_pool(struct pw_hit *h)
{
	struct poolwatch_thread *t = thread_at(h->spot.thread);

	if (!t || (h->probe->flags & PW_PROBE_GAVE && !(h->own->task_sp && h->own->task_gave == PW_GAVE)))
		return NULL;
	for (__u32 i = 0; i < POOLWATCH_HOLDS; i++) {
		struct poolwatch_pool *p;
		__u64 w = t->hold[i].word;
		__u32 slot = POOLWATCH_HOLD_POOL(w);

		if (!POOLWATCH_HOLD_UNITS(w))
			continue;
		p = pool_at(slot);
		if (p && p->def == h->probe->def) {
			h->spot.pool = slot;
			return p;
		}
	}
	return NULL;
}

/*
 * The function of frame @at was left, by an exception or otherwise, without a return that was seen. Of a polling pool that was
 * one try of several; what was held for the time of the call is held no more.
 */
__noinline int frame__left(__u32 thread, __u32 at, int how)
{
	struct poolwatch_thread *t = thread_at(thread);
	struct pw_private *own = private_at(thread);
	const struct pw_probe *asked;
	struct pw_deed *d;
	struct pw_frame *f;
	__u32 probe;
	bool polls;

	if (how != PW_RETIRE_THROWN)
		count_loss(POOLWATCH_RETIRED_REQUESTS);
	if (!t || !own)
		return 0;
	d = &own->deed;
	__builtin_memset(d, 0, sizeof(*d));
	d->thread = thread;
	f = &own->frame[at & (PW_FRAMES - 1)];
	probe = f->probe;
	asked = bpf_map_lookup_elem(&pw_probes, &probe);
	d->pool = f->pool;
	d->request = f->request;
	d->now = bpf_ktime_get_ns();
	if (!asked || f->pool == PW_NO_SLOT)
		return 0;
	if (asked->kind == PW_SCOPE && how == PW_RETIRE_THROWN) {
		d->units = f->units;
		d->def_flags = asked->def_flags;
		return ledger__release(d);
	}
	if (f->request == PW_NO_SLOT)
		return 0;
	polls = asked->def_flags & POOLWATCH_DEF_POLL;
	if (asked->kind == PW_ACQUIRE && (how == PW_RETIRE_THROWN || polls))
		ledger__waited(d, 0, false);
	if (polls && f->request < POOLWATCH_REQUESTS)
		t->request[f->request & (POOLWATCH_REQUESTS - 1)].tried = d->now;
	else
		ledger__ended(d);
	return 0;
}

__noinline int frames__retire(__u32 thread, __u64 sp, int how)
{
	struct pw_private *own = private_at(thread);

	if (!own)
		return 0;
	for (int i = 0; i < PW_FRAMES; i++) {
		struct pw_frame *f;
		__u32 n = own->nframes;

		if (!n || n > PW_FRAMES)
			break;
		f = &own->frame[(n - 1) & (PW_FRAMES - 1)];
		if (f->sp > sp || (f->sp == sp && !how))
			break;
		own->nframes = n - 1;
		frame__left(thread, n - 1, how);
	}
	return 0;
}

static __always_inline void enter__acquire(struct pw_hit *h, struct pt_regs *ctx, const bool go)
{
	const struct pw_probe *probe = h->probe;
	__u64 now = bpf_ktime_get_ns();
	struct poolwatch_pool *p;
	struct pw_deed *d = &h->own->deed;
	struct pw_frame *f;
	bool learn = false;
	__s64 units = 1;

	if (frame__is_known(h))
		return;
	if (h->own->nframes)
		frames__retire(h->spot.thread, h->sp, PW_RETIRE_SAME);
	if (probe->count.shape != PW_SHAPE_NONE)
		units = hit__value(h, &probe->count, 1);
	if (units <= 0 || units > 0xfffff)
		return;
	if (probe->flags & PW_PROBE_KEY_HELD)
		p = hit__held_pool(h);
	else
		p = hit__pool(h);
	if (!p || p->flags & POOLWATCH_POOL_SIGNALLING)
		return;
	deed__fill(d, h, units, now);
	f = frame__push(h, now);
	if (!f)
		return;
	d->site = go ? hit__go_site(h, ctx) : hit__site(h);
	/* Once a pair is enough, and here it says whether the request will block. */
	if (p->capacity == POOLWATCH_UNKNOWN)
		d->available = hit__available(h);
	f->pool = h->spot.pool;
	f->units = units;
	f->site = d->site;
	if (pw_whole_stacks) {
		h->own->stack = 0;
		/* Go moves its stacks, and a wait takes no unit. */
		if (d->site && probe->kind != PW_WAIT_ON && !(probe->flags & PW_PROBE_GO))
			learn = stack__find(h->spot.thread, h->sp, d->site);
	}
	if (probe->kind == PW_SCOPE) {
		__sync_fetch_and_add(&p->requests, 1);
	} else {
		d->flags = (probe->kind == PW_WAIT_ON ? POOLWATCH_REQ_WAIT_ON : 0) |
			  (probe->def_flags & POOLWATCH_DEF_POLL ? POOLWATCH_REQ_POLL : 0);
		ledger__request(d);
		f->request = d->request;
		f->full = d->full;
	}
	if (d->edge || learn)
		tell_stack(ctx, d, h->sp, learn);
	if (pw_whole_stacks)
		f->stack = h->own->stack;
	if (probe->kind == PW_SCOPE)
		ledger__grant(d);
	if (pw_whole_stacks)
		h->own->stack = 0;
}

static __always_inline void enter__release(struct pw_hit *h)
{
	const struct pw_probe *probe = h->probe;
	struct poolwatch_pool *p;
	struct pw_deed *d = &h->own->deed;
	__s64 units = 1;

	p = hit__pool(h);
	if (!p || p->flags & POOLWATCH_POOL_SIGNALLING)
		return;
	if (probe->count.shape != PW_SHAPE_NONE)
		units = hit__value(h, &probe->count, 1);
	if (units <= 0 || units > 0xfffff)
		return;
	deed__fill(d, h, units, bpf_ktime_get_ns());
	if (probe->resource.shape != PW_SHAPE_NONE) {
		d->resource = hit__value(h, &probe->resource, 0);
		if (!d->resource)
			return;
	}
	d->flags = probe->kind;
	ledger__release(d);
}

/* A pool that its maker says is new: whatever was at that address before is gone. */
static __always_inline void make__pool(struct pw_hit *h)
{
	struct poolwatch_pool *p;

	if (!hit__value(h, &h->probe->ok, 1))
		return;
	h->spot.addr = h->env.key;
	if (ledger__pool(&h->spot))
		return;
	p = pool_at(h->spot.pool);
	if (!p)
		return;
	if (h->spot.fresh)
		__sync_fetch_and_or(&p->flags, POOLWATCH_POOL_CREATED);
	if (h->probe->def_capacity != POOLWATCH_UNKNOWN)
		pool__set_capacity(p, h->probe->def_capacity);
	else
		pool__set_capacity(p, hit__value(h, &h->probe->capacity, POOLWATCH_UNKNOWN));
}

static __always_inline void enter__resize(struct pw_hit *h)
{
	struct poolwatch_pool *p;

	if (ledger__pool(&h->spot))
		return;
	p = pool_at(h->spot.pool);
	if (!p)
		return;
	if (h->probe->def_capacity != POOLWATCH_UNKNOWN)
		pool__set_capacity(p, h->probe->def_capacity);
	else if (h->probe->capacity.shape != PW_SHAPE_NONE)
		pool__set_capacity(p, hit__value(h, &h->probe->capacity, POOLWATCH_UNKNOWN));
}

/* Return: 0; 1: it is about no pool; -1: of nobody. */
static __always_inline int enter__begin(struct pw_hit *h, struct pt_regs *ctx, const bool go)
{
	if (hit__begin(h, ctx, go))
		return -1;
	h->sp = ctx->sp + h->probe->sp_adjust - h->base;
	hit__args(h, ctx, go);
	if (!(h->probe->flags & (PW_PROBE_KEY_AT_RET | PW_PROBE_KEY_HELD)) && !hit__key(h))
		return 1;
	h->spot.addr = h->env.key;
	return 0;
}

/* A request begins. */
SEC("uprobe")
int pw_enter(struct pt_regs *ctx)
{
	struct pw_hit h;

	if (!enter__begin(&h, ctx, false))
		enter__acquire(&h, ctx, false);
	return 0;
}

/* The same of Go, whose arguments are in other registers, and whose threads are goroutines. */
SEC("uprobe")
int pw_go_enter(struct pt_regs *ctx)
{
	struct pw_hit h;
	int begun = enter__begin(&h, ctx, true);

	if (begun < 0)
		return 0;
	if (!begun)
		enter__acquire(&h, ctx, true);
	return goroutine__end(h.spot.thread);
}

/* Units come back, tasks end, pools come, change and go. Return: slot of the thread, or -1. */
static __always_inline int enter__other(struct pt_regs *ctx, const bool go)
{
	struct pw_hit h;
	int begun = enter__begin(&h, ctx, go);

	if (begun)
		return begun < 0 ? -1 : (int)h.spot.thread;
	/* A panic left the calls below this one. */
	if (go && h.own->nframes)
		frames__retire(h.spot.thread, h.sp, PW_RETIRE_DEEPER);
	switch (h.probe->kind) {
	case PW_RELEASE:
	case PW_INVALIDATE:
	case PW_DISOWN:
		enter__release(&h);
		break;
	case PW_NEXT:
		worker__done(&h.spot, h.sp);
		if (h.probe->flags & PW_PROBE_KNOWN && ledger__find_pool(&h.spot))
			break;
		if (frame__is_known(&h))
			break;
		frames__retire(h.spot.thread, h.sp, PW_RETIRE_SAME);
		frame__push(&h, 0);
		break;
	case PW_DONE:
		worker__done(&h.spot, h.sp);
		break;
	case PW_CREATE:
		if (h.probe->flags & PW_PROBE_KEY_AT_RET) {
			frames__retire(h.spot.thread, h.sp, PW_RETIRE_SAME);
			frame__push(&h, 0);
		} else {
			ledger__forget_pool(&h.spot);
			make__pool(&h);
		}
		break;
	case PW_RESIZE:
		enter__resize(&h);
		break;
	case PW_CATCH:
		frames__retire(h.spot.thread, h.sp, PW_RETIRE_THROWN);
		break;
	case PW_SUBMIT:
		enter__resize(&h);
		if (worker__gives(h.spot.thread, h.spot.pool)) {
			frames__retire(h.spot.thread, h.sp, PW_RETIRE_SAME);
			frame__push(&h, 0);
		}
		break;
	case PW_DESTROY:
		ledger__forget_pool(&h.spot);
		break;
	}
	return h.spot.thread;
}

static __always_inline void leave__acquire(struct pw_hit *h, struct pw_frame *f)
{
	const struct pw_probe *probe = h->probe;
	struct poolwatch_request *r = NULL;
	struct poolwatch_thread *t;
	struct pw_deed *d = &h->own->deed;
	__u64 waited;
	bool granted;

	h->spot.pool = f->pool;
	deed__fill(d, h, f->units, bpf_ktime_get_ns());
	if (probe->kind == PW_SCOPE) {
		ledger__release(d);
		return;
	}
	d->site = f->site;
	d->request = f->request;
	d->full = f->full;
	if (probe->kind == PW_WAIT_ON) {
		ledger__ended(d);
		return;
	}
	waited = d->now - f->since;
	granted = hit__often(h, &probe->ok, 1) != 0;
	if (probe->def_flags & POOLWATCH_DEF_POLL && f->request < POOLWATCH_REQUESTS) {
		t = thread_at(h->spot.thread);
		if (!t)
			return;
		r = &t->request[f->request & (POOLWATCH_REQUESTS - 1)];
		if (!granted) {
			/* The try failed; the request goes on until one does not. */
			r->tried = d->now;
			ledger__waited(d, 0, false);
			return;
		}
		waited = d->now - r->since;
	}
	if (granted && probe->resource.shape != PW_SHAPE_NONE)
		d->resource = hit__value(h, &probe->resource, 0);
	if (pw_whole_stacks)
		h->own->stack = f->stack;
	ledger__returned(d, waited, granted);
	if (pw_whole_stacks)
		h->own->stack = 0;
}

SEC("uprobe")
int pw_release(struct pt_regs *ctx)
{
	enter__other(ctx, false);
	return 0;
}

SEC("uprobe")
int pw_go_release(struct pt_regs *ctx)
{
	int thread = enter__other(ctx, true);

	return thread < 0 ? 0 : goroutine__end(thread);
}

/* A call returns. Return: as enter__other. */
static __always_inline int leave(struct pt_regs *ctx, const bool go)
{
	struct pw_hit h;
	struct pw_frame *f;
	__u32 n;

	if (hit__begin(&h, ctx, go))
		return -1;
	/* A uretprobe fires when the return address is off the stack, a probe on the ret instruction before that. */
	h.sp = ctx->sp - (h.probe->flags & PW_PROBE_RET_SITE ? 0 : 8) - h.base;
	n = h.own->nframes;
	if (n && n <= PW_FRAMES && h.own->frame[(n - 1) & (PW_FRAMES - 1)].sp < h.sp) {
		frames__retire(h.spot.thread, h.sp, PW_RETIRE_DEEPER);
		n = h.own->nframes;
	}
	if (!n || n > PW_FRAMES) {
		if (!(h.probe->flags & PW_PROBE_SOMETIMES))
			count_loss(POOLWATCH_UNMATCHED_RETURNS);
		return h.spot.thread;
	}
	f = &h.own->frame[(n - 1) & (PW_FRAMES - 1)];
	if (f->sp != h.sp || f->probe != h.slot) {
		/*
		 * Two functions may end in one they both jump to: its ret is a site of each, and one of them is meant. And a call that
		 * came by its entry probe several times returns as often.
		 */
		if (!(h.probe->flags & (f->sp == h.sp ? PW_PROBE_RET_SITE | PW_PROBE_KEY_HELD | PW_PROBE_KNOWN : PW_PROBE_SOMETIMES)))
			count_loss(POOLWATCH_UNMATCHED_RETURNS);
		return h.spot.thread;
	}
	h.own->nframes = n - 1;
	for (int i = 0; i < PW_ARGS; i++)
		h.env.args[i] = f->args[i];
	h.env.ret = ctx->ax;
	h.env.key = f->key;
	if (h.probe->kind == PW_CREATE) {
		if (hit__key(&h))
			make__pool(&h);
		return h.spot.thread;
	}
	if (h.probe->kind == PW_SUBMIT) {
		h.own->task_gave = PW_GAVE;
		return h.spot.thread;
	}
	if (h.probe->kind == PW_NEXT) {
		/* Back in the caller already, or about to be. */
		__u64 site = ctx->ip;

		if (h.probe->flags & PW_PROBE_RET_SITE)
			bpf_probe_read_user(&site, sizeof(site), (void *)(h.sp + h.base));
		h.spot.addr = h.env.key;
		if (hit__value(&h, &h.probe->ok, 1) && !ledger__pool(&h.spot))
			worker__take(&h.spot, h.sp, site);
		return h.spot.thread;
	}
	leave__acquire(&h, f);
	return h.spot.thread;
}

SEC("uprobe")
int pw_leave(struct pt_regs *ctx)
{
	leave(ctx, false);
	return 0;
}

SEC("uprobe")
int pw_go_leave(struct pt_regs *ctx)
{
	int thread = leave(ctx, true);

	return thread < 0 ? 0 : goroutine__end(thread);
}
