/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whole stacks of what is held (--stacks=all), between the BPF programs and the loader.
 *
 * The kernel cannot unwind code without frame pointers, but it can recognise a stack that was unwound before. A request whose stack
 * is not known is sent to the loader as it is, once; the loader unwinds it and answers with a *path*: the return addresses, and
 * where on the stack each lies, counted from the one of the probed function. From then on the program reads these words: if all are
 * what the path says, it is that stack. The first that differs tells where another caller took another way; a path of its own may
 * continue there. So paths are a tree, whose branches are the return addresses that were found.
 *
 * Why this is exact: a function's frame has one size at one return address (but for alloca and the like), so equal addresses up to one
 * place say where the next one lies. What differs there is a return address again.
 */
#ifndef POOLWATCH_STACKS_H
#define POOLWATCH_STACKS_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* Numbers of stacks have this bit set, which no user address has, nor a site of Python code. */
#define PW_STACK_ID (1ull << 62)
#define PW_STACK_FRAMES 64 /* of a stack, innermost first; what is further out is cut off */
#define PW_STACKS 4096	   /* and paths: what does not fit is counted */

/* A stack by its number: return addresses, the first that of the acquire. Written by the loader. */
struct pw_stack {
	__u32 tgid;
	__u32 n;
	__u64 pc[PW_STACK_FRAMES];
};

/* Where a path begins: with the return address of the acquire (at 0, from: the process), or where another one is left. */
struct pw_path_key {
	__u64 from; /* number of the stack that is left */
	__u64 pc;   /* the return address found instead */
	__u32 at;   /* in the place of this one */
	__u32 pad;
};

struct pw_path {
	__u64 id; /* number of the stack */
	__u32 tgid;
	__u32 n;
	__u64 pc[PW_STACK_FRAMES];
	__u16 at[PW_STACK_FRAMES]; /* words from the return address of the acquire to this one */
};

/* When a stack of this site was last sent; forgotten with the answer. */
struct pw_asked_key {
	__u64 tgid;
	__u64 site;
};

struct pw_asked {
	__u64 last; /* ns */
	__u64 wait; /* until it is sent again: no answer came, or none that can be used */
};

/*
 * Time held, by place: the number of the request's stack, or its site where the stack is not known. Of each unit, its release less
 * its grant; so a grant subtracts the time of day and a release adds it, and what is held now counts as if it were given back now:
 * pw_held_ticks. All is taken modulo 2^64.
 */
struct pw_held_key {
	__u64 place;
	__u64 pool; /* head.id; 0: all pools of the definition that are gone */
	__u32 tgid;
	__u32 def;
};

struct pw_held_time {
	__u64 ticks;
	__u64 units; /* held now */
};

#define PW_HELD_TIMES 8192
#define PW_TICK_SHIFT 8 /* a tick is 256 ns */
/* Added to every time of day, so that a sum of which one half was read before a change and the other after it shows. */
#define PW_TICK_OFFSET (1ull << 56)
#define PW_TICKS(ns) (((ns) >> PW_TICK_SHIFT) + PW_TICK_OFFSET)

static inline __u64 pw_held_ticks(__u64 ticks, __u64 units, __u64 now)
{
	__u64 sum = ticks + now * units;
	__u64 torn = (sum + PW_TICK_OFFSET / 2) / PW_TICK_OFFSET;

	sum -= now * torn;
	return (__s64)sum < 0 ? 0 : sum;
}

/* What the units of one hold were taken with, the last one on top: bare counts are given back in this order. */
#define PW_TAKEN 4
struct pw_taken {
	__u64 place[PW_TAKEN]; /* [0] stays that of the hold as long as it has units */
	__u32 units[PW_TAKEN];
	__u32 n;
	__u32 booked; /* bits: which are in pw_held_times */
	__u32 over;   /* units for which there was no room */
	__u32 pad;
};

#endif
