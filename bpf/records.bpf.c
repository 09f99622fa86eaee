// SPDX-License-Identifier: GPL-2.0
/* Records of threads and pools: found, made, forgotten. See ledger.bpf.h. */
#include "ledger.bpf.h"
#include "emit.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define PW_VMA_TRIES 3
#define VM_SHARED 0x8 /* include/linux/mm.h */
#define ENOENT	  2   /* include/uapi/asm-generic/errno-base.h */
#define EBUSY	  16

#define PW_INDEX_TRIES 8

static __always_inline __u64 new_id(__u32 slot)
{
	return (__sync_fetch_and_add(&pw_generation, 1) + 1) << 32 | slot;
}

__noinline int thread__make(struct pw_owner_key *asked)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct poolwatch_thread *t;
	struct poolwatch_proc *proc;
	struct pw_goroutine *g;
	struct pw_private *own;
	struct pw_owner_key key;
	__u32 slot, tgid, *at;

	if (!asked)
		return -1;
	key = *asked;
	tgid = key.tgid;
	at = bpf_map_lookup_elem(&pw_proc_index, &tgid);
	if (!at)
		return -1;
	proc = bpf_map_lookup_elem(&pw_procs, at);
	if (!proc || !proc->head.id)
		return -1;
	if (bpf_map_pop_elem(&pw_free_threads, &slot)) {
		count_loss(POOLWATCH_LOST_THREADS);
		return -1;
	}
	t = thread_at(slot);
	own = private_at(slot);
	g = goroutine_at(slot);
	if (!t || !own || !g)
		return -1;
	own->nframes = own->nholds = 0;
	own->last_addr = 0;
	own->last_pool = PW_NO_SLOT;
	own->task_sp = 0;
	own->undo = 0;
	/* How old a goroutine is cannot be told from the thread that runs it. */
	own->since_attach = (proc->flags & POOLWATCH_PROC_FROM_START) ||
			    (!key.goroutine && BPF_CORE_READ(task, start_time) > proc->attached);
	for (int i = 0; i < POOLWATCH_HOLDS; i++)
		t->hold[i].word = 0;
	for (int i = 0; i < POOLWATCH_REQUESTS; i++)
		t->request[i].seq = 0;
	t->head.uid = bpf_get_current_uid_gid();
	t->head.tgid = key.tgid;
	t->owner = key.owner;
	t->start = key.goroutine ? 0 : BPF_CORE_READ(task, start_boottime);
	t->tid = bpf_get_current_pid_tgid();
	t->space = proc->space;
	t->flags = key.goroutine ? POOLWATCH_THREAD_GOROUTINE : 0;
	t->requests = 0;
	t->exited = 0;
	t->left = 0;
	t->seq = 0;
	bpf_get_current_comm(t->comm, sizeof(t->comm));
	barrier();
	if (key.goroutine)
		g->use = ((g->use + PW_USE_STEP) & ~PW_USE_GONE) | PW_USE_RUNS;
	barrier();
	t->head.id = new_id(slot);
	/* The record that a goroutine had before is given up, and about to be taken out. */
	for (int i = 0; i < PW_INDEX_TRIES; i++)
		if (!bpf_map_update_elem(&pw_thread_index, &key, &slot, BPF_NOEXIST))
			return slot;
	t->head.id = 0;
	bpf_map_push_elem(&pw_free_threads, &slot, 0);
	count_loss(POOLWATCH_LOST_THREADS);
	return -1;
}

/*
 * A program of the goroutine @key begins with its record. What is read of the record is of the same moment as @use, or else @use
 * has changed. Return: 0, or -1: it was given up.
 */
static __always_inline int goroutine__begin(__u32 slot, const struct pw_owner_key *key)
{
	struct poolwatch_thread *t = thread_at(slot);
	struct pw_goroutine *g = goroutine_at(slot);
	__u64 use;

	if (!t || !g)
		return -1;
	use = *(volatile __u64 *)&g->use;
	barrier();
	if (use & PW_USE_GONE || t->owner != key->owner || t->head.tgid != key->tgid || !(t->flags & POOLWATCH_THREAD_GOROUTINE))
		return -1;
	if (__sync_val_compare_and_swap(&g->use, use, (use | PW_USE_RUNS) + PW_USE_STEP) != use)
		return -1;
	t->tid = bpf_get_current_pid_tgid();
	return 0;
}

__noinline int ledger__thread(__u64 goroutine)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	struct pw_owner_key key = {
		.owner = goroutine ?: (__u32)pid_tgid,
		.tgid = pid_tgid >> 32,
		.goroutine = goroutine != 0,
	};
	__u32 *known, slot;

	known = bpf_map_lookup_elem(&pw_thread_index, &key);
	if (!known)
		return thread__make(&key);
	slot = *known;
	return goroutine && goroutine__begin(slot, &key) ? thread__make(&key) : (int)slot;
}

/* --- pools */

/* Where in a shared mapping a pool lies; the BPF stack has no room for this twice. */
struct pw_mapping {
	struct pw_shared_key key;
	__u64 addr;
	__u64 shared;
};

static long mapping__look(struct task_struct *task, struct vm_area_struct *vma, struct pw_mapping *m)
{
	struct file *file = vma->vm_file;

	if (!(vma->vm_flags & VM_SHARED) || !file)
		return 0;
	m->shared = 1;
	m->key.dev = BPF_CORE_READ(file, f_inode, i_sb, s_dev);
	m->key.ino = BPF_CORE_READ(file, f_inode, i_ino);
	m->key.offset = (vma->vm_pgoff << 12) + (m->addr - vma->vm_start);
	return 0;
}

/* Every process of an IPC namespace has the same semaphores. */
static __always_inline void mapping__of_sysv(struct pw_mapping *m)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	m->shared = 1;
	m->key.dev = BPF_CORE_READ(task, nsproxy, ipc_ns, ns.inum);
	m->key.ino = PW_SYSV_KEY_SET(m->addr);
	m->key.offset = m->addr & ~(1ull << 63);
}

/* The mapping that @m->addr lies in. */
static __always_inline void mapping__find(struct pw_mapping *m)
{
	int err = 0;

	if (m->addr >> 63) {
		mapping__of_sysv(m);
		return;
	}
	/* Busy while another thread maps or unmaps something, which is short. */
	for (int i = 0; i < PW_VMA_TRIES; i++) {
		err = bpf_find_vma(bpf_get_current_task_btf(), m->addr, mapping__look, m, 0);
		if (err != -EBUSY)
			break;
	}
	/* No mapping there is no loss: keys need not be addresses (a constant, the number of a System V semaphore). */
	if (err && err != -ENOENT)
		count_loss(POOLWATCH_LOST_MAPPING);
}

/* A record for the pool at @spot. Return: its slot, or -1 (counted). */
__noinline int pool__make(struct pw_spot *spot, struct pw_mapping *m)
{
	struct poolwatch_thread *t;
	struct poolwatch_pool *p;
	__u32 slot;

	if (!spot || !m)
		return -1;
	if (bpf_map_pop_elem(&pw_free_pools, &slot)) {
		count_loss(POOLWATCH_LOST_POOLS);
		return -1;
	}
	p = pool_at(slot);
	t = thread_at(spot->thread);
	if (!p || !t)
		return -1;
	p->addr = m->shared ? m->key.offset : spot->addr;
	p->dev = m->key.dev;
	p->ino = m->key.ino;
	p->def = spot->def;
	p->flags = m->shared ? POOLWATCH_POOL_SHARED : 0;
	p->space = t->space;
	p->depth = 0;
	p->capacity = p->available = p->blocked_at = POOLWATCH_UNKNOWN;
	p->in_use = p->in_use_max = p->most_seen = p->requesting = p->nesting = p->nesting_max = 0;
	p->created = bpf_ktime_get_ns();
	p->uncertain_since = p->last_grant = p->full_since = p->told = p->doubted = 0;
	p->requests = p->grants = p->blocked = p->failures = p->releases = 0;
	p->returned_unknown = p->foreign = p->nested = 0;
	for (int i = 0; i < POOLWATCH_BUCKETS; i++)
		p->hold[i] = p->wait[i] = 0;
	p->head.uid = t->head.uid;
	p->head.tgid = t->head.tgid;
	barrier();
	p->head.id = new_id(slot);
	return slot;
}

static __always_inline void pool__unmake(__u32 slot)
{
	struct poolwatch_pool *p = pool_at(slot);

	if (p)
		p->head.id = 0;
	bpf_map_push_elem(&pw_free_pools, &slot, 0);
}

__noinline int pool__new(struct pw_spot *spot)
{
	struct pw_mapping m = {};
	struct pw_pool_key key = {};
	struct poolwatch_thread *t;
	struct poolwatch_pool *p;
	__u32 slot, *known;
	int made;

	if (!spot)
		return -1;
	t = thread_at(spot->thread);
	if (!t)
		return -1;
	key.addr = spot->addr;
	key.space = t->space;
	key.def = spot->def;
	m.addr = spot->addr;
	m.key.def = spot->def;
	mapping__find(&m);
	known = m.shared ? bpf_map_lookup_elem(&pw_shared_index, &m.key) : NULL;
	if (known) {
		slot = *known;
		bpf_map_update_elem(&pw_pool_index, &key, &slot, BPF_ANY);
		return slot;
	}
	made = pool__make(spot, &m);
	if (made < 0)
		return -1;
	slot = made;
	/* Another process, or another thread, may have been quicker; then its record is the one. */
	if (m.shared && bpf_map_update_elem(&pw_shared_index, &m.key, &slot, BPF_NOEXIST)) {
		pool__unmake(slot);
		known = bpf_map_lookup_elem(&pw_shared_index, &m.key);
		if (!known)
			return -1;
		slot = *known;
		bpf_map_update_elem(&pw_pool_index, &key, &slot, BPF_ANY);
		return slot;
	}
	if (bpf_map_update_elem(&pw_pool_index, &key, &slot, BPF_NOEXIST)) {
		pool__unmake(slot);
		known = bpf_map_lookup_elem(&pw_pool_index, &key);
		if (known)
			return *known;
		count_loss(POOLWATCH_LOST_POOLS);
		return -1;
	}
	spot->fresh = 1;
	p = pool_at(slot);
	if (p)
		emit__pool(POOLWATCH_EV_POOL, p, t, 0, 0, 0);
	return slot;
}

__noinline int ledger__find_pool(struct pw_spot *spot)
{
	struct pw_pool_key key = {};
	struct poolwatch_thread *t;
	struct pw_private *own;
	__u32 *known;

	if (!spot)
		return -1;
	own = private_at(spot->thread);
	if (!own)
		return -1;
	spot->fresh = 0;
	if (pool__again(own, spot))
		return 0;
	t = thread_at(spot->thread);
	if (!t)
		return -1;
	key.addr = spot->addr;
	key.space = t->space;
	key.def = spot->def;
	known = bpf_map_lookup_elem(&pw_pool_index, &key);
	if (!known)
		return -1;
	own->last_addr = spot->addr;
	own->last_def = spot->def;
	own->last_pool = *known;
	spot->pool = *known;
	return 0;
}

__noinline int ledger__pool(struct pw_spot *spot)
{
	int slot;

	if (!spot)
		return -1;
	if (!ledger__find_pool(spot))
		return 0;
	slot = pool__new(spot);
	if (slot < 0)
		return -1;
	spot->pool = slot;
	return 0;
}

__noinline int ledger__forget_pool(struct pw_spot *spot)
{
	struct pw_pool_key key = {};
	struct poolwatch_thread *t;
	struct poolwatch_pool *p;
	struct pw_private *own;

	if (!spot || ledger__find_pool(spot))
		return -1;
	t = thread_at(spot->thread);
	own = private_at(spot->thread);
	p = pool_at(spot->pool);
	if (!t || !own || !p)
		return -1;
	key.addr = spot->addr;
	key.space = t->space;
	key.def = spot->def;
	bpf_map_delete_elem(&pw_pool_index, &key);
	own->last_pool = PW_NO_SLOT;
	/* A shared one lives on for the others who map it. */
	if (!(p->flags & POOLWATCH_POOL_SHARED))
		__sync_fetch_and_or(&p->flags, POOLWATCH_POOL_DESTROYED);
	return 0;
}
