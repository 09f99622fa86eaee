// SPDX-License-Identifier: GPL-2.0
/* Whole stacks of what is held, where a session keeps them: learned by its own loader, read by all. See loader.h, bpf/stacks.h. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cleanup.h"
#include "loader_int.h"

#define TURNS 16 /* branches from the root to a path; the programs follow some more */

/* struct pw_taken_set of bpf/stacks.bpf.c */
struct taken_set {
	struct pw_taken hold[POOLWATCH_HOLDS];
};

bool loader__whole_stacks(const struct loader *l)
{
	return l->skel->rodata->pw_whole_stacks;
}

void loader__count_loss(struct loader *l, enum poolwatch_cause cause)
{
	struct poolwatch_counter *c = (struct poolwatch_counter *)l->table[POOLWATCH_COUNTERS].base + cause;
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	__atomic_fetch_add(&c->count, 1, __ATOMIC_RELAXED);
	c->last = t.tv_sec * 1000000000ull + t.tv_nsec;
}

/*
 * Put a path for the stack where the programs will look for it. -ENOTSUP: they would not find it: a frame between has not the size
 * that it had, so that what differs is no return address.
 */
static int add_path(struct loader *l, uint32_t tgid, uint64_t id, const uint64_t *pc, const uint16_t *at, uint32_t n)
{
	struct pw_path_key key = { .from = tgid, .pc = pc[0] };
	struct bpf_map *map = l->skel->maps.pw_paths;
	struct pw_path path;

	for (int turn = 0; turn < TURNS; turn++) {
		uint32_t i = key.at + 1;

		if (bpf_map__lookup_elem(map, &key, sizeof(key), &path, sizeof(path), 0)) {
			memset(&path, 0, sizeof(path));
			path.id = id;
			path.tgid = tgid;
			path.n = n;
			memcpy(path.pc, pc, n * sizeof(*pc));
			memcpy(path.at, at, n * sizeof(*at));
			return bpf_map__update_elem(map, &key, sizeof(key), &path, sizeof(path), BPF_NOEXIST);
		}
		while (i < path.n && i < n && path.pc[i] == pc[i] && path.at[i] == at[i])
			i++;
		/* Another thread's was quicker; or it goes on where the path ends, which is where unwinding ends. */
		if (i >= path.n)
			return 0;
		if (i >= n || path.at[i] != at[i])
			return -ENOTSUP;
		key = (struct pw_path_key){ .from = path.id, .pc = pc[i], .at = i };
	}
	return -E2BIG;
}

int loader__learn_stack(struct loader *l, uint32_t tgid, uint64_t id, const uint64_t *pc, const uint16_t *at, uint32_t n)
{
	struct pw_asked_key asked = { .tgid = tgid, .site = pc[0] };
	struct pw_stack stack = { .tgid = tgid, .n = n };
	int r;

	memcpy(stack.pc, pc, n * sizeof(*pc));
	r = bpf_map__update_elem(l->skel->maps.pw_stacks, &id, sizeof(id), &stack, sizeof(stack), BPF_ANY);
	if (!r)
		r = add_path(l, tgid, id, pc, at, n);
	if (r)
		loader__count_loss(l, POOLWATCH_UNKNOWN_STACKS);
	else
		bpf_map__delete_elem(l->skel->maps.pw_asked, &asked, sizeof(asked), 0);
	return r;
}

int loader__stack(struct loader *l, uint64_t id, struct pw_stack *out)
{
	int r = bpf_map__lookup_elem(l->skel->maps.pw_stacks, &id, sizeof(id), out, sizeof(*out), 0);

	if (!r && out->n > PW_STACK_FRAMES)
		out->n = PW_STACK_FRAMES;
	return r;
}

uint64_t loader__taken(struct loader *l, uint32_t thread, unsigned int hold)
{
	struct taken_set set;

	if (!loader__whole_stacks(l) || hold >= POOLWATCH_HOLDS ||
	    bpf_map__lookup_elem(l->skel->maps.pw_taken, &thread, sizeof(thread), &set, sizeof(set), 0))
		return 0;
	return set.hold[hold].place[0] & PW_STACK_ID ? set.hold[hold].place[0] : 0;
}

/* --- forgotten with the process, or the pool */

static void forget_paths(struct loader *l, uint32_t tgid)
{
	struct bpf_map *map = l->skel->maps.pw_paths;
	struct pw_path_key key, next;
	struct pw_path path;
	bool more = !bpf_map__get_next_key(map, NULL, &key, sizeof(key));

	while (more) {
		more = !bpf_map__get_next_key(map, &key, &next, sizeof(next));
		if (!bpf_map__lookup_elem(map, &key, sizeof(key), &path, sizeof(path), 0) && path.tgid == tgid)
			bpf_map__delete_elem(map, &key, sizeof(key), 0);
		key = next;
	}
}

static void forget_numbers(struct loader *l, uint32_t tgid)
{
	struct bpf_map *map = l->skel->maps.pw_stacks;
	struct pw_stack stack;
	uint64_t key, next;
	bool more = !bpf_map__get_next_key(map, NULL, &key, sizeof(key));

	while (more) {
		more = !bpf_map__get_next_key(map, &key, &next, sizeof(next));
		if (!loader__stack(l, key, &stack) && stack.tgid == tgid)
			bpf_map__delete_elem(map, &key, sizeof(key), 0);
		key = next;
	}
}

/* Of the process @tgid, or, if it is 0, of @pool. What was held of a pool that is gone stays, with its definition, if @keep. */
static void forget_times(struct loader *l, uint32_t tgid, uint64_t pool, bool keep)
{
	struct bpf_map *map = l->skel->maps.pw_held_times;
	struct pw_held_key key, next;
	struct pw_held_time time, sum;
	struct timespec now;
	bool more = !bpf_map__get_next_key(map, NULL, &key, sizeof(key));

	clock_gettime(CLOCK_MONOTONIC, &now);
	while (more) {
		more = !bpf_map__get_next_key(map, &key, &next, sizeof(next));
		if ((tgid ? key.tgid == tgid : key.pool == pool) &&
		    !bpf_map__lookup_elem(map, &key, sizeof(key), &time, sizeof(time), 0)) {
			bpf_map__delete_elem(map, &key, sizeof(key), 0);
			key.pool = 0;
			if (bpf_map__lookup_elem(map, &key, sizeof(key), &sum, sizeof(sum), 0))
				sum = (struct pw_held_time){ 0 };
			sum.ticks += pw_held_ticks(time.ticks, time.units, PW_TICKS(now.tv_sec * 1000000000ull + now.tv_nsec));
			if (keep && bpf_map__update_elem(map, &key, sizeof(key), &sum, sizeof(sum), BPF_ANY))
				loader__count_loss(l, POOLWATCH_LOST_TIMES);
		}
		key = next;
	}
}

void loader__forget_stacks(struct loader *l, uint32_t tgid)
{
	if (!loader__whole_stacks(l))
		return;
	forget_paths(l, tgid);
	forget_numbers(l, tgid);
	forget_times(l, tgid, 0, false);
}

void loader__forget_pool_times(struct loader *l, uint64_t pool, bool keep)
{
	forget_times(l, 0, pool, keep);
}

/* --- for those who show it */

struct loader_stacks {
	int stacks, taken, times; /* maps */
};

void loader_stacks__close(struct loader_stacks *s)
{
	if (!s)
		return;
	close(s->stacks);
	close(s->taken);
	close(s->times);
	free(s);
}

static int open_map(uint32_t id, uint32_t type, uint32_t value_size)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	_cleanup_close_ int fd = bpf_map_get_fd_by_id(id);

	if (fd < 0 || bpf_map_get_info_by_fd(fd, &info, &len))
		return -errno;
	return info.type == type && info.value_size == value_size ? take_fd(&fd) : -ENOENT;
}

int loader_stacks__open(const struct source *source, struct loader_stacks **out)
{
	struct loader_stacks *s;
	struct pw_session session;
	int r = loader__find_session(source, &session);

	if (r)
		return r;
	if (!session.stacks_map_id)
		return -EOPNOTSUPP;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->stacks = open_map(session.stacks_map_id, BPF_MAP_TYPE_HASH, sizeof(struct pw_stack));
	s->taken = open_map(session.taken_map_id, BPF_MAP_TYPE_ARRAY, sizeof(struct taken_set));
	s->times = open_map(session.times_map_id, BPF_MAP_TYPE_HASH, sizeof(struct pw_held_time));
	r = s->stacks < 0 ? s->stacks : s->taken < 0 ? s->taken : s->times < 0 ? s->times : 0;
	if (r) {
		loader_stacks__close(s);
		return r;
	}
	*out = s;
	return 0;
}

int loader_stacks__stack(struct loader_stacks *s, uint64_t id, struct pw_stack *out)
{
	if (bpf_map_lookup_elem(s->stacks, &id, out))
		return -errno;
	if (out->n > PW_STACK_FRAMES)
		out->n = PW_STACK_FRAMES;
	return 0;
}

uint64_t loader_stacks__taken(struct loader_stacks *s, uint32_t thread, unsigned int hold)
{
	struct taken_set set;

	if (hold >= POOLWATCH_HOLDS || bpf_map_lookup_elem(s->taken, &thread, &set))
		return 0;
	return set.hold[hold].place[0] & PW_STACK_ID ? set.hold[hold].place[0] : 0;
}

int loader_stacks__times(struct loader_stacks *s, struct held_time **out, size_t *n)
{
	struct held_time *times = calloc(PW_HELD_TIMES, sizeof(*times));
	struct pw_held_key key, next;
	struct pw_held_time time;
	size_t count = 0;
	bool more;

	if (!times)
		return -ENOMEM;
	more = !bpf_map_get_next_key(s->times, NULL, &key);
	while (more && count < PW_HELD_TIMES) {
		struct timespec now;

		more = !bpf_map_get_next_key(s->times, &key, &next);
		if (!bpf_map_lookup_elem(s->times, &key, &time)) {
			clock_gettime(CLOCK_MONOTONIC, &now);
			times[count++] = (struct held_time){
				.tgid = key.tgid,
				.def = key.def,
				.pool = key.pool,
				.place = key.place,
				.us = (pw_held_ticks(time.ticks, time.units, PW_TICKS(now.tv_sec * 1000000000ull + now.tv_nsec)) << PW_TICK_SHIFT) / 1000,
			};
		}
		key = next;
	}
	*out = times;
	*n = count;
	return 0;
}
