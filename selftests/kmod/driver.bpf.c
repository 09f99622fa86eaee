// SPDX-License-Identifier: GPL-2.0
/* The kernel side of a loader, for the tests of the module: binds any map as any table, emits any bytes from any context. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "linux/poolwatch.h"
#include "driver.h"

extern int poolwatch_emit(void *data, __u32 data__sz, __u32 session) __ksym __weak;
extern int poolwatch_bind(struct bpf_map *map, __u32 session, __u32 table) __ksym __weak;

char LICENSE[] SEC("license") = "GPL";

#define TABLE(name, record)                       \
	struct {                                  \
		__uint(type, BPF_MAP_TYPE_ARRAY); \
		__uint(max_entries, DRIVER_SLOTS); \
		__type(key, __u32);               \
		__type(value, struct record);     \
	} name SEC(".maps")

TABLE(defs, poolwatch_def);
TABLE(procs, poolwatch_proc);
TABLE(pools, poolwatch_pool);
TABLE(threads, poolwatch_thread);
TABLE(edges, poolwatch_edge);
TABLE(counters, poolwatch_counter);

/* What must be refused. */
struct locked {
	struct bpf_spin_lock lock;
	__u32 pad;
	char rest[sizeof(struct poolwatch_counter) - 8];
};
TABLE(with_lock, locked);
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DRIVER_SLOTS);
	__type(key, __u32);
	__type(value, struct poolwatch_pool);
} hash SEC(".maps");

struct driver_event buffer; /* for emit_buffer */
__u32 session;
__u32 watched; /* the process whose calls and exits the probes below report */
__s64 emitted;
__s64 refused;
int last_error;

static int emit(struct poolwatch_event *e)
{
	int err = poolwatch_emit(e, sizeof(*e), session);

	if (err) {
		__sync_fetch_and_add(&refused, 1);
		last_error = err;
	} else {
		__sync_fetch_and_add(&emitted, 1);
	}
	return err;
}

SEC("syscall")
int bind(struct driver_bind *args)
{
	__u32 s = args->session, table = args->table;

	if (!bpf_ksym_exists(poolwatch_bind))
		return -DRIVER_ENOSYS;
	switch (args->map) {
	case POOLWATCH_DEFS:
		return poolwatch_bind((struct bpf_map *)&defs, s, table);
	case POOLWATCH_PROCS:
		return poolwatch_bind((struct bpf_map *)&procs, s, table);
	case POOLWATCH_POOLS:
		return poolwatch_bind((struct bpf_map *)&pools, s, table);
	case POOLWATCH_THREADS:
		return poolwatch_bind((struct bpf_map *)&threads, s, table);
	case POOLWATCH_EDGES:
		return poolwatch_bind((struct bpf_map *)&edges, s, table);
	case POOLWATCH_COUNTERS:
		return poolwatch_bind((struct bpf_map *)&counters, s, table);
	case DRIVER_MAP_LOCK:
		return poolwatch_bind((struct bpf_map *)&with_lock, s, table);
	case DRIVER_MAP_HASH:
		return poolwatch_bind((struct bpf_map *)&hash, s, table);
	}
	return 1;
}

/* The first @size bytes of the buffer, as they are. */
SEC("syscall")
int emit_buffer(struct driver_emit *args)
{
	__u32 size = args->size;

	if (!bpf_ksym_exists(poolwatch_emit))
		return -DRIVER_ENOSYS;
	if (size > sizeof(buffer))
		return 1;
	return poolwatch_emit(&buffer, size, args->session);
}

static int emit_nth(__u32 i, __u64 *first)
{
	struct poolwatch_event e = { .size = sizeof(e), .type = POOLWATCH_EV_FULL, .uid = POOLWATCH_UID_ALL };

	e.value = *first + i;
	return emit(&e) != 0;
}

/* @count events whose value counts up from @first. */
SEC("syscall")
int emit_many(struct driver_many *args)
{
	__u64 first = args->first;

	if (!bpf_ksym_exists(poolwatch_emit))
		return -DRIVER_ENOSYS;
	return bpf_loop(args->count, emit_nth, &first, 0);
}

static int emit_here(__u16 type)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct poolwatch_event e = { .size = sizeof(e), .type = type, .uid = (__u32)bpf_get_current_uid_gid() };

	if (!watched || id >> 32 != watched || !bpf_ksym_exists(poolwatch_emit))
		return 0;
	e.tgid = id >> 32;
	e.tid = (__u32)id;
	bpf_get_current_comm(e.comm, sizeof(e.comm));
	emit(&e);
	return 0;
}

SEC("uprobe")
int on_call(struct pt_regs *ctx)
{
	return emit_here(POOLWATCH_EV_NESTED);
}

SEC("tp_btf/sched_process_exit")
int on_exit(__u64 *ctx)
{
	return emit_here(POOLWATCH_EV_PROC_EXIT);
}

/* poolwatch_emit itself takes such a lock, so this one is entered from within. */
SEC("kprobe/_raw_spin_lock")
int on_lock(struct pt_regs *ctx)
{
	return emit_here(POOLWATCH_EV_ORDER);
}
