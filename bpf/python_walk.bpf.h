/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Walking the frames of CPython. What is read belongs to the calling thread, which is in a call out of the interpreter, so
 * nothing of it changes meanwhile; that the thread state found is its own is checked, not assumed.
 */
#ifndef POOLWATCH_PYTHON_WALK_BPF_H
#define POOLWATCH_PYTHON_WALK_BPF_H

#include "emit.bpf.h"
#include "python.h"

#define E2BIG 7

/* By the slot of the probe. The loader makes room only if interpreters may be watched. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PW_MAX_PROBES);
	__type(key, __u32);
	__type(value, struct pw_python);
} pw_pythons SEC(".maps");

/*
 * What a code object is, as long as not all that matter were met. The address alone says nothing for ever: code objects are
 * freed, so its names are kept with the verdict. Strings are compared only when those differ.
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
} pw_python_codes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PW_PYTHON_STACKS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct pw_python_stack);
} pw_python_stacks SEC(".maps");

/*
 * Frames lie one behind the other on a stack of their own, callers first. A read costs more than what it reads, so they are
 * read by the window: as many as fit before the innermost one, in its page, for the page before may not be there. To know what a
 * hit is about takes three frames; a stack takes many. Who gave a unit back most likely asks for one next: at the hit after it a
 * stack's worth is read at once, and not again for the stack.
 */
#define PY_WINDOW_HIT 512
#define PY_WINDOW 2048
#define PY_FRAME_BYTES 72 /* all fields of a frame up to its local variables */
#define PY_BEYOND 88	  /* and the first two of these */

/* A frame: what its offsets in struct pw_python say. */
struct py_frame {
	__u64 at; /* its address; 0: there is none */
	__u64 code;
	__u64 previous;
	__u64 instr;
};

/* What is known of a thread: its interpreter state, and where it is in _do_get. Written by the thread itself only. */
struct pw_python_thread {
	__u64 ts; /* address of its thread state; 0: not found yet */
	__u64 began;  /* pw_python.began that all this belongs to */
	__u64 record; /* poolwatch_thread.head.id; 0: not found yet */
	__u64 pool; /* address */
	__u64 since;
	__u64 site;
	__u32 request;
	__u32 full;
	__u32 state; /* enum pw_py_state */
	__u32 ahead; /* bytes to read at once at its next hit; 0: PY_WINDOW_HIT */
	/* Room that the BPF stack has not. */
	__u64 window_at; /* address that window[] is a copy of */
	__u32 window_len;
	__u32 reach;	 /* bytes to read at once: PY_WINDOW_HIT or PY_WINDOW */
	__u64 kept;	 /* its last stack in pw_python_stacks */
	struct py_frame frame[3]; /* of the hit, innermost first */
	__u8 window[PY_WINDOW];
	struct pw_python_stack stack;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct pw_python_thread);
} pw_python_threads SEC(".maps");

static __always_inline __u64 py__read(__u64 addr)
{
	__u64 v = 0;

	if (bpf_probe_read_user(&v, sizeof(v), (void *)addr))
		return 0;
	return v;
}

/* The part of a thread state with the fields looked at. */
#define PY_TS_FROM 0x30
#define PY_TS_WORDS 16

/* The current frame of the calling thread, or 0: it runs no Python, or holds no interpreter lock. */
static __always_inline __u64 py__frame(const struct pw_python *py, struct pw_python_thread *t)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 raw[PY_TS_WORDS], frame;

	/* Who holds the lock is found in the runtime; a state once found stays the thread's until it is freed. */
	for (int i = 0; i < 2; i++) {
		if (t->ts && !bpf_probe_read_user(raw, sizeof(raw), (void *)(t->ts + PY_TS_FROM)) &&
		    raw[(__u32)(py->ts_thread - PY_TS_FROM) / 8 & (PY_TS_WORDS - 1)] == task->thread.fsbase)
			break;
		t->ts = 0;
		if (i)
			return 0;
		t->ts = py__read(py->holder);
		if (t->ts && py->holder_then != PW_PYTHON_NONE)
			t->ts = py__read(t->ts + py->holder_then);
	}
	frame = raw[(__u32)(py->ts_frame - PY_TS_FROM) / 8 & (PY_TS_WORDS - 1)];
	if (frame && py->cframe_frame != PW_PYTHON_NONE)
		frame = py__read(frame + py->cframe_frame);
	return frame;
}

/* Not static, as others below: such a function the verifier looks at once, not at every call. */
__noinline long py__fill_window(struct pw_python_thread *t, __u64 at)
{
	__u64 from;
	__u32 n;

	if (!t)
		return -1;
	from = at + PY_BEYOND - t->reach;
	if (from < (at & ~4095ull))
		from = at & ~4095ull;
	n = at + PY_BEYOND - from;
	if (n > PY_WINDOW)
		return -1;
	t->window_at = from;
	t->window_len = n;
	if (!bpf_probe_read_user(t->window, n, (void *)from))
		return at - from;
	/* The last frame of a chunk may have no local variables. */
	t->window_at = at;
	t->window_len = PY_FRAME_BYTES;
	if (!bpf_probe_read_user(t->window, PY_FRAME_BYTES, (void *)at))
		return 0;
	t->window_len = 0;
	return -1;
}

/* Where in the window the @len bytes from @at on are, put there if need be. Return: an offset, or -1. */
static __always_inline long py__window(struct pw_python_thread *t, __u64 at, __u32 len)
{
	if (at >= t->window_at && at - t->window_at + len <= t->window_len)
		return at - t->window_at;
	return py__fill_window(t, at);
}

__noinline int py__load(const struct pw_python *py, struct pw_python_thread *t, __u64 at, struct py_frame *f)
{
	long off;
	__u64 *raw;

	if (!py || !t || !f)
		return -1;
	f->at = 0;
	if (!at || at & 7)
		return -1;
	off = py__window(t, at, PY_FRAME_BYTES);
	if (off < 0 || off > PY_WINDOW - PY_FRAME_BYTES)
		return -1;
	raw = (__u64 *)(t->window + off);
	/* Two layouts are known. */
	if (py->frame_code) {
		f->code = raw[PW_PYTHON_311_CODE / 8];
		f->previous = raw[PW_PYTHON_311_PREVIOUS / 8];
	} else {
		f->code = raw[PW_PYTHON_312_CODE / 8];
		f->previous = raw[PW_PYTHON_312_PREVIOUS / 8];
		/* An entry from C runs no Python code. */
		if ((raw[PW_PYTHON_312_OWNER / 8] >> (PW_PYTHON_312_OWNER % 8 * 8) & 0xff) == PW_PYTHON_OWNER_C)
			f->code = 0;
	}
	f->instr = raw[PW_PYTHON_INSTR / 8];
	f->at = at;
	return 0;
}

/* The frame at @at, or the next one out that runs Python code: between them lie entries of the interpreter from C. */
static __always_inline int py__python_frame(const struct pw_python *py, struct pw_python_thread *t, __u64 at, struct py_frame *f)
{
	if (py__load(py, t, at, f))
		return -1;
	return f->code ? 0 : py__load(py, t, f->previous, f);
}

static __always_inline __u64 py__variable(const struct pw_python *py, struct pw_python_thread *t, const struct py_frame *f, __u32 n)
{
	__u64 at = f->at + py->frame_locals + 8 * n;

	__u64 off = at - t->window_at;

	if (at >= t->window_at && off + 8 <= t->window_len && off <= PY_WINDOW - 8)
		return *(__u64 *)(t->window + off);
	return py__read(at);
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

__noinline __u32 py__judge_code(const struct pw_python *py, __u64 filename, __u64 qualname)
{
	if (!py)
		return PW_PY_OTHER;
	if (PY_ENDS(py, filename, "/threading.py")) {
		if (PY_IS(py, qualname, "Condition.__exit__"))
			return PW_PY_COND_EXIT;
		if (PY_IS(py, qualname, "Condition.wait"))
			return PW_PY_COND_WAIT;
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

/* What the code object @code is, by its names. What matters lives as long as its module: remember where it is. */
__noinline __u32 py__learn_code(struct pw_python *py, __u32 tgid, __u64 code)
{
	struct pw_python_code_key key = { .code = code, .tgid = tgid };
	struct pw_python_verdict *known, v;
	__u32 what;

	if (!py || bpf_probe_read_user(v.names, sizeof(v.names), (void *)(code + py->code_names)))
		return PW_PY_OTHER;
	known = bpf_map_lookup_elem(&pw_python_codes, &key);
	if (known && known->names[0] == v.names[0] && known->names[2] == v.names[2])
		return known->code;
	what = py__judge_code(py, v.names[0], v.names[2]);
	v.code = what;
	bpf_map_update_elem(&pw_python_codes, &key, &v, BPF_ANY);
	/* An index that is a constant each time: the verifier of Linux 6.1 does not follow one that is compared and then scaled. */
#pragma unroll
	for (__u32 i = PW_PY_OTHER + 1; i < PW_PY_CODES; i++)
		if (what == i)
			*(volatile __u64 *)&py->known[i] = code;
	return what;
}

/* Is this the function @what? */
static __always_inline bool py__is(struct pw_python *py, __u32 tgid, __u64 code, __u32 what)
{
	if (py->known[what])
		return py->known[what] == code;
	return py__learn_code(py, tgid, code) == what;
}

/* Which of the functions that give up a Lock it is, if any. */
static __always_inline __u32 py__lock_giver(struct pw_python *py, __u32 tgid, __u64 code)
{
	if (code == py->known[PW_PY_INC])
		return PW_PY_INC;
	if (code == py->known[PW_PY_DEC])
		return PW_PY_DEC;
	if (py->known[PW_PY_INC] && py->known[PW_PY_DEC])
		return PW_PY_OTHER;
	return py__learn_code(py, tgid, code);
}

/* Which of the functions that post when they give up a lock it is, if any. */
static __always_inline __u32 py__giver(struct pw_python *py, __u32 tgid, __u64 code)
{
	if (code == py->known[PW_PY_COND_EXIT])
		return PW_PY_COND_EXIT;
	if (code == py->known[PW_PY_COND_WAIT])
		return PW_PY_COND_WAIT;
	if (!py->lock_exit && (code == py->known[PW_PY_INC] || code == py->known[PW_PY_DEC]))
		return code == py->known[PW_PY_INC] ? PW_PY_INC : PW_PY_DEC;
	if (py->known[PW_PY_COND_EXIT] && py->known[PW_PY_COND_WAIT] &&
	    (py->lock_exit || (py->known[PW_PY_INC] && py->known[PW_PY_DEC])))
		return PW_PY_OTHER;
	return py__learn_code(py, tgid, code);
}

/* Capture the stack from the frame at @at on. Return: its site, or 0. */
__noinline __u64 py__capture(struct pw_python *py, struct pw_python_thread *t, __u32 tgid, __u64 at)
{
	__u64 hash = tgid;
	struct py_frame f;

	if (!py || !t)
		return 0;
	t->stack.tgid = tgid;
	t->stack.n = 0;
	for (__u32 i = 0; i < PW_PYTHON_FRAMES; i++) {
		if (py__python_frame(py, t, at, &f))
			break;
		t->stack.frame[i].code = f.code;
		t->stack.frame[i].instr = f.instr;
		t->stack.n = i + 1;
		hash = (hash ^ f.code) * 0x9e3779b97f4a7c15ull;
		hash = (hash ^ hash >> 29 ^ f.instr) * 0xbf58476d1ce4e5b9ull;
		at = f.previous;
	}
	if (!t->stack.n)
		return 0;
	return hash | PW_PYTHON_SITE;
}

/*
 * The same, kept for the loader under its site. The map is written here, where @t is known to be of a map: what was given to a
 * function of its own is no value to the verifier of Linux 6.1.
 */
static __always_inline __u64 py__site(struct pw_python *py, struct pw_python_thread *t, __u32 tgid, __u64 at)
{
	__u64 site;

	t->reach = PY_WINDOW;
	site = py__capture(py, t, tgid, at);
	if (!site || site == t->kept)
		return site;
	if (!bpf_map_lookup_elem(&pw_python_stacks, &site) &&
	    bpf_map_update_elem(&pw_python_stacks, &site, &t->stack, BPF_NOEXIST) == -E2BIG)
		count_loss(POOLWATCH_LOST_STACKS);
	t->kept = site;
	return site;
}

#endif
