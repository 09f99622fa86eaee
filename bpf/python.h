/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CPython: what the loader tells the programs of an interpreter (user/python.c finds it out), and what they tell back.
 */
#ifndef POOLWATCH_PYTHON_H
#define POOLWATCH_PYTHON_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* The functions that matter, by what they are. */
enum pw_python_code {
	PW_PY_OTHER,
	PW_PY_COND_EXIT, /* threading: Condition.__exit__ */
	PW_PY_COND_WAIT,
	PW_PY_GET, /* sqlalchemy.util.queue: Queue.get */
	PW_PY_PUT,
	PW_PY_DO_GET, /* sqlalchemy.pool.impl: QueuePool._do_get */
	PW_PY_DO_RETURN,
	PW_PY_INC,
	PW_PY_DEC,
	PW_PY_CODES,
};

/* Offsets in a frame that a program must have as constants; user space refuses what has others. */
#define PW_PYTHON_311_CODE 0x20
#define PW_PYTHON_311_PREVIOUS 0x30
#define PW_PYTHON_312_CODE 0
#define PW_PYTHON_312_PREVIOUS 0x8
#define PW_PYTHON_312_OWNER 0x46
#define PW_PYTHON_INSTR 0x38

/*
 * One interpreter, by the slot of its probe. All offsets are of this interpreter's version; a field that the version does not have is
 * PW_PYTHON_NONE.
 */
#define PW_PYTHON_NONE 0xffff
struct pw_python {
	__u64 holder;	   /* address of the pointer to the thread state that holds the interpreter lock */
	__u32 holder_then; /* or, if not PW_PYTHON_NONE, of a pointer to the struct that has that pointer here */
	__u32 lock_exit;   /* is the end of a Lock seen where Lock.__exit__ begins (pw_py_unlock), and no post looked at for it? */
	__u32 def;	/* slot in POOLWATCH_DEFS */
	__u32 def_flags;
	__u64 began; /* the attach's number, from 1 on: what is remembered of an earlier one is void */
	__u64 none;  /* address of None */
	__u64 false_;
	__u16 ts_thread; /* in a thread state: pthread_self() of its thread */
	__u16 ts_frame;	 /* in a thread state: the current frame, or the struct that has it at cframe_frame */
	__u16 cframe_frame;
	__u16 frame_code;
	__u16 frame_previous;
	__u16 frame_instr;
	__u16 frame_owner; /* PW_PYTHON_NONE: all frames are Python's */
	__u16 frame_locals;
	__u16 code_names; /* co_filename, co_name, co_qualname in a row */
	__u16 str_length;
	__u16 str_ascii; /* text of an ASCII string */
	__u16 tuple_items;
	__u16 code_consts;
	__u16 exit_const; /* in "with ...: return X": from the instruction that calls __exit__ to the number of X among the constants */
	__u16 pad[2];
	__u64 known[PW_PY_CODES]; /* code objects met; 0: not yet. Written by the programs */
};

/* The owner of a frame that runs no Python code: an entry from C. */
#define PW_PYTHON_OWNER_C 3

/* A site of Python code is the number of a captured stack, which no user address can be. */
#define PW_PYTHON_SITE (1ull << 63)
#define PW_PYTHON_FRAMES 20 /* of a stack, innermost first */
#define PW_PYTHON_STACKS 4096

struct pw_python_frame {
	__u64 code;  /* address of the code object */
	__u64 instr; /* instruction that called the next frame */
};

struct pw_python_stack {
	__u32 tgid;
	__u32 n;
	struct pw_python_frame frame[PW_PYTHON_FRAMES];
};

#endif
