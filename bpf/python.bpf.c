// SPDX-License-Identifier: GPL-2.0
/*
 * SQLAlchemy's QueuePool in CPython ("builtin python-sqlalchemy"). No function of the interpreter says that a connection is
 * taken or given back, but each of these ends a use of a lock, and who used it is in the interpreter's frames. So the one probe is
 * where the interpreter posts the semaphores that its locks are, before they are free, and most hits end after one look at a frame.
 *
 * What a QueuePool does, innermost frame first ("<": called by):
 *   has to wait	post in Condition.wait < Queue.get < _do_get
 *   got one		post in Condition.__exit__ < Queue.get < _do_get, which was given no exception
 *   found none		the same, given one: after a wait the time is out, else a new connection may be opened
 *   may open one	post in _inc_overflow < _do_get
 *   could not open it	post in _dec_overflow < _do_get
 *   gave it back	post in Condition.__exit__ < Queue.put < _do_return_conn, given no exception
 *   closed it		post in _dec_overflow < _do_return_conn
 * From some 3.13 on a Lock, as _inc_overflow and _dec_overflow have it, posts nothing unless somebody waits for it: there a second
 * probe is where Lock.__exit__ begins. The others use an RLock, which always posts.
 * The first local variable of _do_get and _do_return_conn is the pool. A request that need not wait is seen when it is granted:
 * nothing can come between.
 */
#include "ledger.bpf.h"
#include "emit.bpf.h"
#include "python_walk.bpf.h"
#include "unit.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define PW_PY_ITEM 5 /* of Queue.get(self, block, timeout; endtime, remaining, item) */

/* Where a thread is in _do_get. Written by the thread itself only. */
enum pw_py_state {
	PW_PY_IDLE,
	PW_PY_ASKING, /* the request is open: it waits, or is about to */
	PW_PY_OPENED, /* granted, and the connection is being opened */
};

struct pw_py_hit {
	struct pw_python *py;
	struct pw_python_thread *thread;
	__u32 tgid;
};

/* A hit: its process, its interpreter, its innermost function. */
static __always_inline int py__begin(struct pw_py_hit *h, struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx), *hits;
	__u32 slot = PW_COOKIE_PROBE(cookie);

	h->tgid = bpf_get_current_pid_tgid() >> 32;
	if (h->tgid != PW_COOKIE_TGID(cookie)) {
		count_loss(POOLWATCH_FOREIGN_TGID);
		return -1;
	}
	hits = bpf_map_lookup_elem(&pw_hits, &slot);
	if (hits)
		++*hits;
	h->py = bpf_map_lookup_elem(&pw_pythons, &slot);
	h->thread = bpf_task_storage_get(&pw_python_threads, bpf_get_current_task_btf(), 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!h->py || !h->thread)
		return -1;
	if (h->thread->began != h->py->began) {
		h->thread->began = h->py->began;
		h->thread->ts = 0;
		h->thread->kept = 0;
		h->thread->state = PW_PY_IDLE;
		h->thread->ahead = 0;
	}
	h->thread->window_len = 0;
	h->thread->reach = h->thread->ahead ?: PY_WINDOW_HIT;
	h->thread->ahead = 0;
	return py__python_frame(h->py, h->thread, py__frame(h->py, h->thread), &h->thread->frame[0]);
}

/* Is the function of frame @n this one? The frames inside of it have been looked at. */
static __always_inline bool py__at(struct pw_py_hit *h, __u32 n, __u32 what)
{
	return py__is(h->py, h->tgid, h->thread->frame[n].code, what);
}

static __always_inline bool py__next(struct pw_py_hit *h, __u32 n)
{
	return !py__python_frame(h->py, h->thread, h->thread->frame[n - 1].previous, &h->thread->frame[n]);
}

/* Local variable @n of @frame; the arguments come first. */
static __always_inline __u64 py__local(struct pw_py_hit *h, const struct py_frame *frame, __u32 n)
{
	return py__variable(h->py, h->thread, frame, n);
}

/* Was this __exit__(self, *args) given no exception: is the first of its arguments None? */
static __always_inline bool py__no_exception(struct pw_py_hit *h)
{
	__u64 args = py__local(h, &h->thread->frame[0], 1);

	return py__read(args + h->py->tuple_items) == h->py->none;
}

/* Slot of this thread's record, remembered. Return: slot, or -1. */
static __always_inline int py__thread(struct pw_python_thread *t)
{
	struct poolwatch_thread *record = thread_at((__u32)t->record);
	int slot;

	if (t->record && record && record->head.id == t->record)
		return (__u32)t->record;
	slot = thread__slot(0, bpf_get_current_pid_tgid());
	record = slot < 0 ? NULL : thread_at(slot);
	t->record = record ? record->head.id : 0;
	return slot;
}

/* The ledger's view of the pool at @addr. Return: 0; -1: not known (or, with @make, no room), or not to be looked at. */
static __always_inline int py__deed(struct pw_deed *d, const struct pw_py_hit *h, __u64 addr, bool make)
{
	struct pw_spot spot = { .addr = addr, .def = h->py->def };
	struct pw_private *own;
	struct poolwatch_pool *p;
	int thread = py__thread(h->thread);

	if (thread < 0 || !addr)
		return -1;
	spot.thread = thread;
	own = private_at(thread);
	p = own ? pool__again(own, &spot) : NULL;
	if (!p) {
		if (make ? ledger__pool(&spot) : ledger__find_pool(&spot))
			return -1;
		p = pool_at(spot.pool);
	}
	/* Ended: the loader found that it has no limit. */
	if (!p || p->flags & POOLWATCH_POOL_ENDED)
		return -1;
	__builtin_memset(d, 0, sizeof(*d));
	d->now = bpf_ktime_get_ns();
	d->units = 1;
	d->available = POOLWATCH_UNKNOWN;
	d->thread = thread;
	d->pool = spot.pool;
	d->def_flags = h->py->def_flags | PW_DEED_ELSE_BY_COUNT;
	d->request = PW_NO_SLOT;
	return 0;
}

static __always_inline void py__tell_edge(const struct pw_deed *d)
{
	struct poolwatch_thread *t = thread_at(d->thread);
	struct poolwatch_pool *p = pool_at(d->pool);
	struct pw_record *r = emit__begin(d->edge, p, t);

	if (!r)
		return;
	r->event.held = d->held;
	r->event.site = d->site;
	r->event.held_site = d->held_site;
	r->event.value = d->depth;
	r->event.units = d->units;
	emit__end(r);
}

/* Does _inc_overflow, in the innermost frame, say that it may not? Between its look and its lock another thread was quicker. */
static __always_inline bool py__refused(const struct pw_py_hit *h)
{
	__u64 consts = py__read(h->thread->frame[0].code + h->py->code_consts);
	__u8 n = 0;

	bpf_probe_read_user(&n, sizeof(n), (void *)(h->thread->frame[0].instr + h->py->exit_const));
	return py__read(consts + h->py->tuple_items + 8 * n) == h->py->false_;
}

/* Queue.get is about to wait: for the first time, or it was woken and came too late. */
static __always_inline void py__wait(struct pw_py_hit *h)
{
	struct pw_python_thread *t = h->thread;
	__u64 pool = py__local(h, &h->thread->frame[2], 0);
	struct pw_deed d;

	if ((t->state == PW_PY_ASKING && t->pool == pool) || py__deed(&d, h, pool, true))
		return;
	d.site = py__site(h->py, t, h->tgid, h->thread->frame[2].at);
	ledger__request(&d);
	t->pool = pool;
	t->since = d.now;
	t->site = d.site;
	t->request = d.request;
	t->full = d.full;
	t->state = PW_PY_ASKING;
	if (d.edge)
		py__tell_edge(&d);
}

/* _do_get, in frame @n, has got @record (0: it has no name yet) and had not to wait for it. */
static __always_inline void py__at_once(struct pw_py_hit *h, struct pw_deed *d, __u32 n, __u64 record)
{
	d->site = py__site(h->py, h->thread, h->tgid, h->thread->frame[n].at);
	d->resource = record;
	ledger__at_once(d);
	if (d->edge)
		py__tell_edge(d);
}

/* Queue.get ends. */
static __always_inline void py__got(struct pw_py_hit *h)
{
	struct pw_python_thread *t = h->thread;
	__u64 pool = py__local(h, &h->thread->frame[2], 0), record = py__local(h, &h->thread->frame[1], PW_PY_ITEM);
	bool granted = record, asked = t->state == PW_PY_ASKING && t->pool == pool;
	struct pw_deed d;

	t->state = PW_PY_IDLE;
	if ((!granted && !asked) || py__deed(&d, h, pool, !asked))
		return;
	if (!asked) {
		py__at_once(h, &d, 2, record);
		return;
	}
	d.site = t->site;
	d.request = t->request;
	d.full = t->full;
	d.resource = record;
	ledger__returned(&d, d.now - t->since, granted);
}

/* It may open a connection. */
static __always_inline void py__open(struct pw_py_hit *h)
{
	struct pw_python_thread *t = h->thread;
	__u64 pool = py__local(h, &h->thread->frame[1], 0);
	struct pw_deed d;

	if (py__refused(h) || py__deed(&d, h, pool, true))
		return;
	py__at_once(h, &d, 1, 0);
	t->pool = pool;
	t->state = PW_PY_OPENED;
}

/* A unit that the thread thought it had is not: the connection could not be opened. */
static __always_inline void py__not_opened(struct pw_py_hit *h)
{
	struct pw_python_thread *t = h->thread;
	__u64 pool = py__local(h, &h->thread->frame[1], 0);
	struct pw_deed d;

	if (t->state != PW_PY_OPENED || t->pool != pool || py__deed(&d, h, pool, false))
		return;
	t->state = PW_PY_IDLE;
	ledger__release(&d);
}

/* _do_return_conn, in frame @n, gives back what it was given. */
static __always_inline void py__return(struct pw_py_hit *h, __u32 n, bool closed)
{
	struct pw_python_thread *t = h->thread;
	__u64 pool = py__local(h, &h->thread->frame[n], 0), record = py__local(h, &h->thread->frame[n], 1);
	struct pw_deed d;

	if (py__deed(&d, h, pool, false))
		return;
	if (t->state == PW_PY_OPENED)
		t->state = PW_PY_IDLE;
	t->ahead = PY_WINDOW;
	/* One that was opened for its holder got its name only then: it is given back by count. */
	d.resource = record;
	ledger__release(&d);
	if (closed)
		unit__forget(&d);
}

/* @giver is about to give up the lock of the connections that were opened beyond the pool's size, having counted one. */
static __always_inline void py__counted(struct pw_py_hit *h, __u32 giver)
{
	if ((giver != PW_PY_INC && giver != PW_PY_DEC) || !py__next(h, 1))
		return;
	if (giver == PW_PY_INC) {
		if (py__at(h, 1, PW_PY_DO_GET))
			py__open(h);
	} else if (py__at(h, 1, PW_PY_DO_GET)) {
		py__not_opened(h);
	} else if (py__at(h, 1, PW_PY_DO_RETURN)) {
		py__return(h, 1, true);
	}
}

SEC("uprobe")
int pw_py_post(struct pt_regs *ctx)
{
	struct pw_py_hit h = {};
	__u32 giver;

	if (py__begin(&h, ctx))
		return 0;
	giver = py__giver(h.py, h.tgid, h.thread->frame[0].code);
	switch (giver) {
	case PW_PY_COND_EXIT:
		if (!py__next(&h, 1))
			return 0;
		if (py__at(&h, 1, PW_PY_GET)) {
			if (py__next(&h, 2) && py__at(&h, 2, PW_PY_DO_GET))
				py__got(&h);
		} else if (py__at(&h, 1, PW_PY_PUT)) {
			if (py__next(&h, 2) && py__at(&h, 2, PW_PY_DO_RETURN) && py__no_exception(&h))
				py__return(&h, 2, false);
		}
		break;
	case PW_PY_COND_WAIT:
		if (py__next(&h, 1) && py__at(&h, 1, PW_PY_GET) && py__next(&h, 2) && py__at(&h, 2, PW_PY_DO_GET))
			py__wait(&h);
		break;
	default:
		if (!h.py->lock_exit)
			py__counted(&h, giver);
	}
	return 0;
}

/* Where a Lock is given up, in a Python where that posts nothing unless somebody waits for it. */
SEC("uprobe")
int pw_py_unlock(struct pt_regs *ctx)
{
	struct pw_py_hit h = {};

	if (!py__begin(&h, ctx))
		py__counted(&h, py__lock_giver(h.py, h.tgid, h.thread->frame[0].code));
	return 0;
}
