/* SPDX-License-Identifier: GPL-2.0 */
/* What the running kernel does with user probes, by its version: every such difference is here, with where it begins. */
#ifndef POOLWATCH_PLACE_KERNEL_H
#define POOLWATCH_PLACE_KERNEL_H

#include <stdbool.h>

#define PLACE_KERNEL(a, b, c) ((a) << 16 | (b) << 8 | ((c) > 255 ? 255 : (c)))

/* Of the running kernel, PLACE_KERNEL(6, 12, 95); 0 if it cannot be told. */
unsigned int place_kernel__version(void);
/* For tests: as if another kernel ran. 0: the running one again. */
void place_kernel__pretend(unsigned int version);

/* Does a seccomp filter leave uretprobes alone: they are no system call here, or one that filters never see? */
bool place_kernel__uretprobe_seccomp_safe(void);

/* Are the long nops of compilers (0f 1f /0) emulated? */
bool place_kernel__emulates_long_nops(void);

#endif
