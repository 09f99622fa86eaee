// SPDX-License-Identifier: GPL-2.0
/* Whole stacks of what is held: see stacks.bpf.h. */
#include "ledger.bpf.h"
#include "emit.bpf.h"
#include "returns.bpf.h"
#include "stacks.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define PW_PATH_TURNS 24			/* branches from the root to a path, and trampolines on the way */
#define PW_ASK_NS 50000000ull			/* an answer takes a few ms */
#define PW_ASK_MAX_NS 10000000000ull

__u64 pw_next_stack = 0;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PW_STACKS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct pw_path_key);
	__type(value, struct pw_path);
} pw_paths SEC(".maps");

/* For the loader, and for those who show what it found: the programs do not look into it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PW_STACKS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct pw_stack);
} pw_stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct pw_asked_key);
	__type(value, struct pw_asked);
} pw_asked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PW_HELD_TIMES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct pw_held_key);
	__type(value, struct pw_held_time);
} pw_held_times SEC(".maps");

/* By thread slot. Written by the thread itself only: what others give back for it has a handle. */
struct pw_taken_set {
	struct pw_taken hold[POOLWATCH_HOLDS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct pw_taken_set);
} pw_taken SEC(".maps");

/* Of a unit with a handle: where its time is booked. */
struct pw_unit_place {
	struct pw_held_key key;
	__u64 units;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct pw_unit_key);
	__type(value, struct pw_unit_place);
} pw_unit_places SEC(".maps");

/* --- which stack it is */

/* Index of the first word on the stack, from @from on, that is not what @path has there; it is left in own->word. 0: none. */
__noinline __u32 stack__differs(const struct pw_path *path, __u32 thread, __u64 sp, __u32 from)
{
	struct pw_private *own = private_at(thread);

	if (!path || !own)
		return 0;
	for (__u32 k = 0; k < PW_STACK_FRAMES; k++) {
		__u32 i = from + k;
		__u64 word = 0;

		if (i >= path->n || i >= PW_STACK_FRAMES)
			break;
		barrier_var(i);
		i &= PW_STACK_FRAMES - 1;
		bpf_probe_read_user(&word, sizeof(word), (void *)(sp + 8ull * path->at[i]));
		if (word != path->pc[i]) {
			own->word = word;
			return i;
		}
	}
	return 0;
}

/* Not known. Once it was sent, others of the site wait for the answer: their holds have a site only. */
static __always_inline int stack__ask(struct pw_private *own, __u32 tgid, __u64 site)
{
	struct pw_asked_key key = { .tgid = tgid, .site = site };
	struct pw_asked first = {}, *asked;
	__u64 now = bpf_ktime_get_ns();

	asked = bpf_map_lookup_elem(&pw_asked, &key);
	if (asked) {
		if (now - asked->last < asked->wait)
			return 0;
		asked->last = now;
		if (asked->wait < PW_ASK_MAX_NS)
			asked->wait *= 2;
	} else {
		first.last = now;
		first.wait = PW_ASK_NS;
		if (bpf_map_update_elem(&pw_asked, &key, &first, BPF_NOEXIST))
			return 0;
	}
	own->stack = PW_STACK_ID | (__sync_fetch_and_add(&pw_next_stack, 1) + 1);
	return 1;
}

__noinline int stack__find(__u32 thread, __u64 sp, __u64 site)
{
	struct pw_private *own = private_at(thread);
	struct pw_path_key key = {};
	__u32 tgid = bpf_get_current_pid_tgid() >> 32, from = 1;

	if (!own)
		return 0;
	own->stack = 0;
	key.from = tgid;
	key.pc = site;
	for (int turn = 0; turn < PW_PATH_TURNS; turn++) {
		struct pw_path *path = bpf_map_lookup_elem(&pw_paths, &key);
		__u64 was;
		__u32 at;

		if (!path)
			break;
		at = stack__differs(path, thread, sp, from);
		if (!at) {
			own->stack = path->id;
			return 0;
		}
		barrier_var(at);
		at &= PW_STACK_FRAMES - 1;
		from = at + 1;
		/* The kernel's trampoline stands there: what belongs there? */
		was = returns__at(sp + 8ull * path->at[at]);
		if (was == path->pc[at])
			continue;
		key.from = path->id;
		key.at = at;
		key.pc = was ?: own->word;
	}
	if (stack__ask(own, tgid, site))
		return 1;
	count_loss(POOLWATCH_UNKNOWN_STACKS);
	return 0;
}

/* --- its time */

static __always_inline bool held__book(const struct pw_held_key *key, __u64 units, __u64 now)
{
	struct pw_held_time *time = bpf_map_lookup_elem(&pw_held_times, key), none = {};

	if (!time) {
		bpf_map_update_elem(&pw_held_times, key, &none, BPF_NOEXIST);
		time = bpf_map_lookup_elem(&pw_held_times, key);
	}
	if (!time) {
		count_loss(POOLWATCH_LOST_TIMES);
		return false;
	}
	/* A reader between the two finds a sum that is too great by one time of day, whichever way it goes. */
	__sync_fetch_and_add(&time->units, units);
	__sync_fetch_and_add(&time->ticks, -(PW_TICKS(now) * units));
	return true;
}

static __always_inline void held__unbook(const struct pw_held_key *key, __u64 units, __u64 now)
{
	struct pw_held_time *time = bpf_map_lookup_elem(&pw_held_times, key);

	if (!time)
		return;
	__sync_fetch_and_add(&time->ticks, PW_TICKS(now) * units);
	__sync_fetch_and_add(&time->units, -units);
}

static __always_inline struct pw_taken *taken_at(__u32 thread, __u32 at)
{
	struct pw_taken_set *set = bpf_map_lookup_elem(&pw_taken, &thread);

	if (!set || at >= POOLWATCH_HOLDS)
		return NULL;
	barrier_var(at);
	return &set->hold[at & (POOLWATCH_HOLDS - 1)];
}

/* A unit with a handle. One that was never seen to be given back ends here. */
__noinline int held__grant_unit(struct pw_deed *d, __u64 place, __u32 tgid, __u32 def)
{
	struct pw_unit_place unit = {}, *old;
	struct pw_unit_key key = {};
	struct poolwatch_pool *p;

	if (!d)
		return -1;
	p = pool_at(d->pool);
	if (!p)
		return -1;
	key.resource = d->resource;
	key.pool = p->head.id;
	old = bpf_map_lookup_elem(&pw_unit_places, &key);
	if (old) {
		unit = *old;
		held__unbook(&unit.key, unit.units, d->now);
	}
	unit.key.place = place;
	unit.key.pool = p->head.id;
	unit.key.tgid = tgid;
	unit.key.def = def;
	unit.units = d->units;
	if (!held__book(&unit.key, unit.units, d->now))
		return -1;
	if (bpf_map_update_elem(&pw_unit_places, &key, &unit, BPF_ANY)) {
		held__unbook(&unit.key, unit.units, d->now);
		count_loss(POOLWATCH_LOST_TIMES);
	}
	return 0;
}

__noinline int held__grant(struct pw_deed *d, __u32 at)
{
	struct pw_held_key key = {};
	struct poolwatch_thread *t;
	struct poolwatch_pool *p;
	struct pw_private *own;
	struct pw_taken *taken;
	__u32 n;

	if (!d || at >= POOLWATCH_HOLDS)
		return -1;
	t = thread_at(d->thread);
	own = private_at(d->thread);
	p = pool_at(d->pool);
	taken = taken_at(d->thread, at);
	if (!t || !own || !p || !taken)
		return -1;
	key.place = own->stack ?: d->site;
	key.pool = p->head.id;
	key.tgid = t->head.tgid;
	key.def = p->def;
	if (!POOLWATCH_HOLD_UNITS(t->hold[at].word)) {
		taken->n = taken->over = taken->booked = 0;
		taken->place[0] = key.place;
	}
	if (d->resource)
		return held__grant_unit(d, key.place, key.tgid, key.def);
	n = taken->n;
	if (n >= PW_TAKEN) {
		taken->over += d->units;
		count_loss(POOLWATCH_LOST_TIMES);
		return -1;
	}
	n &= PW_TAKEN - 1;
	taken->place[n] = key.place;
	taken->units[n] = d->units;
	taken->n = n + 1;
	if (held__book(&key, d->units, d->now))
		taken->booked |= 1u << n;
	else
		taken->booked &= ~(1u << n);
	return 0;
}

__noinline int held__return(struct pw_deed *d, __u32 at, __u32 units)
{
	struct pw_held_key key = {};
	struct poolwatch_thread *t;
	struct poolwatch_pool *p;
	struct pw_taken *taken;

	if (!d)
		return -1;
	t = thread_at(d->thread);
	p = pool_at(d->pool);
	taken = taken_at(d->thread, at);
	if (!t || !p || !taken)
		return -1;
	key.pool = p->head.id;
	key.tgid = t->head.tgid;
	key.def = p->def;
	for (int i = 0; i < PW_TAKEN + 1; i++) {
		__u32 n = taken->n, back;

		if (!units)
			break;
		if (taken->over) {
			back = taken->over < units ? taken->over : units;
			taken->over -= back;
			units -= back;
			continue;
		}
		if (!n)
			break;
		n = (n - 1) & (PW_TAKEN - 1);
		back = taken->units[n] < units ? taken->units[n] : units;
		key.place = taken->place[n];
		if (taken->booked & 1u << n)
			held__unbook(&key, back, d->now);
		taken->units[n] -= back;
		units -= back;
		if (!taken->units[n])
			taken->n = n;
	}
	return 0;
}

__noinline int held__return_unit(struct pw_deed *d)
{
	struct pw_unit_key key = {};
	struct pw_unit_place *unit;
	struct pw_held_key place;
	struct poolwatch_pool *p;

	if (!d)
		return -1;
	p = pool_at(d->pool);
	if (!p)
		return -1;
	key.resource = d->resource;
	key.pool = p->head.id;
	unit = bpf_map_lookup_elem(&pw_unit_places, &key);
	if (!unit)
		return 0;
	place = unit->key;
	held__unbook(&place, unit->units, d->now);
	bpf_map_delete_elem(&pw_unit_places, &key);
	return 0;
}

__noinline __u64 held__stack(__u32 thread, __u32 at)
{
	struct pw_taken *taken = taken_at(thread, at);

	return taken && taken->place[0] & PW_STACK_ID ? taken->place[0] : 0;
}
