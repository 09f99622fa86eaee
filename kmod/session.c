// SPDX-License-Identifier: GPL-2.0
/*
 * Sessions. sessions.lock guards all but number[], which it guards for writing only: poolwatch_emit reads it in
 * contexts that take no lock. The lock is never held while user memory is touched, so that no reader can keep a loader
 * waiting: who copies a table takes a reference to its map first.
 */
#include <linux/bpf.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "session.h"
#include "snapshot.h"
#include "uapi/linux/poolwatch.h"

struct session {
	struct pid *owner; /* the process that opened it; a reference */
	struct bpf_map *map[POOLWATCH_TABLES]; /* references, NULL: not bound */
};

static struct {
	struct mutex lock; /* see above */
	u32 max;
	u32 open;
	u16 last; /* number given last */
	u16 *number; /* per slot; 0: free */
	struct session *slot;
} sessions;

/* Return: slot, or -ENOENT. */
static int session_find(u32 number)
{
	u32 i;

	for (i = 0; number && i < sessions.max; i++)
		if (READ_ONCE(sessions.number[i]) == number)
			return i;
	return -ENOENT;
}

/* Return: slot of the lowest number that is at least @least and, with @bound, has bound @table; or -ENOENT. */
static int session_find_from(u32 least, bool bound, u32 table)
{
	int found = -ENOENT;
	u32 i;

	for (i = 0; i < sessions.max; i++) {
		if (!sessions.number[i] || sessions.number[i] < least || (bound && !sessions.slot[i].map[table]))
			continue;
		if (found < 0 || sessions.number[i] < sessions.number[found])
			found = i;
	}
	return found;
}

bool pw_session_exists(u32 number)
{
	return session_find(number) >= 0;
}

int pw_session_open(u32 *number)
{
	int ret = -EBUSY;
	u32 i;

	mutex_lock(&sessions.lock);
	for (i = 0; i < sessions.max && sessions.number[i]; i++)
		;
	if (i < sessions.max) {
		do {
			sessions.last++;
		} while (!sessions.last || pw_session_exists(sessions.last));
		sessions.slot[i].owner = get_pid(task_tgid(current));
		sessions.open++;
		WRITE_ONCE(sessions.number[i], sessions.last);
		*number = sessions.last;
		ret = 0;
	}
	mutex_unlock(&sessions.lock);
	return ret;
}

void pw_session_close(u32 number)
{
	struct session ended;
	int i, table;

	mutex_lock(&sessions.lock);
	i = session_find(number);
	if (i < 0) {
		mutex_unlock(&sessions.lock);
		return;
	}
	WRITE_ONCE(sessions.number[i], 0);
	ended = sessions.slot[i];
	memset(&sessions.slot[i], 0, sizeof(sessions.slot[i]));
	sessions.open--;
	mutex_unlock(&sessions.lock);

	for (table = 0; table < POOLWATCH_TABLES; table++)
		if (ended.map[table])
			bpf_map_put(ended.map[table]);
	put_pid(ended.owner);
}

int pw_session_bind(u32 number, u32 table, struct bpf_map *map)
{
	struct session *s;
	int i, ret;

	if (table >= POOLWATCH_TABLES || map->map_type != BPF_MAP_TYPE_ARRAY ||
	    map->value_size != pw_record_size(table) || !IS_ERR_OR_NULL(map->record))
		return -EINVAL;

	mutex_lock(&sessions.lock);
	i = session_find(number);
	s = i < 0 ? NULL : &sessions.slot[i];
	if (!s) {
		ret = -ENOENT;
	} else if (s->owner != task_tgid(current)) {
		ret = -EPERM;
	} else if (s->map[table]) {
		ret = -EBUSY;
	} else {
		bpf_map_inc(map);
		s->map[table] = map;
		ret = 0;
	}
	mutex_unlock(&sessions.lock);
	return ret;
}

int pw_session_map(u32 *number, bool next, u32 table, struct bpf_map **map)
{
	int i, ret = 0;

	mutex_lock(&sessions.lock);
	i = next || !*number ? session_find_from(*number, next, table) : session_find(*number);
	if (i < 0) {
		ret = -ENOENT;
	} else if (!sessions.slot[i].map[table]) {
		ret = -ENODATA;
	} else {
		*map = sessions.slot[i].map[table];
		bpf_map_inc(*map);
		*number = sessions.number[i];
	}
	mutex_unlock(&sessions.lock);
	return ret;
}

u32 pw_sessions_open(void)
{
	return READ_ONCE(sessions.open);
}

u32 pw_sessions_max(void)
{
	return sessions.max;
}

int pw_sessions_init(unsigned int max)
{
	mutex_init(&sessions.lock);
	sessions.max = max;
	sessions.number = kcalloc(max, sizeof(*sessions.number), GFP_KERNEL);
	sessions.slot = kcalloc(max, sizeof(*sessions.slot), GFP_KERNEL);
	if (sessions.number && sessions.slot)
		return 0;
	pw_sessions_exit();
	return -ENOMEM;
}

/* No file is open any more, so no session is. */
void pw_sessions_exit(void)
{
	kfree(sessions.slot);
	kfree(sessions.number);
}
