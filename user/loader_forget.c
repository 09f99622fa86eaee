// SPDX-License-Identifier: GPL-2.0
/* Records that are not needed any more: of processes that ended, of pools that were destroyed. See loader.h. */
#include <errno.h>
#include <stdlib.h>
#include "loader_int.h"

struct pool_key { /* struct pw_pool_key of bpf/maps.bpf.h */
	uint64_t addr;
	uint32_t space;
	uint32_t def;
};

struct shared_key {
	uint64_t dev, ino, offset, def;
};

struct owner_key {
	uint64_t owner;
	uint32_t tgid;
	uint32_t goroutine;
};

struct edge_key {
	uint64_t from, to, from_site, to_site;
};

struct unit_key {
	uint64_t resource;
	uint64_t pool;
};

static void free_slot(struct bpf_map *list, struct poolwatch_head *head, uint32_t slot)
{
	__atomic_store_n(&head->id, 0, __ATOMIC_RELEASE);
	bpf_map__update_elem(list, NULL, 0, &slot, sizeof(slot), BPF_ANY);
}

static void forget_thread(struct loader *l, struct poolwatch_thread *t, uint32_t slot)
{
	struct owner_key key = { t->owner, t->head.tgid, !!(t->flags & POOLWATCH_THREAD_GOROUTINE) };

	if (!(t->flags & POOLWATCH_THREAD_EXITED))
		bpf_map__delete_elem(l->skel->maps.pw_thread_index, &key, sizeof(key), 0);
	free_slot(l->skel->maps.pw_free_threads, &t->head, slot);
}

static void forget_threads(struct loader *l, uint32_t tgid)
{
	struct poolwatch_thread *t = l->table[POOLWATCH_THREADS].base;

	for (uint32_t i = 0; i < l->table[POOLWATCH_THREADS].entries; i++)
		if (t[i].head.id && t[i].head.tgid == tgid)
			forget_thread(l, &t[i], i);
}

int loader__goroutine(const struct loader *l, uint64_t id, struct pw_goroutine *out)
{
	const struct poolwatch_thread *t = l->table[POOLWATCH_THREADS].base;
	uint32_t slot = (uint32_t)id;

	if (slot >= l->goroutines.entries)
		return -ENOENT;
	*out = ((struct pw_goroutine *)l->goroutines.base)[slot];
	return __atomic_load_n(&t[slot].head.id, __ATOMIC_ACQUIRE) == id ? 0 : -ENOENT;
}

/* As goroutine__rest of the programs: see struct pw_goroutine. Its requests are the only thing in the record. */
bool loader__rest_goroutine(struct loader *l, uint64_t id, uint64_t seq)
{
	struct poolwatch_pool *p;
	struct poolwatch_thread *t;
	struct pw_goroutine *g;
	uint32_t slot = (uint32_t)id;
	uint64_t use;

	if (slot >= l->goroutines.entries)
		return false;
	t = (struct poolwatch_thread *)l->table[POOLWATCH_THREADS].base + slot;
	g = (struct pw_goroutine *)l->goroutines.base + slot;
	use = __atomic_load_n(&g->use, __ATOMIC_ACQUIRE);
	if (use & (PW_USE_RUNS | PW_USE_GONE) || t->head.id != id || t->seq != seq || !(t->flags & POOLWATCH_THREAD_GOROUTINE))
		return false;
	for (int i = 0; i < POOLWATCH_HOLDS; i++)
		if (POOLWATCH_HOLD_UNITS(__atomic_load_n(&t->hold[i].word, __ATOMIC_RELAXED)))
			return false;
	if (!__atomic_compare_exchange_n(&g->use, &use, use | PW_USE_GONE, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return false;
	for (uint32_t i = 0; i < t->requests && i < POOLWATCH_REQUESTS; i++) {
		p = loader__pool(l, t->request[i].pool);
		if (p && t->request[i].seq)
			__atomic_sub_fetch(&p->requesting, 1, __ATOMIC_RELAXED);
		t->request[i].seq = 0;
	}
	forget_thread(l, t, slot);
	return true;
}

static void forget_edges(struct loader *l, uint32_t tgid)
{
	struct poolwatch_edge *e = l->table[POOLWATCH_EDGES].base;

	for (uint32_t i = 0; i < l->table[POOLWATCH_EDGES].entries; i++) {
		struct edge_key key = { e[i].from, e[i].to, e[i].from_site, e[i].to_site };

		if (!e[i].head.id || e[i].head.tgid != tgid)
			continue;
		bpf_map__delete_elem(l->skel->maps.pw_edge_index, &key, sizeof(key), 0);
		free_slot(l->skel->maps.pw_free_edges, &e[i].head, i);
	}
}

static void forget_units(struct loader *l, struct bpf_map *units, uint64_t pool)
{
	struct unit_key key, next;
	bool have = !bpf_map__get_next_key(units, NULL, &key, sizeof(key));

	while (have) {
		have = !bpf_map__get_next_key(units, &key, &next, sizeof(next));
		if (key.pool == pool && !bpf_map__delete_elem(units, &key, sizeof(key), 0) && units == l->skel->maps.pw_units)
			__atomic_sub_fetch(&l->skel->bss->pw_units_known, 1, __ATOMIC_RELAXED);
		key = next;
	}
}

/* What ledger__is_pool asks, of one that is destroyed: was it a pool to judge at all? */
static bool was_pool(const struct loader *l, const struct poolwatch_pool *p)
{
	const struct poolwatch_def *d = (struct poolwatch_def *)l->table[POOLWATCH_DEFS].base + p->def % PW_MAX_DEFS;

	if (p->flags & POOLWATCH_POOL_SIGNALLING ||
	    (d->flags & POOLWATCH_DEF_CONFIRM && !(p->flags & POOLWATCH_POOL_CONFIRMED)))
		return false;
	return (p->capacity != POOLWATCH_UNKNOWN ? p->capacity : p->most_seen) >= d->min_capacity;
}

static void forget_pool(struct loader *l, uint32_t slot)
{
	struct poolwatch_pool *p = (struct poolwatch_pool *)l->table[POOLWATCH_POOLS].base + slot;
	struct shared_key shared = { p->dev, p->ino, p->addr, p->def };

	if (p->flags & POOLWATCH_POOL_SHARED)
		bpf_map__delete_elem(l->skel->maps.pw_shared_index, &shared, sizeof(shared), 0);
	forget_units(l, l->skel->maps.pw_units, p->head.id);
	if (loader__whole_stacks(l)) {
		forget_units(l, l->skel->maps.pw_unit_places, p->head.id);
		loader__forget_pool_times(l, p->head.id, was_pool(l, p));
	}
	free_slot(l->skel->maps.pw_free_pools, &p->head, slot);
}

/* The addresses by which a process knew its pools; then the pools that no address leads to any more. */
static void forget_pools(struct loader *l, uint32_t tgid)
{
	struct poolwatch_pool *pools = l->table[POOLWATCH_POOLS].base;
	uint32_t entries = l->table[POOLWATCH_POOLS].entries, slot;
	struct poolwatch_proc *procs = l->table[POOLWATCH_PROCS].base;
	unsigned int *users = calloc(entries, sizeof(*users));
	struct pool_key key, next;
	bool have;

	if (!users)
		return;
	have = !bpf_map__get_next_key(l->skel->maps.pw_pool_index, NULL, &key, sizeof(key));
	while (have) {
		bool lives = false;

		have = !bpf_map__get_next_key(l->skel->maps.pw_pool_index, &key, &next, sizeof(next));
		/* Spaces of earlier programs of a process that called exec are nobody's. */
		for (uint32_t i = 0; i < l->table[POOLWATCH_PROCS].entries && !lives; i++)
			lives = procs[i].head.id && procs[i].head.tgid != tgid && procs[i].space == key.space;
		if (!bpf_map__lookup_elem(l->skel->maps.pw_pool_index, &key, sizeof(key), &slot, sizeof(slot), 0) && slot < entries) {
			if (lives)
				users[slot]++;
			else
				bpf_map__delete_elem(l->skel->maps.pw_pool_index, &key, sizeof(key), 0);
		}
		key = next;
	}
	for (slot = 0; slot < entries; slot++)
		if (pools[slot].head.id && !users[slot] &&
		    (pools[slot].head.tgid == tgid || (pools[slot].flags & POOLWATCH_POOL_SHARED)))
			forget_pool(l, slot);
	free(users);
}

void loader__forget(struct loader *l, struct loader_target *lt)
{
	struct poolwatch_proc *p = loader__proc(l, lt->proc_slot);

	bpf_map__delete_elem(l->skel->maps.pw_proc_index, &lt->pid, sizeof(lt->pid), 0);
	forget_threads(l, lt->pid);
	forget_edges(l, lt->pid);
	loader__forget_stacks(l, lt->pid);
	forget_pools(l, lt->pid);
	__atomic_store_n(&p->head.id, 0, __ATOMIC_RELEASE);
	free(lt->links);
	free(lt->probes);
	free(lt);
}

/*
 * A destroyed pool's slot is given to another only when no hold word names it any more: entries with 0 units are memory, and
 * are wiped here; entries with units keep the slot.
 */
void loader__reap(struct loader *l)
{
	struct poolwatch_pool *pools = l->table[POOLWATCH_POOLS].base;
	struct poolwatch_thread *t = l->table[POOLWATCH_THREADS].base;

	for (uint32_t slot = 0; slot < l->table[POOLWATCH_POOLS].entries; slot++) {
		bool held = false;

		if (!pools[slot].head.id || !(pools[slot].flags & POOLWATCH_POOL_DESTROYED) || pools[slot].requesting > 0)
			continue;
		for (uint32_t i = 0; i < l->table[POOLWATCH_THREADS].entries && !held; i++) {
			if (!t[i].head.id)
				continue;
			for (int h = 0; h < POOLWATCH_HOLDS; h++) {
				uint64_t w = __atomic_load_n(&t[i].hold[h].word, __ATOMIC_RELAXED);

				if (!w || POOLWATCH_HOLD_POOL(w) != slot)
					continue;
				if (POOLWATCH_HOLD_UNITS(w) || !__atomic_compare_exchange_n(&t[i].hold[h].word, &w, 0, false,
											     __ATOMIC_RELAXED, __ATOMIC_RELAXED))
					held = true;
			}
		}
		if (!held)
			forget_pool(l, slot);
	}
}
