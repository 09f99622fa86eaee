/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From addresses and raw stacks to frames with names and lines. Built on elfutils; caches per process and per file, in
 * bounded memory. Target files are hostile input.
 */
#ifndef POOLWATCH_STACK_H
#define POOLWATCH_STACK_H

#include <stddef.h>
#include <stdint.h>
#include "finding.h"
#include "target.h"
#include "../bpf/shared.h"

#define STACK_MAX_FRAMES 64

struct stack_namer;

struct stack_options {
	const char *debug_dirs; /* colon-separated; NULL: /usr/lib/debug */
	int use_debuginfod;	/* off unless asked for */
	size_t max_bytes;	/* of all caches; 0: a default */
};

int stack__new(const struct stack_options *options, struct stack_namer **out);
void stack__free(struct stack_namer *n);
/*
 * Memory that it holds, about: what of it can be reckoned stays below max_bytes after each call, but for one program's.
 */
size_t stack__bytes(const struct stack_namer *n);

/*
 * Open what @t maps now: what was open before a process ended can be named after it, too. Best effort: files beyond the limits
 * are opened when they are needed.
 */
void stack__keep(struct stack_namer *n, const struct target *t);
/* The target mapped or unmapped something, or is another program now. */
void stack__forget(struct stack_namer *n, uint32_t pid);

/*
 * stack__name - the frames at @addr of the process: *@n of them (> 1 where functions were inlined), innermost first, at
 * least one, of which module and offset are the least that is said. @is_return: @addr is a return address, so the call
 * before it is meant. Return: 0 or -ENOMEM; *@out is an array to free with stack__free_frames.
 *
 * Without a symbol, offset is the link-time address in the module's file, as addr2line takes it; without a module (code
 * that no file is behind, and no perf map tells) both are NULL and 0. user_code: the module is the executable itself
 * (but not an interpreter), lies outside the system's library directories, or is a plug-in there (not called lib*), or
 * the code was generated and has a name in a perf map.
 */
void stack__free_frames(struct finding_frame *frames, size_t n);
int stack__name(struct stack_namer *s, const struct target *t, uint64_t addr, int is_return, struct finding_frame **out,
		size_t *n);

/* What is known of a thread at one moment. */
struct stack_sample {
	const uint64_t *regs; /* PW_REGS of them */
	uint32_t known;	      /* bit i: regs[i] is known. PW_RSP and PW_RIP must be */
	bool live;	      /* the thread stands still (it is blocked): memory beyond the copy may be read from it */
	const uint8_t *stack; /* a copy from regs[PW_RSP] on */
	size_t len;
	/*
	 * While a function's return is probed, its return address on the stack is the kernel's trampoline. What was
	 * there before, of all such calls that are in progress, innermost first (poolwatch_request.site); calls whose
	 * return is not replaced may be among them. Without it the unwinder ends at the first trampoline.
	 */
	const uint64_t *returns;
	const uint64_t *return_slots; /* where each of them stood; NULL: not known */
	size_t nreturns;
	uint64_t trampoline; /* its address; 0: where the process has [uprobes] mapped */
};
#define STACK_ALL_REGS ((1u << PW_REGS) - 1)

/*
 * stack__unwind_sample - addresses of the frames: .eh_frame and .debug_frame, then frame pointers
 * Return: number of addresses in @out (at least 1; @max is at least 1), the first is the pc, the others return
 * addresses; or -ENOMEM.
 */
int stack__unwind_sample(struct stack_namer *s, const struct target *t, const struct stack_sample *sample,
			 uint64_t *out, size_t max);

/*
 * stack__returns_to - are all the calls that return to @sites in progress? Of a sample with sample->returns.
 * Return: 1: they are, or that cannot be told; 0: the whole stack was seen, and one of them is not on it; -ENOMEM.
 */
int stack__returns_to(struct stack_namer *s, const struct target *t, const struct stack_sample *sample, const uint64_t *sites,
		      size_t n);

/*
 * stack__unwind_slots - as stack__unwind_sample, and where each return address lies: @slots[i] is the address that @out[i] was
 * read from, 0 if that is not known (and for the pc)
 */
int stack__unwind_slots(struct stack_namer *s, const struct target *t, const struct stack_sample *sample, uint64_t *out,
			uint64_t *slots, size_t max);

/* stack__name_path - the frames at @npc return addresses, innermost first. Return: 0 or -ENOMEM. */
int stack__name_path(struct stack_namer *s, const struct target *t, const uint64_t *pc, size_t npc, struct finding_frame **out,
		     size_t *n);

/*
 * stack__trace_sample - as stack__unwind_sample, named and marked; at most STACK_MAX_FRAMES and what is inlined in them. 0 or
 * -ENOMEM.
 */
int stack__trace_sample(struct stack_namer *s, const struct target *t, const struct stack_sample *sample,
			struct finding_frame **out, size_t *n);

/*
 * stack__of_thread - what a blocked thread of @t does, looked at from outside without stopping it
 * @regs: as a BPF task iterator copied them. NULL: stack pointer and pc are taken from /proc, and it ends at the first
 * function whose caller can be found only by another register.
 * Return: 0; -EBUSY: it runs (or did a moment later); -ESRCH: it is gone; -EACCES; -ENOMEM.
 */
int stack__of_thread(struct stack_namer *s, const struct target *t, uint32_t tid, const uint64_t *regs,
		     struct finding_frame **out, size_t *n);

/* stack__unwind - of a record (bpf/shared.h): all registers, a copy of the stack, no probed returns */
int stack__unwind(struct stack_namer *s, const struct target *t, const uint64_t regs[PW_REGS], const uint8_t *stack,
		  size_t len, int live, uint64_t *out, size_t max);

/* stack__trace - both: unwound, named. */
int stack__trace(struct stack_namer *s, const struct target *t, const uint64_t regs[PW_REGS], const uint8_t *stack,
		 size_t len, int live, struct finding_frame **out, size_t *n);

#endif
