// SPDX-License-Identifier: GPL-2.0
/*
 * Parked threads of Java virtual machines ("builtin jvm-executor"): probes on the hotspot notes thread__park__begin and
 * thread__park__end say who is parked, and since when. Nothing is booked in the ledger and no event is sent: parking alone
 * cannot tell an idle worker from a blocked one, and a busy machine parks tens of thousands of times a second.
 */
#include "maps.bpf.h"
#include "emit.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* Since when, ns, by tgid << 32 | tid; only while it is parked. Those parked before the attach are put in by the loader. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u64);
} pw_parked SEC(".maps");

/* Return: the thread, or 0: not the probe's process. */
static __always_inline __u64 jvm__begin(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx), thread = bpf_get_current_pid_tgid(), *hits;
	__u32 slot = PW_COOKIE_PROBE(cookie);

	if ((__u32)(thread >> 32) != PW_COOKIE_TGID(cookie)) {
		count_loss(POOLWATCH_FOREIGN_TGID);
		return 0;
	}
	hits = bpf_map_lookup_elem(&pw_hits, &slot);
	if (hits)
		++*hits;
	return thread;
}

SEC("uprobe")
int pw_jvm_park(struct pt_regs *ctx)
{
	__u64 thread = jvm__begin(ctx), now;

	if (!thread)
		return 0;
	now = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&pw_parked, &thread, &now, BPF_ANY))
		count_loss(POOLWATCH_LOST_THREADS);
	return 0;
}

SEC("uprobe")
int pw_jvm_unpark(struct pt_regs *ctx)
{
	__u64 thread = jvm__begin(ctx);

	if (thread)
		bpf_map_delete_elem(&pw_parked, &thread);
	return 0;
}
