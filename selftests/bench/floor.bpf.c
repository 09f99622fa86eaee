// SPDX-License-Identifier: GPL-2.0
/* The floor: programs that do nothing, where a tracer would naively put its own. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("uprobe.multi")
int floor_enter(void *ctx)
{
	return 0;
}

SEC("uprobe.multi")
int floor_leave(void *ctx)
{
	return 0;
}
