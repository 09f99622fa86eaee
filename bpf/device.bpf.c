// SPDX-License-Identifier: GPL-2.0
/*
 * The way to the kernel module, if it is there. Its functions are weak: the same object loads without it.
 *
 * Hands the tables to the kernel module: run once per table by the loader, which says which through the context. The module
 * takes its own reference; no descriptor passes.
 */
#include "maps.bpf.h"

char LICENSE[] SEC("license") = "GPL";

extern int poolwatch_emit(void *data, __u32 data__sz, __u32 session) __ksym __weak;
extern int poolwatch_bind(struct bpf_map *map, __u32 session, __u32 table) __ksym __weak;

int emit__device(struct poolwatch_event *e)
{
	if (!e || !pw_session || !bpf_ksym_exists(poolwatch_emit))
		return 0;
	return poolwatch_emit(e, sizeof(*e), pw_session);
}

SEC("syscall")
int pw_bind(struct pw_bind_args *args)
{
	__u32 session = args->session;

	if (!bpf_ksym_exists(poolwatch_bind))
		return -38; /* ENOSYS */
	switch (args->table) {
	case POOLWATCH_DEFS:
		return poolwatch_bind((struct bpf_map *)&pw_defs, session, POOLWATCH_DEFS);
	case POOLWATCH_PROCS:
		return poolwatch_bind((struct bpf_map *)&pw_procs, session, POOLWATCH_PROCS);
	case POOLWATCH_POOLS:
		return poolwatch_bind((struct bpf_map *)&pw_pools, session, POOLWATCH_POOLS);
	case POOLWATCH_THREADS:
		return poolwatch_bind((struct bpf_map *)&pw_threads, session, POOLWATCH_THREADS);
	case POOLWATCH_EDGES:
		return poolwatch_bind((struct bpf_map *)&pw_edges, session, POOLWATCH_EDGES);
	case POOLWATCH_COUNTERS:
		return poolwatch_bind((struct bpf_map *)&pw_counters, session, POOLWATCH_COUNTERS);
	}
	return -22; /* EINVAL */
}
