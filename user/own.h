/* SPDX-License-Identifier: GPL-2.0 */
/* What this process itself uses. */
#ifndef POOLWATCH_OWN_H
#define POOLWATCH_OWN_H

#include <stdint.h>

struct own_use {
	uint64_t resident_bytes;
	double cpu_seconds;   /* user and system, threads and waited-for children included */
	double start_seconds; /* since the epoch */
};

/* 0 or -errno. */
int own__use(struct own_use *use);

#endif
