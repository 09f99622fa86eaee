// SPDX-License-Identifier: GPL-2.0
/*
 * System V semaphores. One call asks for units of some semaphores of a set and gives back units of others, all at once: an
 * array of struct sembuf says which. Each semaphore of a set is a pool of its own, and the same one in every process
 * that uses the set. What it has is known from semctl.
 */
#include "hit.bpf.h"
#include "hold.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define SEM_UNDO  0x1000 /* include/uapi/linux/sem.h */
#define IPC_RMID  0	 /* include/uapi/linux/ipc.h */
#define SETVAL	  16
#define SETALL	  17
#define SYSV_OPS  4	 /* of one call that are looked at */
#define SYSV_NUMS 32	 /* semaphores of a set whose values are remembered */

struct sysv_op {
	__u16 num;
	__s16 op;
	__s16 flags;
};

/* What semctl gave the semaphores of a set. */
struct sysv_set {
	__u32 ns;
	__s32 id;
};

struct sysv_values {
	__u32 have; /* bit i: of value[i] */
	__u16 value[SYSV_NUMS];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct sysv_set);
	__type(value, struct sysv_values);
} pw_sysv_sets __weak SEC(".maps");

static __always_inline __u32 ipc_namespace(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, nsproxy, ipc_ns, ns.inum);
}

static __always_inline int sysv__read(const struct pw_sysv_call *c, __u32 i, struct sysv_op *op)
{
	if (i >= c->nops)
		return -1;
	if (bpf_probe_read_user(op, sizeof(*op), (void *)(c->ops + i * sizeof(*op)))) {
		count_loss(POOLWATCH_LOST_READS);
		return -1;
	}
	return 0;
}

/* The pool of semaphore @num, in d->pool. Return: 0 if nothing is counted there. */
__noinline int sysv__pool(struct pw_sysv_call *c, struct pw_deed *d, __u32 num)
{
	struct pw_spot spot = {};
	struct poolwatch_pool *p;

	if (!c || !d)
		return 0;
	spot.addr = PW_SYSV_KEY(c->set, num);
	spot.thread = c->thread;
	spot.def = c->def;
	if (ledger__pool(&spot))
		return 0;
	d->pool = spot.pool;
	p = pool_at(spot.pool);
	if (p && spot.fresh) {
		struct sysv_set set = { .ns = ipc_namespace(), .id = c->set };
		struct sysv_values *v = bpf_map_lookup_elem(&pw_sysv_sets, &set);

		if (v && num < SYSV_NUMS && v->have & 1u << num) {
			__sync_fetch_and_or(&p->flags, POOLWATCH_POOL_CREATED);
			pool__set_capacity(p, v->value[num & (SYSV_NUMS - 1)]);
		}
	}
	return p && !(p->flags & POOLWATCH_POOL_SIGNALLING);
}

static __always_inline void sysv__deed(const struct pw_sysv_call *c, struct pw_deed *d, __s64 units)
{
	d->thread = c->thread;
	d->def_flags = c->def_flags;
	d->now = bpf_ktime_get_ns();
	d->site = c->site;
	d->resource = 0;
	d->units = units;
	d->available = POOLWATCH_UNKNOWN;
	d->flags = 0;
	d->request = PW_NO_SLOT;
	d->full = 0;
	d->edge = 0;
	d->held = d->held_site = 0;
	d->holder = 0;
}

/* Operation @i, if it asks for units. Return: 1 if it does. */
__noinline int sysv__ask(struct pw_sysv_call *c, __u32 i)
{
	struct pw_private *own;
	struct sysv_op op = {};
	struct pw_frame *f;
	struct pw_deed *d;
	__u32 n;

	if (!c || sysv__read(c, i, &op) || op.op >= 0)
		return 0;
	own = private_at(c->thread);
	if (!own)
		return 1;
	d = &own->deed;
	d->edge = 0;
	if (!sysv__pool(c, d, op.num))
		return 1;
	n = own->nframes;
	if (n >= PW_FRAMES) {
		count_loss(POOLWATCH_LOST_DEPTH);
		return 1;
	}
	sysv__deed(c, d, -(__s64)op.op);
	ledger__request(d);
	f = &own->frame[n & (PW_FRAMES - 1)];
	own->nframes = n + 1;
	f->sp = c->sp;
	f->since = d->now;
	f->args[0] = c->set;
	f->args[1] = c->ops;
	f->args[2] = c->nops;
	f->args[3] = op.flags;
	f->probe = c->probe;
	f->pool = d->pool;
	f->request = d->request;
	f->units = d->units;
	f->site = c->site;
	f->full = d->full;
	return 1;
}

/* Operation @i, if it gives units back. */
__noinline int sysv__give(struct pw_sysv_call *c, __u32 i)
{
	struct pw_private *own;
	struct sysv_op op = {};

	if (!c || sysv__read(c, i, &op) || op.op <= 0)
		return 0;
	own = private_at(c->thread);
	if (!own || !sysv__pool(c, &own->deed, op.num))
		return 0;
	sysv__deed(c, &own->deed, op.op);
	return ledger__release(&own->deed);
}

/* The units that the thread got, if they are given back by the kernel when the process ends, are no leak then. */
__noinline int sysv__undo(__u32 thread, __u32 pool, __u32 flags)
{
	struct pw_private *own = private_at(thread);
	int at = hold__find(thread, pool);

	if (!own || at < 0 || at >= POOLWATCH_HOLDS)
		return -1;
	if (flags & SEM_UNDO)
		own->undo |= 1u << at;
	else
		own->undo &= ~(1u << at);
	return 0;
}

static __always_inline void call__begin(struct pw_sysv_call *c, const struct pw_hit *h)
{
	c->sp = h->sp;
	c->site = 0;
	c->probe = h->slot;
	c->def = h->probe->def;
	c->thread = h->spot.thread;
	c->def_flags = h->probe->def_flags;
}

SEC("uprobe")
int pw_sysv_enter(struct pt_regs *ctx)
{
	struct pw_sysv_call *c;
	struct pw_hit h;
	bool asks = false;

	if (hit__begin(&h, ctx, false))
		return 0;
	c = &h.own->call;
	h.sp = ctx->sp + h.probe->sp_adjust;
	hit__args(&h, ctx, false);
	frames__retire(h.spot.thread, h.sp, PW_RETIRE_SAME);
	if (h.probe->kind == PW_CREATE) {
		frame__push(&h, 0);
		return 0;
	}
	call__begin(c, &h);
	c->site = hit__site(&h);
	c->set = h.env.args[0];
	c->ops = h.env.args[1];
	c->nops = h.env.args[2] < SYSV_OPS ? h.env.args[2] : SYSV_OPS;
	if (h.env.args[2] > SYSV_OPS)
		count_loss(POOLWATCH_LOST_DEPTH);
	h.own->deed.edge = 0;
	for (__u32 i = 0; i < SYSV_OPS; i++) {
		if (sysv__ask(c, i))
			asks = true;
		if (h.own->deed.edge)
			tell_stack(ctx, &h.own->deed, c->sp, false);
		h.own->deed.edge = 0;
	}
	/* With a request among them all happen when that is granted. */
	for (__u32 i = 0; i < SYSV_OPS && !asks; i++)
		sysv__give(c, i);
	return 0;
}

/* semctl has returned: semaphore @num of the set has another value, known from now on, or is gone. */
__noinline int sysv__control(struct pw_sysv_call *c, __u32 num)
{
	struct pw_spot spot = {};
	struct sysv_set set = {};
	struct sysv_values *v;
	struct poolwatch_pool *p;
	__u16 value;

	if (!c || num >= SYSV_NUMS)
		return 0;
	value = c->ops;
	if (c->nops == SETALL && bpf_probe_read_user(&value, sizeof(value), (void *)(c->ops + 2 * num)))
		return 0;
	set.ns = ipc_namespace();
	set.id = c->set;
	v = bpf_map_lookup_elem(&pw_sysv_sets, &set);
	if (v) {
		v->value[num & (SYSV_NUMS - 1)] = value;
		v->have |= 1u << (num & (SYSV_NUMS - 1));
	}
	spot.thread = c->thread;
	spot.def = c->def;
	spot.addr = PW_SYSV_KEY(c->set, num);
	if (ledger__find_pool(&spot))
		return 0;
	p = pool_at(spot.pool);
	if (!p)
		return 0;
	if (c->nops == IPC_RMID)
		__sync_fetch_and_or(&p->flags, POOLWATCH_POOL_DESTROYED);
	else
		pool__set_capacity(p, value);
	return 0;
}

/* The set, made known or forgotten. */
__noinline int sysv__set(struct pw_sysv_call *c)
{
	struct sysv_values none = {};
	struct sysv_set set = {};

	if (!c)
		return 0;
	set.ns = ipc_namespace();
	set.id = c->set;
	return c->nops == IPC_RMID ? bpf_map_delete_elem(&pw_sysv_sets, &set) :
				     bpf_map_update_elem(&pw_sysv_sets, &set, &none, BPF_NOEXIST);
}

/* The last frame of this call, if it has one. Return: 1 if it had. */
__noinline int sysv__returned(struct pw_sysv_call *c, int ret)
{
	struct pw_private *own;
	struct pw_frame *f;
	struct pw_deed *d;
	__u32 n;

	if (!c)
		return 0;
	own = private_at(c->thread);
	if (!own)
		return 0;
	n = own->nframes;
	if (!n || n > PW_FRAMES)
		return 0;
	f = &own->frame[(n - 1) & (PW_FRAMES - 1)];
	if (f->sp != c->sp || f->probe != c->probe)
		return 0;
	own->nframes = n - 1;
	c->set = f->args[0];
	c->ops = f->args[1];
	c->nops = f->args[2];
	c->site = f->site;
	if (f->pool == PW_NO_SLOT) {
		c->ops = f->args[3];
		c->nops = f->args[2];
		c->num = f->args[1];
		return 1;
	}
	d = &own->deed;
	sysv__deed(c, d, f->units);
	d->pool = f->pool;
	d->request = f->request;
	d->full = f->full;
	ledger__returned(d, d->now - f->since, !ret);
	if (!ret)
		sysv__undo(c->thread, f->pool, f->args[3]);
	return 1;
}

SEC("uprobe")
int pw_sysv_leave(struct pt_regs *ctx)
{
	struct pw_sysv_call *c;
	struct pw_hit h;
	bool asked = false;
	int ret = ctx->ax;

	if (hit__begin(&h, ctx, false))
		return 0;
	c = &h.own->call;
	h.sp = ctx->sp - (h.probe->flags & PW_PROBE_RET_SITE ? 0 : 8);
	frames__retire(h.spot.thread, h.sp, PW_RETIRE_DEEPER);
	call__begin(c, &h);
	for (__u32 i = 0; i < SYSV_OPS; i++) {
		if (!sysv__returned(c, ret))
			break;
		asked = true;
	}
	if (!asked || ret)
		return 0;
	if (h.probe->kind == PW_CREATE) {
		if (c->nops != SETVAL && c->nops != SETALL && c->nops != IPC_RMID)
			return 0;
		sysv__set(c);
		if (c->nops == SETVAL)
			sysv__control(c, c->num);
		/* A set may have fewer: what lies behind its array belongs to no semaphore. */
		for (__u32 i = 0; i < SYSV_NUMS && c->nops != SETVAL; i++)
			sysv__control(c, i);
		return 0;
	}
	for (__u32 i = 0; i < SYSV_OPS; i++)
		sysv__give(c, i);
	return 0;
}
