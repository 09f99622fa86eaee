// SPDX-License-Identifier: GPL-2.0
/*
 * Attached too late: threads that were blocked in an acquire already made no request that a probe saw, and what they hold was
 * taken before. The kernel says which word each sleeps on, its stack says in which function: so who waits, and where, is known
 * all the same; who holds is not, and no proof is made of it. They are put into the snapshots that are judged, as requests
 * made at the attach, for as long as they sleep on that word.
 *
 * Looked at from outside, through /proc and a BPF task iterator: nothing is stopped.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include "cleanup.h"
#include "watch_int.h"

#define CHECK_NS 250000000ull
#define MAX_LATE 4096
#define MAX_PARKED 64 /* frames between the system call and the acquire */

static bool sleeps_on(uint32_t pid, uint32_t tid, uint64_t *futex, struct target_activity *a)
{
	if (target__activity(pid, tid, a) || a->syscall != SYS_futex || a->state == 'R')
		return false;
	*futex = a->args[0];
	return true;
}

static bool same_file(const struct plan_file *file, const char *module)
{
	const char *base = strrchr(file->path, '/');

	return module && !strcmp(base ? base + 1 : file->path, module);
}

/* The statement whose function this frame is in, by name: a slow path ("__new_sem_wait_slow64") is named after what jumps to it. */
static const struct plan_probe *acquire_of(const struct plan *plan, const struct finding_frame *frame)
{
	for (size_t i = 0; i < plan->nprobes; i++) {
		const struct plan_probe *pp = &plan->probes[i];

		if ((pp->probe->kind == PW_ACQUIRE || (pp->probe->kind == PW_WAIT_ON && !pp->probe->key_held)) && frame->symbol && pp->symbol[0] &&
		    strstr(frame->symbol, pp->symbol) && same_file(&plan->files[pp->file], frame->module))
			return pp;
	}
	return NULL;
}

/* Which pool of the definition. Return: false if that cannot be told. */
static bool find_key(const struct watch *w, const struct plan_probe *pp, uint32_t def, const struct watched *d, struct watch_late *late)
{
	const struct spec_pool *p = pp->pool;
	const struct pw_expr *key = pp->probe->key.shape != PW_SHAPE_NONE ? &pp->probe->key : &p->key;
	const struct ledger *l = &w->snap[w->now];

	if (key->shape == PW_SHAPE_IMM) {
		late->key = key->imm;
		return true;
	}
	/* One word: the key lies at a known distance. */
	if (p->futex_to > p->futex_from && p->futex_to - p->futex_from <= 4) {
		late->key = late->futex - p->futex_from;
		return true;
	}
	for (size_t i = 0; w->looked && i < l->npools; i++)
		if (l->pools[i].def == def && l->pools[i].head.tgid == d->t.pid && late->futex - l->pools[i].addr >= p->futex_from &&
		    late->futex - l->pools[i].addr < p->futex_to) {
			late->key = l->pools[i].addr;
			return true;
		}
	/* Waiters of one pool sleep near one another: the first word of the range stands for it. */
	if (p->futex_to > p->futex_from)
		late->key = late->futex - p->futex_from;
	else
		late->key = late->futex;
	return true;
}

static bool examine(struct watch *w, const struct watched *d, const struct plan *plan, const uint32_t *def_slot, struct watch_late *late)
{
	struct watch_sample now;
	const struct plan_probe *pp = NULL;
	struct finding_frame *frames;
	size_t n, at = 0;

	if (watch__sample_now(w, late->tid, &now))
		return false;
	memcpy(late->regs, now.regs, sizeof(late->regs));
	if (stack__trace_sample(w->namer, &d->t, &now.sample, &frames, &n))
		return false;
	/* The outermost: an acquire may call another. */
	for (size_t i = 0; i < n && i < MAX_PARKED; i++) {
		const struct plan_probe *here = acquire_of(plan, &frames[i]);

		if (here) {
			pp = here;
			at = i;
		}
	}
	if (pp) {
		while (at + 1 < n && frames[at].inlined)
			at++;
		late->site = at + 1 < n ? frames[at + 1].address : 0;
		late->def = def_slot[pp->pool_index];
	}
	stack__free_frames(frames, n);
	return pp && find_key(w, pp, late->def, d, late);
}

static void read_comm(struct watch_late *late)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[60];

	snprintf(path, sizeof(path), "/proc/%u/task/%u/comm", late->pid, late->tid);
	f = fopen(path, "re");
	if (f && fgets(late->comm, sizeof(late->comm), f))
		late->comm[strcspn(late->comm, "\n")] = 0;
}

void watch_late__find(struct watch *w, const struct watched *d, const struct plan *plan, const uint32_t *def_slot)
{
	_cleanup_free_ uint32_t *tids = NULL;
	size_t n = 0;

	if (target__threads(&d->t, &tids, &n))
		return;
	for (size_t i = 0; i < n && w->nlate < MAX_LATE; i++) {
		struct watch_late late = { .pid = d->t.pid, .tid = tids[i], .since = watch__clock() }, *grown;
		struct target_activity a;

		if (!sleeps_on(late.pid, late.tid, &late.futex, &a) || !examine(w, d, plan, def_slot, &late))
			continue;
		grown = realloc(w->late, (w->nlate + 1) * sizeof(*grown));
		if (!grown)
			return;
		read_comm(&late);
		w->late = grown;
		w->late[w->nlate++] = late;
	}
}

void watch_late__forget(struct watch *w, uint32_t pid)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->nlate; i++)
		if (w->late[i].pid != pid)
			w->late[kept++] = w->late[i];
	w->nlate = kept;
}

/* Those that woke up since are as any other thread from now on. */
static void check(struct watch *w, uint64_t now)
{
	size_t kept = 0;

	if (now - w->late_checked < CHECK_NS)
		return;
	w->late_checked = now;
	for (size_t i = 0; i < w->nlate; i++) {
		struct target_activity a;
		uint64_t futex;

		if (sleeps_on(w->late[i].pid, w->late[i].tid, &futex, &a) && futex == w->late[i].futex)
			w->late[kept++] = w->late[i];
	}
	w->nlate = kept;
}

/* A pool that only sleepers tell of: what its definition reads from outside is all that is known. */
static int make_pool(struct watch *w, struct ledger *l, const struct watch_late *late, const struct poolwatch_proc *proc, uint64_t *id)
{
	const struct spec_pool *spec = &w->options.spec->pools[late->def];
	struct watched *d = watch__find(w, late->pid);
	const struct expr_env env = { .key = late->key, .args = { late->key }, .read = target__read, .ctx = d ? &d->t : NULL };
	struct poolwatch_pool *p = ledger__room(l, POOLWATCH_POOLS, 1);
	int64_t v;

	if (!p)
		return -ENOMEM;
	memset(p, 0, sizeof(*p));
	*id = p->head.id = 0xfffffffeull << 32 | (l->npools ? (uint32_t)l->pools[l->npools - 1].head.id + 1 : 0);
	p->head.uid = proc->head.uid;
	p->head.tgid = late->pid;
	p->addr = late->key;
	p->def = late->def;
	p->space = proc->space;
	p->capacity = p->available = p->blocked_at = POOLWATCH_UNKNOWN;
	p->created = late->since;
	if (d && spec->capacity.shape != PW_SHAPE_NONE && !expr__eval(&spec->capacity, &env, &v) && v > 0 && v < 1ll << 31) {
		p->capacity = v;
		p->flags |= POOLWATCH_POOL_STATED;
	}
	if (d && spec->available.shape != PW_SHAPE_NONE && !expr__eval(&spec->available, &env, &v) && v >= 0 && v < 1ll << 31)
		p->available = v;
	ledger__added(l, POOLWATCH_POOLS, 1);
	return 0;
}

static struct poolwatch_pool *find_pool(const struct ledger *l, const struct watch_late *late)
{
	for (size_t i = 0; i < l->npools; i++)
		if (l->pools[i].def == late->def && l->pools[i].head.tgid == late->pid && l->pools[i].addr == late->key)
			return &l->pools[i];
	return NULL;
}

static const struct poolwatch_proc *find_proc(const struct ledger *l, uint32_t pid)
{
	for (size_t i = 0; i < l->nprocs; i++)
		if (l->procs[i].head.tgid == pid)
			return &l->procs[i];
	return NULL;
}

/* The thread's own record, if it has one: it holds something it took meanwhile, or asks. */
static struct poolwatch_thread *find_thread(const struct ledger *l, const struct watch_late *late)
{
	for (size_t i = 0; i < l->nthreads; i++)
		if (l->threads[i].tid == late->tid && l->threads[i].head.tgid == late->pid)
			return &l->threads[i];
	return NULL;
}

static int add_one(struct watch *w, struct ledger *l, const struct watch_late *late, uint32_t n)
{
	const struct poolwatch_proc *proc = find_proc(l, late->pid);
	struct poolwatch_thread *t;
	struct poolwatch_pool *p;
	uint64_t pool;
	int err;

	if (!proc || find_thread(l, late))
		return 0;
	p = find_pool(l, late);
	if (p) {
		pool = p->head.id;
	} else {
		err = make_pool(w, l, late, proc, &pool);
		if (err)
			return err;
		p = &l->pools[l->npools - 1];
	}
	p->requesting++;
	t = ledger__room(l, POOLWATCH_THREADS, 1);
	if (!t)
		return -ENOMEM;
	memset(t, 0, sizeof(*t));
	t->head = (struct poolwatch_head){ .id = 0xfffffffeull << 32 | n, .uid = proc->head.uid, .tgid = late->pid };
	t->owner = t->tid = late->tid;
	t->space = proc->space;
	memcpy(t->comm, late->comm, sizeof(t->comm));
	t->requests = 1;
	t->seq = 1;
	t->request[0] = (struct poolwatch_request){
		.seq = 1,
		.pool = pool,
		.since = late->since,
		.site = late->site,
		.units = 1,
		.flags = POOLWATCH_REQ_BEFORE | POOLWATCH_REQ_FULL,
	};
	ledger__added(l, POOLWATCH_THREADS, 1);
	return 0;
}

/* Into a snapshot, behind what the ledger says. Return: 0 or -ENOMEM. */
int watch_late__add(struct watch *w, struct ledger *l)
{
	int err;

	if (!w->nlate)
		return 0;
	check(w, l->time);
	for (size_t i = 0; i < w->nlate; i++) {
		err = add_one(w, l, &w->late[i], i);
		if (err)
			return err;
	}
	return ledger__index(l);
}
