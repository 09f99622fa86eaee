// SPDX-License-Identifier: GPL-2.0
/*
 * Snapshots: records of a live BPF array, copied in words under RCU to the open file's bounce buffer, and from there to
 * user memory with no lock held but the file's own.
 */
#include <linux/bpf.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include "chardev.h"
#include "session.h"
#include "snapshot.h"
#include "uapi/linux/poolwatch.h"

#define COPY_TRIES 4	/* of a record whose slot changes hands meanwhile */
#define BATCH_SLOTS 256 /* looked at in one RCU read-side section */

#define RECORD_IS_SOUND(type)                                                                                          \
	static_assert(sizeof(type) % sizeof(u64) == 0 && sizeof(type) <= PW_BOUNCE && offsetof(type, head) == 0)
RECORD_IS_SOUND(struct poolwatch_def);
RECORD_IS_SOUND(struct poolwatch_proc);
RECORD_IS_SOUND(struct poolwatch_pool);
RECORD_IS_SOUND(struct poolwatch_thread);
RECORD_IS_SOUND(struct poolwatch_edge);
RECORD_IS_SOUND(struct poolwatch_counter);

/* copy_record compares a record's first two words. */
static_assert(offsetof(struct poolwatch_head, id) == 0 && sizeof(struct poolwatch_head) == 2 * sizeof(u64));

size_t pw_record_size(u32 table)
{
	static const size_t size[POOLWATCH_TABLES] = {
		[POOLWATCH_DEFS] = sizeof(struct poolwatch_def),
		[POOLWATCH_PROCS] = sizeof(struct poolwatch_proc),
		[POOLWATCH_POOLS] = sizeof(struct poolwatch_pool),
		[POOLWATCH_THREADS] = sizeof(struct poolwatch_thread),
		[POOLWATCH_EDGES] = sizeof(struct poolwatch_edge),
		[POOLWATCH_COUNTERS] = sizeof(struct poolwatch_counter),
	};

	return size[table];
}

/*
 * BPF programs write the record meanwhile. The copy stands if nobody else took the slot: it would show the fields of
 * one user's process under the uid of another.
 */
static bool copy_record(u64 *to, const u64 *from, size_t words)
{
	int tries;
	size_t i;

	for (tries = 0; tries < COPY_TRIES; tries++) {
		u64 id = smp_load_acquire(&from[0]); /* who takes a slot writes the id last */

		if (!id)
			return false;
		to[0] = id;
		for (i = 1; i < words; i++)
			to[i] = READ_ONCE(from[i]);
		smp_rmb(); /* who frees a slot clears the id first */
		if (READ_ONCE(from[0]) == to[0] && READ_ONCE(from[1]) == to[1])
			return true;
	}
	return false;
}

/* Fill the bounce buffer with up to @room records from slot *@cursor on. Return: how many. */
static u32 fill_bounce(struct pw_reader *r, struct bpf_map *map, u64 *cursor, u32 room, u32 *hidden)
{
	size_t words = map->value_size / sizeof(u64);
	u64 end = min_t(u64, map->max_entries, *cursor + BATCH_SLOTS);
	u32 n = 0;

	room = min_t(u32, room, PW_BOUNCE / map->value_size);
	rcu_read_lock();
	for (; *cursor < end && n < room; (*cursor)++) {
		u32 slot = *cursor;
		u64 *to = r->bounce + n * words;
		const u64 *from = map->ops->map_lookup_elem(map, &slot);

		if (IS_ERR_OR_NULL(from) || !copy_record(to, from, words))
			continue;
		if (pw_visible(r, ((struct poolwatch_head *)to)->uid))
			n++;
		else
			(*hidden)++;
	}
	rcu_read_unlock();
	return n;
}

static int copy_table(struct pw_reader *r, struct bpf_map *map, struct poolwatch_snapshot *s)
{
	u64 room = min_t(u64, div_u64(s->len, map->value_size), map->max_entries);
	u64 __user *buf = u64_to_user_ptr(s->buf);

	s->count = 0;
	s->hidden = 0;
	while (s->count < room && s->cursor < map->max_entries) {
		u32 n = fill_bounce(r, map, &s->cursor, room - s->count, &s->hidden);

		if (copy_to_user(buf, r->bounce, n * map->value_size))
			return -EFAULT;
		buf += n * (map->value_size / sizeof(u64));
		s->count += n;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

int pw_snapshot(struct pw_reader *r, struct poolwatch_snapshot __user *arg)
{
	struct poolwatch_snapshot s;
	struct bpf_map *map;
	int ret;

	if (copy_from_user(&s, arg, sizeof(s)))
		return -EFAULT;
	if (s.table >= POOLWATCH_TABLES || s.flags & ~POOLWATCH_SNAP_NEXT || s.pad[0] || s.pad[1])
		return -EINVAL;
	s.record = pw_record_size(s.table);
	if (s.len < s.record)
		return put_user(s.record, &arg->record) ? -EFAULT : -EINVAL;

	ret = pw_session_map(&s.session, s.flags & POOLWATCH_SNAP_NEXT, s.table, &map);
	if (ret)
		return ret;
	ret = mutex_lock_interruptible(&r->bounce_lock);
	if (!ret) {
		ret = copy_table(r, map, &s);
		mutex_unlock(&r->bounce_lock);
	}
	bpf_map_put(map);
	if (!ret && copy_to_user(arg, &s, sizeof(s)))
		ret = -EFAULT;
	return ret;
}
