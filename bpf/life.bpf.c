// SPDX-License-Identifier: GPL-2.0
/*
 * Threads and processes end, become other programs, have children. Attached once, for all processes: the first thing each
 * does is to look whether the process is watched.
 */
#include "ledger.bpf.h"
#include "emit.bpf.h"
#include "hold.bpf.h"
#include "returns.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define SIGNAL_GROUP_EXIT 0x4 /* include/linux/sched/signal.h: the whole process ends */

/*
 * Hold entry @i of a thread that ends. A function of its own: told from within the loop, each event would be a state of its own to
 * the verifier of Linux 6.1. Return: 1 if units stay behind.
 */
__noinline int life__left(__u32 thread, __u32 i, int all_end)
{
	struct poolwatch_thread *t = thread_at(thread);
	struct pw_private *own = private_at(thread);
	struct poolwatch_pool *p;
	__u64 w;

	if (!t || !own || i >= POOLWATCH_HOLDS)
		return 0;
	w = t->hold[i].word;
	if (!POOLWATCH_HOLD_UNITS(w))
		return 0;
	p = pool_at(POOLWATCH_HOLD_POOL(w));
	if (!p || p->flags & (POOLWATCH_POOL_SIGNALLING | POOLWATCH_POOL_DESTROYED))
		return 0;
	/* The kernel undoes it. Threads of a process share that list: it is worked off when the last of them ends. */
	if (all_end && own->undo & 1u << i) {
		__s64 units = POOLWATCH_HOLD_UNITS(w);
		__u64 before;

		if (!hold__add(&t->hold[i].word, POOLWATCH_HOLD_POOL(w), -units, 0, &before)) {
			__sync_fetch_and_add(&p->in_use, -units);
			__sync_fetch_and_add(&p->releases, 1);
			p->full_since = 0;
		}
		return 0;
	}
	/* A private pool ends with its process: nothing is lost to anybody. */
	if (all_end && !(p->flags & POOLWATCH_POOL_SHARED))
		return 0;
	emit__pool(POOLWATCH_EV_EXIT, p, t, t->hold[i].site, POOLWATCH_HOLD_UNITS(w), POOLWATCH_HOLD_UNITS(w));
	return 1;
}

/* What the thread holds is told, and its record is kept as a tombstone until that is returned or the process ends. */
static __always_inline bool life__holds(__u32 thread, bool all_end)
{
	bool holds = false;

	for (__u32 i = 0; i < POOLWATCH_HOLDS; i++)
		if (life__left(thread, i, all_end))
			holds = true;
	return holds;
}

static __always_inline void life__end_thread(const struct pw_owner_key *key, bool all_end)
{
	__u64 now = bpf_ktime_get_ns();
	struct poolwatch_thread *t;
	struct pw_private *own;
	__u32 *known, slot;
	__u32 n;

	known = bpf_map_lookup_elem(&pw_thread_index, key);
	if (!known)
		return;
	slot = *known;
	t = thread_at(slot);
	own = private_at(slot);
	if (!t || !own)
		return;
	n = t->requests;
	for (__u32 i = 0; i < POOLWATCH_REQUESTS; i++) {
		struct poolwatch_pool *p;
		__u32 at;

		if (i >= n)
			break;
		at = t->request[i].pool;
		t->request[i].seq = 0;
		p = pool_at(at);
		if (p)
			__sync_fetch_and_add(&p->requesting, -1);
	}
	t->requests = 0;
	own->nframes = 0;
	bpf_map_delete_elem(&pw_thread_index, key);
	if (life__holds(slot, all_end)) {
		t->exited = now;
		__sync_fetch_and_or(&t->flags, POOLWATCH_THREAD_EXITED);
		return;
	}
	t->head.id = 0;
	bpf_map_push_elem(&pw_free_threads, &slot, 0);
}

static __always_inline void life__tell(__u32 type, __u32 tgid, __u64 value)
{
	struct pw_record *r = emit__begin(type, NULL, NULL);

	if (!r)
		return;
	r->event.uid = bpf_get_current_uid_gid();
	r->event.tgid = tgid;
	r->event.tid = bpf_get_current_pid_tgid();
	r->event.value = value;
	bpf_get_current_comm(r->event.comm, sizeof(r->event.comm));
	emit__end(r);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(pw_exit, struct task_struct *task)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	struct pw_owner_key key = { .owner = (__u32)pid_tgid, .tgid = pid_tgid >> 32 };
	struct poolwatch_proc *proc;
	__u32 *slot;
	bool last;

	slot = bpf_map_lookup_elem(&pw_proc_index, &key.tgid);
	if (!slot)
		return 0;
	last = task->signal->live.counter == 0;
	life__end_thread(&key, last || (task->signal->flags & SIGNAL_GROUP_EXIT));
	if (!last)
		return 0;
	proc = bpf_map_lookup_elem(&pw_procs, slot);
	if (proc)
		__sync_fetch_and_or(&proc->flags, POOLWATCH_PROC_EXITED);
	life__tell(POOLWATCH_EV_PROC_EXIT, key.tgid, task->exit_code);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(pw_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct pw_owner_key key = { .owner = (__u32)old_pid, .tgid = bpf_get_current_pid_tgid() >> 32 };
	struct poolwatch_proc *proc;
	__u32 *slot;

	slot = bpf_map_lookup_elem(&pw_proc_index, &key.tgid);
	if (!slot)
		return 0;
	life__end_thread(&key, true);
	proc = bpf_map_lookup_elem(&pw_procs, slot);
	if (proc) {
		proc->space = __sync_fetch_and_add(&pw_next_space, 1) + 1;
		proc->attached = bpf_ktime_get_ns();
		__sync_fetch_and_or(&proc->flags, POOLWATCH_PROC_FROM_START);
		proc->head.uid = bpf_get_current_uid_gid();
		bpf_get_current_comm(proc->comm, sizeof(proc->comm));
	}
	life__tell(POOLWATCH_EV_PROC_EXEC, key.tgid, 0);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(pw_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 tgid = parent->tgid;

	if (child->tgid == (int)tgid || !bpf_map_lookup_elem(&pw_proc_index, &tgid))
		return 0;
	life__tell(POOLWATCH_EV_PROC_FORK, tgid, child->tgid);
	return 0;
}

/*
 * Registers of one thread that is blocked, without stopping it: user/loader_threads.c reads them from the iterator. Those of
 * a thread that runs are of no use to an unwinder, and are passed over.
 */
SEC("iter/task")
int pw_registers(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct pt_regs *regs;
	struct pw_registers out = {};

	if (!task)
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	out.tid = task->pid;
	out.tgid = task->tgid;
	out.state = BPF_CORE_READ(task, __state);
	out.regs[PW_RAX] = BPF_CORE_READ(regs, ax);
	out.regs[PW_RDX] = BPF_CORE_READ(regs, dx);
	out.regs[PW_RCX] = BPF_CORE_READ(regs, cx);
	out.regs[PW_RBX] = BPF_CORE_READ(regs, bx);
	out.regs[PW_RSI] = BPF_CORE_READ(regs, si);
	out.regs[PW_RDI] = BPF_CORE_READ(regs, di);
	out.regs[PW_RBP] = BPF_CORE_READ(regs, bp);
	out.regs[PW_RSP] = BPF_CORE_READ(regs, sp);
	out.regs[PW_R8] = BPF_CORE_READ(regs, r8);
	out.regs[PW_R9] = BPF_CORE_READ(regs, r9);
	out.regs[PW_R10] = BPF_CORE_READ(regs, r10);
	out.regs[PW_R11] = BPF_CORE_READ(regs, r11);
	out.regs[PW_R12] = BPF_CORE_READ(regs, r12);
	out.regs[PW_R13] = BPF_CORE_READ(regs, r13);
	out.regs[PW_R14] = BPF_CORE_READ(regs, r14);
	out.regs[PW_R15] = BPF_CORE_READ(regs, r15);
	out.regs[PW_RIP] = BPF_CORE_READ(regs, ip);
	returns__of(task, &out.returns);
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}
