// SPDX-License-Identifier: GPL-2.0
/* Probes into a process, and out of it; and what the ledger says of the process, in and out. See loader.h. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "loader_int.h"

#define CLOSERS 15 /* threads that close links, beside the one that asks */

/* Phases of attaching. Releases first, so that none is missed of what is acquired later; returns before their entries, so that no
 * request waits for a return that is not probed yet. */
enum phase { PHASE_RELEASE, PHASE_RETURN, PHASE_SITE, PHASE_NEXT, PHASE_ACQUIRE, PHASES };

uint32_t loader__def_flags(const struct spec_pool *p)
{
	uint32_t flags = (p->poll ? POOLWATCH_DEF_POLL : 0) | (p->confirm ? POOLWATCH_DEF_CONFIRM : 0) |
			 (p->owner == SPEC_OWNER_RESOURCE ? POOLWATCH_DEF_OWNER_RES : 0) |
			 (p->owner == SPEC_OWNER_GOROUTINE ? POOLWATCH_DEF_GOROUTINE : 0);

	if (p->builtin && !strcmp(p->builtin, "jvm-executor"))
		flags |= POOLWATCH_DEF_WORKER;
	for (size_t i = 0; i < p->nprobes; i++) {
		if (p->probes[i].kind == PW_SCOPE || p->probes[i].kind == PW_WAIT_ON || p->probes[i].kind == PW_NEXT)
			flags |= POOLWATCH_DEF_WORKER;
		if (p->probes[i].kind == PW_SUBMIT)
			flags |= POOLWATCH_DEF_PRESUMED;
		if (p->probes[i].kind == PW_ACQUIRE && p->probes[i].resource.shape != PW_SHAPE_NONE)
			flags |= POOLWATCH_DEF_RESOURCE;
	}
	return flags;
}

static void fill_probe(const struct plan *plan, const struct plan_probe *pp, uint32_t def, struct pw_probe *p)
{
	const struct spec_probe *sp = pp->probe;
	const struct spec_pool *pool = pp->pool;
	bool sets = sp->kind == PW_CREATE || sp->kind == PW_RESIZE || sp->kind == PW_SUBMIT;

	memset(p, 0, sizeof(*p));
	p->def = def;
	p->def_flags = loader__def_flags(pool);
	p->kind = sp->kind;
	p->sp_adjust = pp->sp_adjust;
	p->key = sp->key.shape != PW_SHAPE_NONE ? sp->key : pool->key;
	p->count = sp->count;
	p->ok = sp->ok;
	p->resource = pp->resource.shape != PW_SHAPE_NONE ? pp->resource : sp->resource;
	p->def_capacity = POOLWATCH_UNKNOWN;
	/* What a call is given holds for all versions, what lies in memory does not. */
	if (sp->capacity.shape != PW_SHAPE_NONE && !(pp->learn && sp->capacity.uses & PW_USES_MEM))
		p->capacity = sp->capacity;
	else if (!sets && !pp->learn && pool->capacity.shape != PW_SHAPE_IMM)
		p->capacity = pool->capacity;
	if (!sets && pp->capacity.shape != PW_SHAPE_NONE && pool->capacity.shape == PW_SHAPE_NONE)
		p->capacity = pp->capacity;
	/* A number that the definition states holds whatever the version, and whatever a call says. */
	if (pool->capacity.shape == PW_SHAPE_IMM)
		p->def_capacity = pool->capacity.imm;
	/* What a create makes is not there to be read before its return. */
	if (!pp->learn && (sp->kind != PW_CREATE || pp->has_return || sp->available.shape != PW_SHAPE_NONE))
		p->available = sp->available.shape != PW_SHAPE_NONE ? sp->available : pool->available;
	if (!sets && pp->available.shape != PW_SHAPE_NONE && p->available.shape == PW_SHAPE_NONE)
		p->available = pp->available;
	if (plan->files[pp->file].go)
		p->flags |= PW_PROBE_GO;
	p->goid_offset = plan->files[pp->file].goid;
	p->fold_from = pp->fold_from;
	p->fold_to = pp->fold_to;
	if (pp->has_return && pp->ret == SPEC_RET_SITES)
		p->flags |= PW_PROBE_RET_SITE;
	if (pp->has_return && pp->ret == SPEC_RET_URETPROBE && pp->offset != pp->hijack)
		p->flags |= PW_PROBE_HIJACKED;
	if (pp->repeats)
		p->flags |= PW_PROBE_REPEATS;
	if (sp->key_held)
		p->flags |= PW_PROBE_KEY_HELD;
	if (p->def_flags & POOLWATCH_DEF_PRESUMED)
		p->flags |= sp->kind == PW_NEXT || sp->kind == PW_SUBMIT ? PW_PROBE_KNOWN : sp->kind == PW_WAIT_ON ? PW_PROBE_GAVE : 0;
	if (sp->kind == PW_CREATE && pp->has_return)
		p->flags |= PW_PROBE_KEY_AT_RET;
}

int loader__add_probe_slot(struct loader *l, struct loader_target *lt, uint32_t def, bool stepped, char err[LOADER_ERROR])
{
	uint32_t *slots = reallocarray(lt->probes, lt->nprobes + 1, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	lt->probes = slots;
	for (uint32_t i = 0; i < PW_MAX_PROBES; i++)
		if (!l->probe_def[i]) {
			l->probe_def[i] = def + 1;
			l->probe_stepped[i] = stepped;
			lt->probes[lt->nprobes++] = i;
			return i;
		}
	snprintf(err, LOADER_ERROR, "more than %d probes in all: watch fewer processes or definitions", PW_MAX_PROBES);
	return -ENOSPC;
}

static uint64_t hits_of(struct loader *l, uint32_t slot, bool clear)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t per_cpu[cpus > 0 ? cpus : 1], sum = 0;

	memset(per_cpu, 0, sizeof(per_cpu));
	if (clear) {
		bpf_map__update_elem(l->skel->maps.pw_hits, &slot, sizeof(slot), per_cpu, sizeof(per_cpu), BPF_ANY);
		return 0;
	}
	if (bpf_map__lookup_elem(l->skel->maps.pw_hits, &slot, sizeof(slot), per_cpu, sizeof(per_cpu), 0))
		return 0;
	for (int i = 0; i < cpus; i++)
		sum += per_cpu[i];
	return sum;
}

static void give_probe_slot(struct loader *l, uint32_t slot)
{
	struct loader_hits *past = &l->past[l->probe_def[slot] - 1];

	*(l->probe_stepped[slot] ? &past->stepped : &past->emulated) += hits_of(l, slot, false);
	hits_of(l, slot, true);
	l->probe_def[slot] = 0;
}

int loader__hits(struct loader *l, uint32_t def, struct loader_hits *out)
{
	struct loader_hits sum = l->past[def];

	for (uint32_t i = 0; i < PW_MAX_PROBES; i++)
		if (l->probe_def[i] == def + 1)
			*(l->probe_stepped[i] ? &sum.stepped : &sum.emulated) += hits_of(l, i, false);
	*out = sum;
	return 0;
}

int loader__keep_link(struct loader_target *lt, struct bpf_link *link, uint32_t def)
{
	struct loader_link *grown = realloc(lt->links, (lt->nlinks + 1) * sizeof(*grown));

	if (!grown) {
		bpf_link__destroy(link);
		return -ENOMEM;
	}
	lt->links = grown;
	lt->links[lt->nlinks++] = (struct loader_link){ link, def };
	return 0;
}

/* Probes of one phase, one definition, one file: with uprobe_multi all in one call. */
struct batch {
	unsigned long *offsets;
	__u64 *cookies;
	size_t n, room;
};

static int batch_add(struct batch *b, uint64_t offset, uint64_t cookie)
{
	if (b->n == b->room) {
		size_t room = b->room ? 2 * b->room : 16;
		void *o = realloc(b->offsets, room * sizeof(*b->offsets)), *c;

		if (o)
			b->offsets = o;
		c = realloc(b->cookies, room * sizeof(*b->cookies));
		if (c)
			b->cookies = c;
		if (!o || !c)
			return -ENOMEM;
		b->room = room;
	}
	b->offsets[b->n] = offset;
	b->cookies[b->n++] = cookie;
	return 0;
}

static struct bpf_program *program_of(struct loader *l, enum phase phase, bool sysv, bool go)
{
	if (phase == PHASE_RETURN || phase == PHASE_SITE)
		return sysv ? l->skel->progs.pw_sysv_leave : go ? l->skel->progs.pw_go_leave : l->skel->progs.pw_leave;
	if (sysv)
		return l->skel->progs.pw_sysv_enter;
	if (phase == PHASE_ACQUIRE)
		return go ? l->skel->progs.pw_go_enter : l->skel->progs.pw_enter;
	return go ? l->skel->progs.pw_go_release : l->skel->progs.pw_release;
}

static int attach_batch(struct loader *l, struct loader_target *lt, const struct batch *b, const struct plan_file *file, enum phase phase,
			bool sysv, uint32_t def)
{
	const struct loader_places at = { file->fd, b->offsets, b->cookies, b->n, phase == PHASE_RETURN };

	return loader__attach_places(l, lt, program_of(l, phase, sysv, file->go), &at, def);
}

/* What of @pp belongs to @phase, into @b. */
static int add_phase(const struct plan_probe *pp, enum phase phase, uint64_t cookie, struct batch *b)
{
	bool request = spec_probe__requests(pp->probe), next = pp->probe->kind == PW_NEXT;
	int err = 0;

	switch (phase) {
	case PHASE_RELEASE:
		return request ? 0 : batch_add(b, pp->offset, cookie);
	/* Asking for the next task gives back the unit of the last: of the same program as releases. */
	case PHASE_NEXT:
		return next ? batch_add(b, pp->offset, cookie) : 0;
	case PHASE_ACQUIRE:
		return request && !next ? batch_add(b, pp->offset, cookie) : 0;
	case PHASE_RETURN:
		return pp->has_return && pp->ret == SPEC_RET_URETPROBE ? batch_add(b, pp->hijack, cookie) : 0;
	case PHASE_SITE:
		if (!pp->has_return || pp->ret != SPEC_RET_SITES)
			return 0;
		for (size_t i = 0; i < pp->nrets && !err; i++)
			err = batch_add(b, pp->rets[i], cookie);
		return err;
	default:
		return 0;
	}
}

/* One definition, one file, one program. */
static bool same_batch(const struct plan_probe *a, const struct plan_probe *b)
{
	return a->pool_index == b->pool_index && a->file == b->file && a->probe->sysv == b->probe->sysv;
}

static int attach_all(struct loader *l, struct loader_target *lt, const struct plan *plan, const uint32_t *def_slot,
		      const uint32_t *slots)
{
	struct batch b = { 0 };
	int err = 0;

	for (enum phase phase = 0; phase < PHASES && !err; phase++)
		for (size_t i = 0; i < plan->nprobes && !err; i++) {
			const struct plan_probe *first = &plan->probes[i];
			bool done = false;

			/* The batch of this definition and file was made when the first of it came by. */
			for (size_t j = 0; j < i && !done; j++)
				done = same_batch(&plan->probes[j], first);
			if (done)
				continue;
			b.n = 0;
			for (size_t j = i; j < plan->nprobes && !err; j++)
				if (same_batch(&plan->probes[j], first))
					err = add_phase(&plan->probes[j], phase, PW_COOKIE(lt->pid, slots[j]), &b);
			if (!err && b.n)
				err = attach_batch(l, lt, &b, &plan->files[first->file], phase, first->probe->sysv,
						   def_slot[first->pool_index]);
		}
	free(b.offsets);
	free(b.cookies);
	return err;
}

static int attach_plan(struct loader *l, struct loader_target *lt, const struct plan *plan, const uint32_t *def_slot,
		       char err[LOADER_ERROR])
{
	size_t first = lt->nprobes;
	int r;

	for (size_t i = 0; i < plan->nprobes; i++) {
		const struct plan_probe *pp = &plan->probes[i];
		uint32_t def = def_slot[pp->pool_index], slot;
		struct pw_probe probe;

		r = loader__add_probe_slot(l, lt, def, !pp->emulated, err);
		if (r < 0)
			return r;
		slot = r;
		fill_probe(plan, pp, def, &probe);
		r = bpf_map__update_elem(l->skel->maps.pw_probes, &slot, sizeof(slot), &probe, sizeof(probe), BPF_ANY);
		if (r) {
			snprintf(err, LOADER_ERROR, "cannot describe a probe to the kernel: %s", strerror(-r));
			return r;
		}
	}
	r = attach_all(l, lt, plan, def_slot, lt->probes + first);
	if (r == -EPERM || r == -EACCES)
		snprintf(err, LOADER_ERROR, "no permission to probe process %u: run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE%s",
			 lt->pid, l->multi ? "" : " (this kernel wants CAP_SYS_ADMIN, too)");
	else if (r == -ESRCH)
		snprintf(err, LOADER_ERROR, "process %u ended while it was attached to", lt->pid);
	else if (r)
		snprintf(err, LOADER_ERROR, "cannot attach to process %u: %s", lt->pid, strerror(-r));
	return r;
}

static uint64_t monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static int enter_proc(struct loader *l, const struct target *t, bool from_start, uint32_t *out)
{
	uint32_t slot, entries = l->table[POOLWATCH_PROCS].entries;
	struct poolwatch_proc *p = NULL;

	for (slot = 0; slot < entries; slot++)
		if (!loader__proc(l, slot)->head.id)
			break;
	if (slot == entries)
		return -ENOSPC;
	p = loader__proc(l, slot);
	memset(p, 0, sizeof(*p));
	p->head.uid = t->uid;
	p->head.tgid = t->pid;
	memcpy(p->comm, t->comm, sizeof(p->comm) - 1);
	p->start = t->start;
	/* Until every probe is in place, nobody is known to have begun after the attach. */
	p->attached = UINT64_MAX;
	p->space = __atomic_add_fetch(&l->skel->bss->pw_next_space, 1, __ATOMIC_RELAXED);
	p->flags = from_start ? POOLWATCH_PROC_FROM_START : 0;
	__atomic_store_n(&p->head.id, __atomic_add_fetch(&l->skel->bss->pw_generation, 1, __ATOMIC_RELAXED) << 32 | slot, __ATOMIC_RELEASE);
	*out = slot;
	return bpf_map__update_elem(l->skel->maps.pw_proc_index, &t->pid, sizeof(t->pid), &slot, sizeof(slot), BPF_ANY);
}

void loader__rename(struct loader *l, struct loader_target *lt, const struct target *t)
{
	struct poolwatch_proc *p = loader__proc(l, lt->proc_slot);

	p->head.uid = t->uid;
	memcpy(p->comm, t->comm, sizeof(p->comm) - 1);
}

int loader__attach(struct loader *l, const struct target *t, const struct plan *plan, const uint32_t *def_slot, bool from_start,
		   struct loader_target **out, char err[LOADER_ERROR])
{
	struct loader_target *lt = calloc(1, sizeof(*lt));
	int r;

	if (!lt)
		return -ENOMEM;
	lt->pid = t->pid;
	r = enter_proc(l, t, from_start, &lt->proc_slot);
	if (r) {
		snprintf(err, LOADER_ERROR, "more than %u processes at once", l->table[POOLWATCH_PROCS].entries);
		free(lt);
		return r;
	}
	r = attach_plan(l, lt, plan, def_slot, err);
	if (r) {
		loader__detach(l, lt);
		loader__forget(l, lt);
		return r;
	}
	loader__proc(l, lt->proc_slot)->attached = monotonic();
	*out = lt;
	return 0;
}

int loader__attach_more(struct loader *l, struct loader_target *lt, const struct plan *plan, const uint32_t *def_slot,
			char err[LOADER_ERROR])
{
	return attach_plan(l, lt, plan, def_slot, err);
}

size_t loader__functions(const struct loader_target *lt)
{
	return lt->nprobes;
}

void loader__detach_def(struct loader *l, struct loader_target *lt, uint32_t def)
{
	size_t kept = 0;

	for (size_t i = 0; i < lt->nlinks; i++) {
		if (lt->links[i].def == def)
			bpf_link__destroy(lt->links[i].link);
		else
			lt->links[kept++] = lt->links[i];
	}
	lt->nlinks = kept;
	kept = 0;
	for (size_t i = 0; i < lt->nprobes; i++) {
		if (l->probe_def[lt->probes[i]] == def + 1)
			give_probe_slot(l, lt->probes[i]);
		else
			lt->probes[kept++] = lt->probes[i];
	}
	lt->nprobes = kept;
}

/* The last link first, as far as several threads keep an order; what is detached as a whole is judged no more. */
static void *close_links(void *arg)
{
	struct loader_target *lt = arg;
	size_t left = __atomic_load_n(&lt->nlinks, __ATOMIC_RELAXED);

	while (left)
		if (__atomic_compare_exchange_n(&lt->nlinks, &left, left - 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			bpf_link__destroy(lt->links[--left].link);
	return NULL;
}

/* The kernel lets every running program end before it closes a link, tens of ms each: several threads wait for that at once. */
static void close_all(struct loader_target *lt)
{
	pthread_t thread[CLOSERS];
	size_t links = lt->nlinks, n = 0;

	while (n < CLOSERS && n + 1 < links && !pthread_create(&thread[n], NULL, close_links, lt))
		n++;
	close_links(lt);
	while (n)
		pthread_join(thread[--n], NULL);
}

void loader__detach(struct loader *l, struct loader_target *lt)
{
	close_all(lt);
	while (lt->nprobes)
		give_probe_slot(l, lt->probes[--lt->nprobes]);
}
