// SPDX-License-Identifier: GPL-2.0
/*
 * SQLAlchemy's QueuePool in CPython ("builtin python-sqlalchemy"). No function of the interpreter says that a connection is
 * taken or given back, but each of these ends in a lock, and who takes it is in the interpreter's frames. So the probes are
 * where the interpreter tries and posts the semaphores that its locks are, and most hits end after one look at a frame.
 *
 * What a QueuePool does, innermost frame first ("<": called by):
 *   asks		try in Condition.__enter__ < Queue.get < _do_get
 *   got one		post in Condition.__exit__ < Queue.get < _do_get, which was given no exception
 *   found none		the same, given one: with no wait a new connection may be opened, after a wait the time is out
 *   may open one	post in _inc_overflow < _do_get
 *   could not open it	try in _dec_overflow < _do_get
 *   gave it back	post in Condition.__exit__ < Queue.put < _do_return_conn, given no exception
 *   closed it		try in _dec_overflow < _do_return_conn
 * The first local variable of _do_get and _do_return_conn is the pool.
 */
#include "ledger.bpf.h"
#include "emit.bpf.h"
#include "python_walk.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define PW_PY_ITEM 5 /* of Queue.get(self, block, timeout; endtime, remaining, item) */

/* Where a thread is in _do_get. Written by the thread itself only. */
enum pw_py_state {
	PW_PY_IDLE,
	PW_PY_ASKING,  /* the request is open */
	PW_PY_OPENING, /* nothing was free: it may open one; the request is open */
	PW_PY_LATE,    /* the time is out, the request ended; yet it may find that it may open one */
	PW_PY_OPENED,  /* granted, and the connection is being opened */
};

struct pw_py_hit {
	struct pw_python *py;
	const struct pw_probe *probe;
	struct pw_python_thread *thread;
	__u32 tgid;
	struct py_frame frame[3]; /* innermost first */
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
	h->py = bpf_map_lookup_elem(&pw_pythons, &h->tgid);
	h->probe = bpf_map_lookup_elem(&pw_probes, &slot);
	h->thread = bpf_task_storage_get(&pw_python_threads, bpf_get_current_task_btf(), 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!h->py || !h->probe || !h->thread)
		return -1;
	h->thread->window_len = 0;
	return py__python_frame(h->py, h->thread, py__frame(h->py, h->thread), &h->frame[0]);
}

/* Is the function of frame @n this one? The frames inside of it have been looked at. */
static __always_inline bool py__at(struct pw_py_hit *h, __u32 n, __u32 what)
{
	return py__is(h->py, h->tgid, h->frame[n].code, what);
}

static __always_inline bool py__next(struct pw_py_hit *h, __u32 n)
{
	return !py__python_frame(h->py, h->thread, h->frame[n - 1].previous, &h->frame[n]);
}

/* Local variable @n of @frame; the arguments come first. */
static __always_inline __u64 py__local(struct pw_py_hit *h, const struct py_frame *frame, __u32 n)
{
	return py__variable(h->py, h->thread, frame, n);
}

/* Was this __exit__(self, *args) given no exception: is the first of its arguments None? */
static __always_inline bool py__no_exception(struct pw_py_hit *h)
{
	__u64 args = py__local(h, &h->frame[0], 1);

	return py__read(args + h->py->tuple_items) == h->py->none;
}

/* The ledger's view of the pool at @addr. Return: 0; -1: not known (or, with @make, no room), or not to be looked at. */
static __always_inline int py__deed(struct pw_deed *d, const struct pw_py_hit *h, __u64 addr, bool make)
{
	struct pw_spot spot = { .addr = addr, .def = h->probe->def };
	struct poolwatch_pool *p;
	int thread = ledger__thread(0);

	if (thread < 0 || !addr)
		return -1;
	spot.thread = thread;
	if (make ? ledger__pool(&spot) : ledger__find_pool(&spot))
		return -1;
	p = pool_at(spot.pool);
	/* Ended: the loader found that it has no limit. */
	if (!p || p->flags & POOLWATCH_POOL_ENDED)
		return -1;
	__builtin_memset(d, 0, sizeof(*d));
	d->now = bpf_ktime_get_ns();
	d->units = 1;
	d->available = POOLWATCH_UNKNOWN;
	d->thread = thread;
	d->pool = spot.pool;
	d->def_flags = h->probe->def_flags;
	d->request = PW_NO_SLOT;
	return 0;
}

/* Of a deed of this thread's request, which @t remembers. */
static __always_inline void py__resume(struct pw_deed *d, const struct pw_python_thread *t)
{
	d->site = t->site;
	d->request = t->request;
	d->full = t->full;
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

static __always_inline void py__ask(struct pw_py_hit *h)
{
	struct pw_python_thread *t = h->thread;
	__u64 pool = py__local(h, &h->frame[2], 0);
	struct py_frame outer;
	struct pw_deed d;
	__u32 slot;
	bool again;

	if (py__deed(&d, h, pool, true))
		return;
	slot = d.pool;
	/* _do_get calls itself when another thread was quicker: still the same request. */
	again = t->pool == pool && (t->state == PW_PY_OPENING || t->state == PW_PY_OPENED) &&
		!py__python_frame(h->py, t, h->frame[2].previous, &outer) && py__is(h->py, h->tgid, outer.code, PW_PY_DO_GET);
	if (again && t->state == PW_PY_OPENING) {
		t->state = PW_PY_ASKING;
		return;
	}
	if (again && t->state == PW_PY_OPENED) {
		ledger__release(&d);
	} else if (t->state == PW_PY_ASKING || t->state == PW_PY_OPENING) {
		/* It was left by an exception that was not seen. */
		count_loss(POOLWATCH_RETIRED_REQUESTS);
		d.pool = t->slot;
		d.request = t->request;
		ledger__ended(&d);
		d.pool = slot;
		d.request = PW_NO_SLOT;
	}
	d.site = py__site(h->py, t, h->tgid, h->frame[2].at);
	ledger__request(&d);
	t->pool = pool;
	t->since = d.now;
	t->site = d.site;
	t->request = d.request;
	t->full = d.full;
	t->slot = d.pool;
	t->state = PW_PY_ASKING;
	if (d.edge)
		py__tell_edge(&d);
}

static __always_inline void py__granted(struct pw_deed *d, struct pw_py_hit *h, __u64 record, bool asks)
{
	struct pw_python_thread *t = h->thread;

	py__resume(d, t);
	d->resource = record;
	ledger__waited(d, d->now - t->since, true);
	/* In this order: see leave__acquire. */
	if (asks)
		ledger__ended(d);
	ledger__grant(d);
}

/* Queue.get ends. */
static __always_inline void py__got(struct pw_py_hit *h)
{
	struct pw_python_thread *t = h->thread;
	__u64 pool = py__local(h, &h->frame[2], 0);
	struct pw_deed d;

	if (t->state != PW_PY_ASKING || t->pool != pool || py__deed(&d, h, pool, false))
		return;
	if (py__no_exception(h)) {
		t->state = PW_PY_IDLE;
		py__granted(&d, h, py__local(h, &h->frame[1], PW_PY_ITEM), true);
		return;
	}
	/* Queue.get(self, block, timeout): did it wait? */
	if (py__local(h, &h->frame[1], 1) != h->py->true_) {
		t->state = PW_PY_OPENING;
		return;
	}
	t->state = PW_PY_LATE;
	py__resume(&d, t);
	ledger__waited(&d, d.now - t->since, false);
	ledger__ended(&d);
}

/* It may open a connection. */
static __always_inline void py__open(struct pw_py_hit *h)
{
	struct pw_python_thread *t = h->thread;
	__u64 pool = py__local(h, &h->frame[1], 0);
	struct pw_deed d;
	__u32 was;

	if ((t->state != PW_PY_OPENING && t->state != PW_PY_LATE) || t->pool != pool || py__deed(&d, h, pool, false))
		return;
	was = t->state;
	t->state = PW_PY_OPENED;
	py__granted(&d, h, 0, was == PW_PY_OPENING);
}

/* A unit that the thread thought it had is not: the connection could not be opened. */
static __always_inline void py__not_opened(struct pw_py_hit *h)
{
	struct pw_python_thread *t = h->thread;
	__u64 pool = py__local(h, &h->frame[1], 0);
	struct pw_deed d;

	if (t->state != PW_PY_OPENED || t->pool != pool || py__deed(&d, h, pool, false))
		return;
	t->state = PW_PY_IDLE;
	ledger__release(&d);
}

static __always_inline void py__return(struct pw_py_hit *h, const struct py_frame *frame)
{
	struct pw_python_thread *t = h->thread;
	__u64 pool = py__local(h, frame, 0), record = py__local(h, frame, 1);
	struct poolwatch_pool *p;
	struct pw_unit_key key = {};
	struct pw_deed d;

	if (py__deed(&d, h, pool, false))
		return;
	p = pool_at(d.pool);
	if (!p)
		return;
	if (t->state == PW_PY_OPENED)
		t->state = PW_PY_IDLE;
	key.resource = record;
	key.pool = p->head.id;
	/* One that was opened for its holder got its name only then: it is given back by count. */
	if (bpf_map_lookup_elem(&pw_units, &key))
		d.resource = record;
	ledger__release(&d);
}

SEC("uprobe")
int pw_py_try(struct pt_regs *ctx)
{
	struct pw_py_hit h = {};

	if (py__begin(&h, ctx))
		return 0;
	if (py__at(&h, 0, PW_PY_COND_ENTER)) {
		if (!py__next(&h, 1) || !py__at(&h, 1, PW_PY_GET) || !py__next(&h, 2) || !py__at(&h, 2, PW_PY_DO_GET))
			return 0;
		py__ask(&h);
	} else if (py__at(&h, 0, PW_PY_DEC)) {
		if (!py__next(&h, 1))
			return 0;
		if (py__at(&h, 1, PW_PY_DO_GET))
			py__not_opened(&h);
		else if (py__at(&h, 1, PW_PY_DO_RETURN))
			py__return(&h, &h.frame[1]);
	}
	return 0;
}

SEC("uprobe")
int pw_py_post(struct pt_regs *ctx)
{
	struct pw_py_hit h = {};

	if (py__begin(&h, ctx))
		return 0;
	if (py__at(&h, 0, PW_PY_COND_EXIT)) {
		if (!py__next(&h, 1))
			return 0;
		if (py__at(&h, 1, PW_PY_GET)) {
			if (py__next(&h, 2) && py__at(&h, 2, PW_PY_DO_GET))
				py__got(&h);
		} else if (py__at(&h, 1, PW_PY_PUT)) {
			if (py__next(&h, 2) && py__at(&h, 2, PW_PY_DO_RETURN) && py__no_exception(&h))
				py__return(&h, &h.frame[2]);
		}
	} else if (py__at(&h, 0, PW_PY_INC)) {
		if (py__next(&h, 1) && py__at(&h, 1, PW_PY_DO_GET))
			py__open(&h);
	}
	return 0;
}
