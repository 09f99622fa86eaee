// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <sys/utsname.h>
#include "place_kernel.h"

static unsigned int pretended;

unsigned int place_kernel__version(void)
{
	unsigned int a, b, c = 0;
	struct utsname u;

	if (pretended)
		return pretended;
	if (uname(&u) || sscanf(u.release, "%u.%u.%u", &a, &b, &c) < 2)
		return 0;
	return PLACE_KERNEL(a, b, c);
}

void place_kernel__pretend(unsigned int version)
{
	pretended = version;
}

/*
 * 6.11 made the trampoline a system call; "seccomp: passthrough uretprobe systemcall without filtering" came with 6.14 and went
 * into 6.12.y and 6.13.y early in 2025. 6.11.y ended without it. Distributions may have it elsewhere: not known is not safe.
 */
bool place_kernel__uretprobe_seccomp_safe(void)
{
	unsigned int v = place_kernel__version();

	if (!v)
		return false;
	if (v < PLACE_KERNEL(6, 11, 0) || v >= PLACE_KERNEL(6, 14, 0))
		return true;
	if (v >= PLACE_KERNEL(6, 13, 0))
		return v >= PLACE_KERNEL(6, 13, 5);
	return v >= PLACE_KERNEL(6, 12, 17);
}

/* "uprobes/x86: Add support to emulate nop instructions", 6.16. */
bool place_kernel__emulates_long_nops(void)
{
	return place_kernel__version() >= PLACE_KERNEL(6, 16, 0);
}
