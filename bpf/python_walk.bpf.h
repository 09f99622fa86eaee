/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Walking the frames of CPython. The interpreter lock is held by the calling thread wherever this is used, so nothing
 * it reads can change meanwhile; that it is held is checked, not assumed.
 */
#ifndef POOLWATCH_PYTHON_WALK_BPF_H
#define POOLWATCH_PYTHON_WALK_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "python.h"

/* The functions that matter, by what they are. */
enum pw_python_code {
	PW_PY_OTHER,
	PW_PY_COND_ENTER, /* threading: Condition.__enter__ */
	PW_PY_COND_EXIT,
	PW_PY_GET, /* sqlalchemy.util.queue: Queue.get */
	PW_PY_PUT,
	PW_PY_DO_GET, /* sqlalchemy.pool.impl: QueuePool._do_get */
	PW_PY_DO_RETURN,
	PW_PY_INC,
	PW_PY_DEC,
};

/* Process number -> its interpreter. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, struct pw_python);
} pw_pythons __weak SEC(".maps");

/*
 * What a code object is. The address alone says nothing for ever: code objects are freed, so its names are kept with the
 * verdict. Strings are compared only when those differ.
 */
struct pw_python_code_key {
	__u64 code;
	__u64 tgid;
};

struct pw_python_verdict {
	__u64 names[3];
	__u64 code;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct pw_python_code_key);
	__type(value, struct pw_python_verdict);
} pw_python_codes __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PW_PYTHON_STACKS);
	__type(key, __u64);
	__type(value, struct pw_python_stack);
} pw_python_stacks __weak SEC(".maps");

/* Where a stack is put together before it goes into the map. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct pw_python_stack);
} pw_python_scratch __weak SEC(".maps");

static __always_inline __u64 py__read(__u64 addr)
{
	__u64 v = 0;

	if (bpf_probe_read_user(&v, sizeof(v), (void *)addr))
		return 0;
	return v;
}

/* The current frame of the calling thread, or 0 if it does not hold the interpreter lock. */
static __always_inline __u64 py__frame(const struct pw_python *py)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 ts = py__read(py->holder), frame;

	if (ts && py->holder_then != PW_PYTHON_NONE)
		ts = py__read(ts + py->holder_then);
	if (!ts || py__read(ts + py->ts_thread) != BPF_CORE_READ(task, thread.fsbase))
		return 0;
	frame = py__read(ts + py->ts_frame);
	if (frame && py->cframe_frame != PW_PYTHON_NONE)
		frame = py__read(frame + py->cframe_frame);
	return frame;
}

/* The frame itself, or the next one out that runs Python code: in between lie those of the interpreter's entries from C. */
static __always_inline __u64 py__python_frame(const struct pw_python *py, __u64 frame)
{
	__u8 owner = 0;

	if (py->frame_owner == PW_PYTHON_NONE || !frame)
		return frame;
	if (bpf_probe_read_user(&owner, sizeof(owner), (void *)(frame + py->frame_owner)))
		return 0;
	return owner == PW_PYTHON_OWNER_C ? py__read(frame + py->frame_previous) : frame;
}

static __always_inline __u64 py__outer(const struct pw_python *py, __u64 frame)
{
	return py__python_frame(py, py__read(frame + py->frame_previous));
}

/* Does the ASCII string object @str end in the @n bytes of @text (equal: is it that text)? */
static __always_inline bool py__str_is(const struct pw_python *py, __u64 str, const char *text, __u32 n, bool equal)
{
	__u64 len = py__read(str + py->str_length);
	char buf[32];

	if (n > sizeof(buf) || len < n || (equal && len != n))
		return false;
	if (bpf_probe_read_user(buf, n, (void *)(str + py->str_ascii + len - n)))
		return false;
	for (__u32 i = 0; i < n; i++)
		if (buf[i] != text[i])
			return false;
	return true;
}
#define PY_IS(py, str, text) py__str_is(py, str, text, sizeof(text) - 1, true)
#define PY_ENDS(py, str, text) py__str_is(py, str, text, sizeof(text) - 1, false)

static __noinline __u32 py__judge_code(const struct pw_python *py, __u64 filename, __u64 qualname)
{
	if (!py)
		return PW_PY_OTHER;
	if (PY_ENDS(py, filename, "/threading.py")) {
		if (PY_IS(py, qualname, "Condition.__enter__"))
			return PW_PY_COND_ENTER;
		if (PY_IS(py, qualname, "Condition.__exit__"))
			return PW_PY_COND_EXIT;
		return PW_PY_OTHER;
	}
	if (PY_ENDS(py, filename, "/sqlalchemy/util/queue.py")) {
		if (PY_IS(py, qualname, "Queue.get"))
			return PW_PY_GET;
		if (PY_IS(py, qualname, "Queue.put"))
			return PW_PY_PUT;
		return PW_PY_OTHER;
	}
	if (PY_ENDS(py, filename, "/sqlalchemy/pool/impl.py")) {
		if (PY_IS(py, qualname, "QueuePool._do_get"))
			return PW_PY_DO_GET;
		if (PY_IS(py, qualname, "QueuePool._do_return_conn"))
			return PW_PY_DO_RETURN;
		if (PY_IS(py, qualname, "QueuePool._inc_overflow"))
			return PW_PY_INC;
		if (PY_IS(py, qualname, "QueuePool._dec_overflow"))
			return PW_PY_DEC;
	}
	return PW_PY_OTHER;
}

/* What the function of @frame is. */
static __always_inline __u32 py__code_of(const struct pw_python *py, __u32 tgid, __u64 frame)
{
	struct pw_python_code_key key = { .tgid = tgid };
	struct pw_python_verdict *known, v;

	key.code = py__read(frame + py->frame_code);
	if (!key.code || bpf_probe_read_user(v.names, sizeof(v.names), (void *)(key.code + py->code_names)))
		return PW_PY_OTHER;
	known = bpf_map_lookup_elem(&pw_python_codes, &key);
	if (known && known->names[0] == v.names[0] && known->names[2] == v.names[2])
		return known->code;
	v.code = py__judge_code(py, v.names[0], v.names[2]);
	bpf_map_update_elem(&pw_python_codes, &key, &v, BPF_ANY);
	return v.code;
}

struct py_walk {
	const struct pw_python *py;
	struct pw_python_stack *stack;
	__u64 frame;
	__u64 hash;
};

static long py__capture_frame(__u32 i, struct py_walk *w)
{
	__u64 code, instr;

	if (!w->frame || i >= PW_PYTHON_FRAMES)
		return 1;
	code = py__read(w->frame + w->py->frame_code);
	instr = py__read(w->frame + w->py->frame_instr);
	w->stack->frame[i].code = code;
	w->stack->frame[i].instr = instr;
	w->stack->n = i + 1;
	w->hash = (w->hash ^ code) * 0x9e3779b97f4a7c15ull;
	w->hash = (w->hash ^ w->hash >> 29 ^ instr) * 0xbf58476d1ce4e5b9ull;
	w->frame = py__outer(w->py, w->frame);
	return 0;
}

/* Capture the stack from @frame on. Return: its site, or 0. */
static __always_inline __u64 py__capture(const struct pw_python *py, __u64 pid_tgid, __u64 frame)
{
	static const struct pw_python_stack empty;
	struct py_walk w = { .py = py, .frame = frame, .hash = pid_tgid >> 32 };
	__u64 site;

	w.stack = bpf_map_lookup_elem(&pw_python_scratch, &pid_tgid);
	if (!w.stack) {
		bpf_map_update_elem(&pw_python_scratch, &pid_tgid, &empty, BPF_ANY);
		w.stack = bpf_map_lookup_elem(&pw_python_scratch, &pid_tgid);
		if (!w.stack)
			return 0;
	}
	w.stack->tgid = pid_tgid >> 32;
	w.stack->n = 0;
	for (__u32 i = 0; i < PW_PYTHON_FRAMES; i++)
		if (py__capture_frame(i, &w))
			break;
	if (!w.stack->n)
		return 0;
	site = w.hash | PW_PYTHON_SITE;
	if (!bpf_map_lookup_elem(&pw_python_stacks, &site))
		bpf_map_update_elem(&pw_python_stacks, &site, w.stack, BPF_ANY);
	return site;
}

#endif
