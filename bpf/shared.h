/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the BPF programs and user/ agree on beyond the ABI of the ledger (kmod/uapi/linux/poolwatch.h): compiled
 * expressions, probes, and the private records that carry stacks to the loader. Nothing here reaches the device.
 */
#ifndef POOLWATCH_SHARED_H
#define POOLWATCH_SHARED_H

#include "../kmod/uapi/linux/poolwatch.h"
#include "stacks.h"

#define PW_ARGS 6	  /* arg0..arg5 */
#define PW_EXPR_OPS 16	  /* operations of one expression */
#define PW_EXPR_DEPTH 4	  /* values on its stack */
#define PW_MAX_DEFS 64
#define PW_MAX_PROBES 2048 /* one probed function of one definition in one target */

/*
 * An expression is a program for a stack of PW_EXPR_DEPTH 64-bit values. Reads that fault make the whole expression
 * fail. Comparisons are signed and give 0 or 1; a division by 0 fails. / is signed and cuts towards 0,
 * >> is arithmetic, shift counts are taken modulo 64; sums, products and -2^63/-1 wrap.
 */
enum pw_op_code {
	PW_OP_END, /* the value on top is the result */
	PW_OP_IMM, /* push imm */
	PW_OP_ARG, /* push argument number imm, as at entry */
	PW_OP_RET, /* push the return value */
	PW_OP_KEY, /* push the pool's key */
	PW_OP_U8,  /* PW_OP_U8..PW_OP_S64: replace the top, an address, by what is in the target's memory there */
	PW_OP_U16,
	PW_OP_U32,
	PW_OP_U64,
	PW_OP_S8,
	PW_OP_S16,
	PW_OP_S32,
	PW_OP_S64,
	PW_OP_CAST_U8, /* PW_OP_CAST_U8..PW_OP_CAST_S32: truncate and extend the top */
	PW_OP_CAST_U16,
	PW_OP_CAST_U32,
	PW_OP_CAST_S8,
	PW_OP_CAST_S16,
	PW_OP_CAST_S32,
	PW_OP_ADD, /* PW_OP_ADD..PW_OP_GE: pop b, pop a, push a op b */
	PW_OP_SUB,
	PW_OP_MUL,
	PW_OP_DIV,
	PW_OP_AND,
	PW_OP_OR,
	PW_OP_SHL,
	PW_OP_SHR,
	PW_OP_EQ,
	PW_OP_NE,
	PW_OP_LT,
	PW_OP_LE,
	PW_OP_GT,
	PW_OP_GE,
	PW_OP_CODES,
};

struct pw_op {
	__s64 imm;
	__u32 code; /* enum pw_op_code */
	__u32 pad;
};

/* The usual shapes, which the BPF programs compute without the stack. PW_SHAPE_OPS says: run ops[]. */
enum pw_shape {
	PW_SHAPE_NONE,	      /* not given */
	PW_SHAPE_IMM,	      /* imm */
	PW_SHAPE_ARG,	      /* arg[arg] */
	PW_SHAPE_RET,	      /* ret */
	PW_SHAPE_KEY,	      /* key */
	PW_SHAPE_RET_S32_EQ0, /* s32(ret)==0 */
	PW_SHAPE_RET_NE0,     /* ret!=0 */
	PW_SHAPE_RET_U8,      /* ret&0xff */
	PW_SHAPE_READ_ARG,    /* u64[arg+imm] of argument arg */
	PW_SHAPE_READ_KEY32,  /* u32[key+imm] */
	PW_SHAPE_OPS,
};

struct pw_expr {
	__u8 shape; /* enum pw_shape */
	__u8 arg;
	__u8 nops; /* of ops, without the PW_OP_END */
	__u8 uses; /* PW_USES_* */
	__u32 pad;
	__s64 imm;
	struct pw_op ops[PW_EXPR_OPS];
};
#define PW_USES_ARGS (1u << 0)
#define PW_USES_RET (1u << 1)
#define PW_USES_KEY (1u << 2)
#define PW_USES_MEM (1u << 3)

enum pw_probe_kind {
	PW_ACQUIRE,    /* entry: request; return: grant if ok */
	PW_RELEASE,    /* entry: units given back */
	PW_INVALIDATE, /* entry: a unit is destroyed, its holder is free of it */
	PW_CREATE,     /* return: a pool is new */
	PW_RESIZE,     /* entry: capacity changes */
	PW_DESTROY,    /* entry: a pool is gone */
	PW_SCOPE,      /* entry: a unit is held; return: it is given back */
	PW_WAIT_ON,    /* entry: a request that takes no unit; return: it ended */
	PW_NEXT,       /* a worker asks for a task. Entry: its last one is done; return: it holds a unit while it does this one */
	PW_DONE,       /* entry: the worker's task is done, unless it is the task that called */
	PW_SUBMIT,     /* entry: the pool is given a task; return: who gave it may wait for it from now on */
	PW_DISOWN,     /* entry: a unit's holder is done with it, and whoever returns it does so for nobody */
	PW_KINDS,      /* of statements */
	PW_CATCH = PW_KINDS, /* entry: an exception was caught; calls whose stack is gone were left by it. Made by the plan */
};

/* pw_probe.flags */
#define PW_PROBE_GO (1u << 0)	    /* pw_go_enter, pw_go_leave: arguments in AX BX CX DI SI R8, goroutine in R14 */
#define PW_PROBE_RET_SITE (1u << 1) /* returns are caught at ret instructions: sp there is that of the entry */
#define PW_PROBE_KEY_AT_RET (1u << 2) /* the key can only be computed at return (PW_CREATE: key=ret) */
#define PW_PROBE_KEY_HELD (1u << 3) /* PW_WAIT_ON: key=held, the pool of this definition that the thread works for */
#define PW_PROBE_HIJACKED (1u << 5) /* at the entry probe the return address is the kernel's trampoline already */
#define PW_PROBE_REPEATS (1u << 6) /* the entry probe stands in a loop: one call may come by there again */
#define PW_PROBE_KNOWN (1u << 7)    /* PW_NEXT: of a pool that is known already, or of none; PW_SUBMIT: by its own worker, or of no account */
#define PW_PROBE_GAVE (1u << 8)	    /* PW_WAIT_ON: by a task that gave its own pool tasks, else it waits for something else */

/* Not every entry leaves a frame: returns without one are no loss. */
#define PW_PROBE_SOMETIMES (PW_PROBE_KEY_HELD | PW_PROBE_REPEATS | PW_PROBE_KNOWN)

/* One probed function of one definition. Read-only once the probes are attached. */
struct pw_probe {
	__u32 def;   /* slot in POOLWATCH_DEFS */
	__u32 def_flags;
	__u8 kind;   /* enum pw_probe_kind */
	__u8 arch;
	__u16 flags; /* PW_PROBE_* */
	__s32 sp_adjust; /* the stack pointer at function entry = the one at the entry probe + this */
	__u32 goid_offset; /* PW_PROBE_GO: of the goroutine number behind R14 */
	__u32 pad;
	__s64 def_capacity; /* stated as a number, else POOLWATCH_UNKNOWN */
	__u64 fold_from, fold_to; /* PW_PROBE_GO: the library's own code, in which no site is; equal: none */
	struct pw_expr key;
	struct pw_expr count;
	struct pw_expr ok;
	struct pw_expr resource;
	struct pw_expr capacity;
	struct pw_expr available;
};

/* The attach cookie: the process the probe is for (the kernel's pid filter leaks), and the probe's slot. */
#define PW_COOKIE(tgid, probe) ((__u64)(tgid) << 32 | (__u32)(probe))
#define PW_COOKIE_TGID(c) ((__u32)((c) >> 32))
#define PW_COOKIE_PROBE(c) ((__u32)(c))

/* General registers of a user thread on x86-64, by their DWARF numbers, so that an unwinder can take them as they are. */
enum pw_reg { PW_RAX, PW_RDX, PW_RCX, PW_RBX, PW_RSI, PW_RDI, PW_RBP, PW_RSP, PW_R8, PW_R9, PW_R10, PW_R11, PW_R12, PW_R13, PW_R14, PW_R15, PW_RIP, PW_REGS };

#define PW_STACK_MAX 16384

/* event.type of a record that only brings a stack to be learned: not an event, and not for the device. */
#define PW_EV_STACK 0x8000

/*
 * Return addresses of a thread, innermost first, that the kernel keeps for it while those functions run: on the stack, at slot[],
 * stands its trampoline instead. Some may be of calls that were left by longjmp.
 *
 * The trampoline begins the page that the kernel has mapped for its probes, [uprobes] in /proc/PID/maps. Where that is depends on
 * the machine (57 bits of addresses or 47) and on what the process had mapped there before, and of a process that is gone nobody
 * else can tell.
 */
#define PW_RETURNS 12
struct pw_returns {
	__u32 n;
	__u32 pad;
	__u64 trampoline; /* its address; 0: the process has none, and n is 0 */
	__u64 slot[PW_RETURNS];
	__u64 pc[PW_RETURNS];
};

/*
 * What a goroutine's record needs beside it, at the same slot. It is made when the goroutine is first seen, and given up when it
 * neither holds nor asks for anything, which may be another goroutine's doing (it returns a connection) or the loader's: nobody tells of the end of
 * a goroutine.
 *
 * @use: PW_USE_RUNS while a program of the goroutine's own is at work on the record, which nothing but that adds to;
 * PW_USE_GONE from when it was given up until the slot is taken again; and above these a number that each of those programs changes when it
 * begins. So who reads @use, with neither of the two set, sees that the record is empty, and then exchanges @use for the same with
 * PW_USE_GONE, may free the slot: nothing was added in between.
 */
struct pw_goroutine {
	__u64 use;
	__u64 g;	   /* address of its struct g */
	__u64 sp;	   /* of its innermost call in progress: where the return address lies, told from the stack's end */
	__u32 goid_offset; /* of its number in struct g */
	__u32 pad;
};
#define PW_USE_RUNS 1ull
#define PW_USE_GONE 2ull
#define PW_USE_STEP 4ull

/*
 * What the loader reads from its ring buffer: the event, and for some of them the registers, the returns and a slice of the user
 * stack, from regs[PW_RSP] on. Raw stacks hold the target's data: they are unwound at once and forgotten.
 */
struct pw_record {
	struct poolwatch_event event;
	__u64 stack_id;	  /* number that this stack is known by from now on, to be learned (stacks.h); 0: none */
	__u64 held_stack; /* nested and order: number of the stack that the hold was taken with; 0: not known */
	__u64 entry_sp;	  /* where the return address of the probed function lies */
	__u32 stack_len;  /* 0: this record ends here */
	__u32 pad;
	struct pw_returns returns;
	__u64 regs[PW_REGS];
	__u8 stack[]; /* stack_len bytes */
};

/* How another process finds a loader's tables: the map "pw_session_map" holds this. */
#define PW_SESSION_MAGIC 0x31776f6c6f6f70ull
struct pw_session {
	__u64 magic;
	__u32 abi_major;
	__u32 abi_minor;
	__u32 loader; /* process number */
	__u32 session; /* of the device, 0: none */
	__u32 map_id[POOLWATCH_TABLES];
	__u32 hits_map_id; /* per-CPU hits by probe */
	/* Whole stacks, 0 where none are kept (stacks.h): */
	__u32 stacks_map_id;
	__u32 taken_map_id;
	__u32 times_map_id;
};

/* What the task iterator writes of one thread. */
struct pw_registers {
	__u32 tid;
	__u32 tgid;
	__u64 state; /* 0: running, its registers are of no use */
	__u64 regs[PW_REGS];
	struct pw_returns returns;
};

/* Context of the program that binds a table to the device's session. */
struct pw_bind_args {
	__u32 session;
	__u32 table;
};

#endif /* POOLWATCH_SHARED_H */
