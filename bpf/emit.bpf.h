/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events and losses. An event goes to the loader's ring buffer, with the user stack where that says something, and without
 * it to /dev/poolwatch if the module is there. Rare: only edges of the ledger become events.
 */
#ifndef POOLWATCH_EMIT_BPF_H
#define POOLWATCH_EMIT_BPF_H

#include "maps.bpf.h"

/* To /dev/poolwatch, if the module is there (device.bpf.c: the linker wants the kernel functions in one object). */
extern int emit__device(struct poolwatch_event *e);

static __always_inline void count_loss(__u32 cause)
{
	struct poolwatch_counter *c = bpf_map_lookup_elem(&pw_counters, &cause);

	if (!c)
		return;
	__sync_fetch_and_add(&c->count, 1);
	c->last = bpf_ktime_get_ns();
}

static __always_inline void emit__fill(struct poolwatch_event *e, __u32 type, const struct poolwatch_pool *p,
				       const struct poolwatch_thread *t)
{
	__builtin_memset(e, 0, sizeof(*e));
	e->size = sizeof(*e);
	e->type = type;
	e->session = pw_session;
	e->time = bpf_ktime_get_ns();
	if (p) {
		e->pool = p->head.id;
		e->def = p->def;
		e->uid = p->head.uid;
	}
	if (t) {
		e->uid = t->head.uid;
		e->tgid = t->head.tgid;
		e->tid = t->tid;
		__builtin_memcpy(e->comm, t->comm, sizeof(e->comm));
	}
}

#define PW_PAGE 4096u

/*
 * Registers, and as much of the user stack as is mapped, into a record with room for PW_STACK_MAX bytes: whole pages up to the
 * first that is not there.
 */
static __always_inline void emit__stack(struct pw_record *r, struct pt_regs *regs)
{
	__u64 sp = regs->sp;
	__u32 len = 0, part;

	r->regs[PW_RAX] = regs->ax;
	r->regs[PW_RDX] = regs->dx;
	r->regs[PW_RCX] = regs->cx;
	r->regs[PW_RBX] = regs->bx;
	r->regs[PW_RSI] = regs->si;
	r->regs[PW_RDI] = regs->di;
	r->regs[PW_RBP] = regs->bp;
	r->regs[PW_RSP] = sp;
	r->regs[PW_R8] = regs->r8;
	r->regs[PW_R9] = regs->r9;
	r->regs[PW_R10] = regs->r10;
	r->regs[PW_R11] = regs->r11;
	r->regs[PW_R12] = regs->r12;
	r->regs[PW_R13] = regs->r13;
	r->regs[PW_R14] = regs->r14;
	r->regs[PW_R15] = regs->r15;
	r->regs[PW_RIP] = regs->ip;
	if (!bpf_probe_read_user(r->stack, PW_STACK_MAX, (void *)sp)) {
		r->stack_len = PW_STACK_MAX;
		return;
	}
	part = PW_PAGE - (sp & (PW_PAGE - 1));
	for (__u32 i = 0; i < PW_STACK_MAX / PW_PAGE; i++) {
		if (len > PW_STACK_MAX - PW_PAGE || part > PW_PAGE)
			break;
		if (bpf_probe_read_user(r->stack + len, part, (void *)(sp + len)))
			break;
		len += part;
		part = PW_PAGE;
	}
	if (!len)
		count_loss(POOLWATCH_LOST_STACKS);
	r->stack_len = len;
}

/* A record without a stack, to be filled in place (the BPF stack is too small for it) and sent. NULL: lost, and counted. */
static __always_inline struct pw_record *emit__begin(__u32 type, const struct poolwatch_pool *p, const struct poolwatch_thread *t)
{
	struct pw_record *r = bpf_ringbuf_reserve(&pw_events, sizeof(*r), 0);

	if (!r) {
		count_loss(POOLWATCH_LOST_EVENTS);
		return NULL;
	}
	emit__fill(&r->event, type, p, t);
	r->stack_id = 0;
	r->held_stack = 0;
	r->stack_len = 0;
	return r;
}

static __always_inline void emit__end(struct pw_record *r)
{
	emit__device(&r->event);
	bpf_ringbuf_submit(r, 0);
}

static __always_inline void emit__pool(__u32 type, const struct poolwatch_pool *p, const struct poolwatch_thread *t, __u64 site,
				       __u64 value, __u32 units)
{
	struct pw_record *r = emit__begin(type, p, t);

	if (!r)
		return;
	r->event.site = site;
	r->event.value = value;
	r->event.units = units;
	emit__end(r);
}

#endif
