/* SPDX-License-Identifier: GPL-2.0 */
/* Go: which goroutine runs, and where it went into a library. */
#ifndef POOLWATCH_GO_BPF_H
#define POOLWATCH_GO_BPF_H

#include "emit.bpf.h"

/* Of the struct g that R14 points to, in every Go that passes arguments in registers: its stack's end. */
#define GO_STACK_HI 8

/*
 * The goroutine of the struct g at @g, and in *@base where its stack ends: stacks move, and what is told from there does not.
 * Return: its number; 0: none runs (the scheduler does), or it could not be read (counted).
 */
static __always_inline __u64 go__goroutine(__u64 g, __u32 goid_offset, __u64 *base)
{
	__u64 goroutine = 0;

	if (bpf_probe_read_user(&goroutine, sizeof(goroutine), (void *)(g + goid_offset)) ||
	    bpf_probe_read_user(base, sizeof(*base), (void *)(g + GO_STACK_HI))) {
		count_loss(POOLWATCH_LOST_READS);
		return 0;
	}
	return goroutine;
}

/* The way out of the code of a package. */
struct pw_way {
	__u64 from, to; /* that code; equal: none */
	__u64 sp;	/* at a function's entry: where its return address lies */
	__u64 frame;	/* pointer of its caller's frame, which Go's functions always have */
	__u64 site;	/* out: where the package was called from; where that is not found, the function */
};

/* go__way_out - fill in @w->site. Return: 0; -1: the stack could not be read. */
extern int go__way_out(struct pw_way *w);
/*
 * goroutine__end - the program that began with the goroutine's record ends
 * Of a goroutine that holds and asks for nothing nothing is kept, be it this one or the one whose unit it returned. Return: 0.
 */
extern int goroutine__end(__u32 thread);

#endif /* POOLWATCH_GO_BPF_H */
