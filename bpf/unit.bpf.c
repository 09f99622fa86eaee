// SPDX-License-Identifier: GPL-2.0
/* Handles: see unit.bpf.h. */
#include "unit.bpf.h"

/* So many handles stay known without a holder; of the room in pw_units the rest is for those that are held. */
#define PW_UNITS_KEPT 32768

static __always_inline bool unit__key(const struct pw_deed *d, struct pw_unit_key *key)
{
	struct poolwatch_pool *p = pool_at(d->pool);

	if (!p)
		return false;
	key->resource = d->resource;
	key->pool = p->head.id;
	return true;
}

static __always_inline void unit__delete(struct pw_unit_key *key)
{
	if (!bpf_map_delete_elem(&pw_units, key))
		__sync_fetch_and_add(&pw_units_known, -1);
}

__noinline int unit__put(struct pw_deed *d)
{
	struct pw_unit_key key = {};
	struct poolwatch_thread *t;
	struct pw_unit unit = {}, *known;

	if (!d)
		return -1;
	t = thread_at(d->thread);
	if (!t || !unit__key(d, &key))
		return -1;
	known = bpf_map_lookup_elem(&pw_units, &key);
	if (known) {
		known->since = d->now;
		known->thread = t->head.id;
		return 0;
	}
	unit.thread = t->head.id;
	unit.since = d->now;
	if (bpf_map_update_elem(&pw_units, &key, &unit, BPF_ANY))
		return -1;
	__sync_fetch_and_add(&pw_units_known, 1);
	return 0;
}

__noinline int unit__take(struct pw_deed *d)
{
	struct pw_unit_key key = {};
	struct pw_unit *unit;
	__u64 holder, next;

	if (!d || !unit__key(d, &key))
		return 0;
	next = d->flags == PW_DISOWN ? PW_UNIT_DISOWNED : 0;
	unit = bpf_map_lookup_elem(&pw_units, &key);
	holder = unit ? unit->thread : 0;
	if (!holder)
		return 0;
	if (holder == next || __sync_val_compare_and_swap(&unit->thread, holder, next) != holder)
		return -1;
	d->holder = holder;
	if (next)
		return 1;
	/* Nobody can be given it before this release has run. */
	if (pw_units_known > PW_UNITS_KEPT)
		unit__delete(&key);
	return 1;
}

__noinline int unit__forget(struct pw_deed *d)
{
	struct pw_unit_key key = {};

	if (d && unit__key(d, &key))
		unit__delete(&key);
	return 0;
}
