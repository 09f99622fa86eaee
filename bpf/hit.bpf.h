/* SPDX-License-Identifier: GPL-2.0 */
/* What every program of a probe does first, and calls in progress: for the programs that are told apart by the attach cookie. */
#ifndef POOLWATCH_HIT_BPF_H
#define POOLWATCH_HIT_BPF_H

#include "ledger.bpf.h"
#include "emit.bpf.h"
#include "returns.bpf.h"
#include "go.bpf.h"

/* What a probe hit is about. */
struct pw_hit {
	const struct pw_probe *probe;
	struct pw_private *own;
	__u64 sp; /* at function entry, told from base on */
	__u64 base; /* 0; of a goroutine, whose stack moves, where that ends */
	__u32 slot; /* of the probe */
	struct pw_env env;
	struct pw_spot spot;
};

static __always_inline int hit__begin(struct pw_hit *h, struct pt_regs *ctx, const bool go)
{
	__u64 cookie = bpf_get_attach_cookie(ctx), pid_tgid = bpf_get_current_pid_tgid(), *hits, goroutine = 0;
	int thread;

	if (pid_tgid >> 32 != PW_COOKIE_TGID(cookie)) {
		count_loss(POOLWATCH_FOREIGN_TGID);
		return -1;
	}
	h->slot = PW_COOKIE_PROBE(cookie);
	h->probe = bpf_map_lookup_elem(&pw_probes, &h->slot);
	if (!h->probe)
		return -1;
	hits = bpf_map_lookup_elem(&pw_hits, &h->slot);
	if (hits)
		++*hits;
	h->base = 0;
	if (go) {
		goroutine = go__goroutine(ctx->r14, h->probe->goid_offset, &h->base);
		if (!goroutine)
			return -1;
	}
	thread = thread__slot(goroutine, pid_tgid);
	if (thread < 0)
		return -1;
	h->spot.addr = 0;
	h->spot.thread = thread;
	h->spot.def = h->probe->def;
	h->spot.pool = 0;
	h->spot.fresh = 0;
	h->own = private_at(h->spot.thread);
	if (go) {
		struct pw_goroutine *g = goroutine_at(h->spot.thread);

		if (g) {
			g->g = ctx->r14;
			g->goid_offset = h->probe->goid_offset;
		}
	}
	return h->own ? 0 : -1;
}

static __always_inline void hit__args(struct pw_hit *h, const struct pt_regs *ctx, const bool go)
{
	h->env.args[0] = go ? ctx->ax : ctx->di;
	h->env.args[1] = go ? ctx->bx : ctx->si;
	h->env.args[2] = go ? ctx->cx : ctx->dx;
	h->env.args[3] = go ? ctx->di : ctx->cx;
	h->env.args[4] = go ? ctx->si : ctx->r8;
	h->env.args[5] = go ? ctx->r8 : ctx->r9;
	h->env.ret = 0;
	h->env.key = 0;
}

/*
 * Frames whose functions cannot be running any more: the thread is now at the same or a shallower stack than they began at.
 * Their returns were lost (longjmp, a missed probe), or an exception left them.
 */
enum pw_retire {
	PW_RETIRE_DEEPER, /* those that began deeper than here */
	PW_RETIRE_SAME,	  /* and at the same place */
	PW_RETIRE_THROWN, /* the same, left by an exception: no loss */
};
extern int frames__retire(__u32 thread, __u64 sp, int how);

/* The probe stands in a loop, and this call came by it before. */
static __always_inline bool frame__is_known(const struct pw_hit *h)
{
	const struct pw_frame *last;
	__u32 n = h->own->nframes;

	if (!(h->probe->flags & PW_PROBE_REPEATS) || !n || n > PW_FRAMES)
		return false;
	last = &h->own->frame[(n - 1) & (PW_FRAMES - 1)];
	return last->sp == h->sp && last->probe == h->slot && last->key == h->env.key;
}

static __always_inline struct pw_frame *frame__push(struct pw_hit *h, __u64 now)
{
	struct pw_private *own = h->own;
	struct pw_frame *f;
	__u32 n = own->nframes;

	if (n >= PW_FRAMES) {
		count_loss(POOLWATCH_LOST_DEPTH);
		return NULL;
	}
	f = &own->frame[n & (PW_FRAMES - 1)];
	own->nframes = n + 1;
	f->sp = h->sp;
	f->key = h->env.key;
	f->since = now;
	for (int i = 0; i < PW_ARGS; i++)
		f->args[i] = h->env.args[i];
	f->probe = h->slot;
	f->pool = PW_NO_SLOT;
	f->request = PW_NO_SLOT;
	f->units = 1;
	f->site = 0;
	f->stack = 0;
	f->full = 0;
	return f;
}

/* Where the function was called from. A uretprobe has put its trampoline there; the kernel remembers what it was. */
static __always_inline __u64 hit__site(const struct pw_hit *h)
{
	__u64 site = 0;

	if (h->probe->flags & PW_PROBE_HIJACKED) {
		struct uprobe_task *utask = bpf_get_current_task_btf()->utask;

		return utask && utask->return_instances ? utask->return_instances->orig_ret_vaddr : 0;
	}
	if (bpf_probe_read_user(&site, sizeof(site), (void *)(h->sp + h->base)))
		count_loss(POOLWATCH_LOST_READS);
	return site;
}

/* The same for Go, whose returns are caught at ret instructions only. */
static __always_inline __u64 hit__go_site(const struct pw_hit *h, const struct pt_regs *ctx)
{
	struct pw_way w = { h->probe->fold_from, h->probe->fold_to, h->sp + h->base, ctx->bp, 0 };

	if (go__way_out(&w))
		count_loss(POOLWATCH_LOST_READS);
	return w.site;
}

static __always_inline void deed__fill(struct pw_deed *d, const struct pw_hit *h, __s64 units, __u64 now)
{
	d->now = now;
	d->site = 0;
	d->resource = 0;
	d->units = units;
	d->available = POOLWATCH_UNKNOWN;
	d->thread = h->spot.thread;
	d->pool = h->spot.pool;
	d->def_flags = h->probe->def_flags;
	d->flags = 0;
	d->request = PW_NO_SLOT;
	d->full = 0;
	d->edge = 0;
	d->held = 0;
	d->held_site = 0;
	d->holder = 0;
}

/*
 * Told with the stack of the moment: where the second unit is asked for, while the first is held. And, if @learn, any stack that
 * is new, under the number that it has been given. @sp: where the return address of the function lies.
 */
static __always_inline void tell_stack(struct pt_regs *ctx, const struct pw_deed *d, __u64 sp, bool learn)
{
	struct poolwatch_thread *t = thread_at(d->thread);
	struct pw_private *own = private_at(d->thread);
	struct poolwatch_pool *p = pool_at(d->pool);
	struct pw_record *r;

	if (!t || !own || !p)
		return;
	r = bpf_ringbuf_reserve(&pw_events, sizeof(*r) + PW_STACK_MAX, 0);
	if (!r) {
		count_loss(POOLWATCH_LOST_EVENTS);
		if (learn)
			own->stack = 0;
		return;
	}
	emit__fill(&r->event, d->edge ?: PW_EV_STACK, p, t);
	r->stack_id = learn ? own->stack : 0;
	r->held_stack = pw_whole_stacks && d->edge ? own->held_stack : 0;
	r->entry_sp = sp;
	r->event.held = d->held;
	r->event.site = d->site;
	r->event.held_site = d->held_site;
	r->event.value = d->depth;
	r->event.units = d->units;
	returns__copy(&r->returns);
	emit__stack(r, ctx);
	if (d->edge)
		emit__end(r);
	else
		bpf_ringbuf_submit(r, 0);
}

#endif /* POOLWATCH_HIT_BPF_H */
