/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The maps: the tables of the ledger (readable by others, arrays, mappable), and the indexes and private state that only
 * these programs use. Weak, so that every object may include this and the linker keeps one.
 */
#ifndef POOLWATCH_MAPS_BPF_H
#define POOLWATCH_MAPS_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "shared.h"

/* Set by the loader between open and load. */
const volatile __u32 pw_session __weak = 0; /* of the device; 0: direct mode */
const volatile __u32 pw_max_pools __weak = 0;
const volatile __u32 pw_max_threads __weak = 0;
const volatile __u32 pw_max_edges __weak = 0;
const volatile __u32 pw_whole_stacks __weak = 0; /* what is held has its request's whole stack, and its time is added up */

/* Generations of head.id; numbers of process images are given out by the loader and by exec from the same counter. */
__u64 pw_generation __weak = 0;
__u32 pw_next_space __weak = 0;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PW_MAX_DEFS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct poolwatch_def);
} pw_defs __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct poolwatch_proc);
} pw_procs __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct poolwatch_pool);
} pw_pools __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct poolwatch_thread);
} pw_threads __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8192);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct poolwatch_edge);
} pw_edges __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, POOLWATCH_CAUSES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct poolwatch_counter);
} pw_counters __weak SEC(".maps");

/* Free slots of the tables whose records the programs make, filled by the loader. */
#define PW_FREE_LIST(name, entries)                    \
	struct {                                       \
		__uint(type, BPF_MAP_TYPE_STACK);      \
		__uint(max_entries, entries);          \
		__type(value, __u32);                  \
	} name __weak SEC(".maps")
PW_FREE_LIST(pw_free_pools, 4096);
PW_FREE_LIST(pw_free_threads, 16384);
PW_FREE_LIST(pw_free_edges, 8192);

/* Process number -> slot in pw_procs. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u32);
} pw_proc_index __weak SEC(".maps");

struct pw_owner_key {
	__u64 owner; /* thread or goroutine number */
	__u32 tgid;
	__u32 goroutine;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct pw_owner_key);
	__type(value, __u32);
} pw_thread_index __weak SEC(".maps");

struct pw_pool_key {
	__u64 addr;
	__u32 space;
	__u32 def;
};

/* Several addresses may lead to one pool: a shared mapping has one in every process. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct pw_pool_key);
	__type(value, __u32);
} pw_pool_index __weak SEC(".maps");

struct pw_shared_key {
	__u64 dev;
	__u64 ino;
	__u64 offset;
	__u64 def;
};

/* The address that stands for a System V semaphore: none that a process can have. */
#define PW_SYSV_KEY(set, num) (1ull << 63 | (__u64)(__u32)(set) << 16 | (__u16)(num))
#define PW_SYSV_KEY_SET(addr) ((__u32)((addr) >> 16))

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct pw_shared_key);
	__type(value, __u32);
} pw_shared_index __weak SEC(".maps");

struct pw_edge_key {
	__u64 from;
	__u64 to;
	__u64 from_site;
	__u64 to_site;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct pw_edge_key);
	__type(value, __u32);
} pw_edge_index __weak SEC(".maps");

/* A unit with a handle, and who holds it. */
struct pw_unit_key {
	__u64 resource;
	__u64 pool; /* head.id */
};

struct pw_unit {
	__u64 thread; /* head.id, or PW_UNIT_DISOWNED: it is out, and nobody's */
	__u64 since;
};
#define PW_UNIT_DISOWNED (~0ull)

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct pw_unit_key);
	__type(value, struct pw_unit);
} pw_units __weak SEC(".maps");

__u64 pw_units_known __weak = 0; /* how many are in there */

/* What expressions are computed from. */
struct pw_env {
	__u64 args[PW_ARGS];
	__u64 ret;
	__u64 key;
};

/* An acquire (or scope, create, wait-on) that was entered and has not returned. */
struct pw_frame {
	__u64 sp; /* at function entry: where the return address lies */
	__u64 key;
	__u64 since;
	__u64 args[PW_ARGS];
	__u64 site;
	__u64 stack; /* number of the whole stack; 0: not known */
	__s64 units;
	__s64 in_use; /* of the pool at entry */
	__u32 probe;
	__u32 pool; /* slot; PW_NO_SLOT: none yet */
	__u32 request; /* index in poolwatch_thread.request, or PW_NO_SLOT */
	__u32 full;
};
#define PW_NO_SLOT (~0u)
#define PW_FRAMES (2 * POOLWATCH_REQUESTS)

/* One request, grant or release: who, of which pool, what; and what came of it. */
struct pw_deed {
	__u64 now;
	__u64 site;
	__u64 resource;	 /* 0: units have no handle */
	__s64 units;
	__s64 available; /* free units as the definition reads them now, or POOLWATCH_UNKNOWN */
	__u32 thread;	 /* slot */
	__u32 pool;	 /* slot */
	__u32 def_flags;
	__u32 flags;	 /* of a request, POOLWATCH_REQ_*; of a release, the kind of probe: PW_DISOWN leaves the unit out */
	__u32 request;	 /* out of ledger__request, in of ledger__ended: index among the thread's requests, or PW_NO_SLOT */
	__u32 full;	 /* out of ledger__request: the pool was exhausted */
	/* Out of ledger__request: an edge seen for the first time, to be told with the stack of the moment; 0: none. */
	__u32 edge;	 /* POOLWATCH_EV_NESTED or POOLWATCH_EV_ORDER */
	__u32 depth;
	__u64 held;
	__u64 held_site;
	__u64 holder;	 /* out of unit__take */
};

/* A call of semop. */
struct pw_sysv_call {
	__u64 sp;
	__u64 site;
	__u64 ops;
	__s32 set;
	__u32 nops;
	__u32 probe;
	__u32 def;
	__u32 num; /* of semctl, which has its command in nops, and its argument in ops */
	__u32 thread; /* slot; what becomes of an operation is in its private deed */
	__u32 def_flags;
};

/* Did a worker's task give its own pool tasks? What it waits for while it does so is a matter of the giving. */
enum pw_gave { PW_GAVE_NONE, PW_GIVING, PW_GAVE };

/*
 * What a thread's record need not show. Written by the thread itself only. Same slot as its record. Like the tables' records it fills
 * cache lines of its own, in a map that begins at a page: no thread writes where another looks.
 */
struct pw_private {
	__u64 last_addr; /* the pool it used last: saves the look-up */
	__u32 last_def;
	__u32 last_pool;
	__u32 nframes;
	__u32 nholds; /* entries of hold[] ever used: where to stop looking */
	__u32 since_attach; /* began after the attach: all it did was seen */
	__u32 task_gave; /* enum pw_gave: of the task that it does */
	__u32 task_pool;
	__u32 undo; /* bit i: the kernel gives back what hold[i] says when the process ends (SEM_UNDO) */
	__u64 task_sp; /* as a worker: where its stack was when it took the task that it does; 0: none */
	/* Of whole stacks, between functions that are called one after the other: */
	__u64 stack;	  /* number of the stack of the request or grant in hand */
	__u64 held_stack; /* of the hold that a new edge begins with */
	__u64 word;	  /* what stood on the stack instead */
	/* What the program that runs is about: too big for the stack that Linux 6.1 has for one and all it calls. */
	struct pw_deed deed;
	struct pw_sysv_call call;
	struct pw_frame frame[PW_FRAMES];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct poolwatch_pool) % 64 == 0 && sizeof(struct poolwatch_thread) % 64 == 0, "cache lines of their own");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct pw_private);
} pw_private __weak SEC(".maps");

/* Same slot again. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct pw_goroutine);
} pw_goroutines __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PW_MAX_PROBES);
	__type(key, __u32);
	__type(value, struct pw_probe);
} pw_probes __weak SEC(".maps");

/* Hits per probe: entries and returns. What a definition costs is reckoned from these. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PW_MAX_PROBES);
	__type(key, __u32);
	__type(value, __u64);
} pw_hits __weak SEC(".maps");

/* To the loader: struct pw_record. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} pw_events __weak SEC(".maps");

/* Where other processes find the maps of this session: see user/loader_maps.c. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pw_session);
} pw_session_map __weak SEC(".maps");

#endif
