// SPDX-License-Identifier: GPL-2.0
/* Functions of their own, which the verifier looks at once: see returns.bpf.h. */
#include "returns.bpf.h"

char LICENSE[] SEC("license") = "GPL";

__noinline int returns__copy(struct pw_returns *out)
{
	if (!out)
		return -1;
	returns__of(bpf_get_current_task_btf(), out);
	return 0;
}

__noinline __u64 returns__at(__u64 slot)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct return_instance *ri = BPF_CORE_READ(task, utask, return_instances);

	for (int i = 0; i < PW_RETURNS; i++) {
		if (!ri)
			break;
		if (BPF_CORE_READ(ri, stack) == slot && !BPF_CORE_READ(ri, chained))
			return BPF_CORE_READ(ri, orig_ret_vaddr);
		ri = BPF_CORE_READ(ri, next);
	}
	return 0;
}
