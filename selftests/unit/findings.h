/* SPDX-License-Identifier: GPL-2.0 */
/* Findings written by hand, for the tests of what prints them. Static memory: not to be cleared. */
#ifndef POOLWATCH_TEST_FINDINGS_H
#define POOLWATCH_TEST_FINDINGS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "finding.h"

#define FRAME(sym, off, mod, src, ln, mine) \
	{ \
		.address = 0x401000 + (ln), .symbol = sym, .offset = off, .module = mod, .file = src, .line = ln, \
		.user_code = mine \
	}

static struct finding_frame fetch_stack[] = {
	{ .address = 0x7f0000001234, .symbol = "futex_wait", .offset = 0x12, .module = "libc.so.6" },
	{ .address = 0x7f0000001300, .symbol = "sem_wait", .offset = 0x44, .module = "libc.so.6" },
	FRAME("fetch_rows", 0x20, "api", "api.c", 40, true),
	FRAME("handle", 0x30, "api", "api.c", 55, true),
	{ .address = 0x7f0000009000, .symbol = "start_thread", .offset = 0x2f0, .module = "libc.so.6" },
};

static struct finding_hold fetch_holds[4][1];
static struct finding_thread fetch_threads[4];

/* Four threads of a pool of four, each at the same lines; numbers 4243 to 4246. DESIGN.md's example. */
__attribute__((unused)) static struct finding four_deadlocked(void)
{
	struct finding f = {
		.kind = FINDING_DEADLOCK,
		.event = FINDING_NEW,
		.severity = FINDING_CRITICAL,
		.realtime_ns = 1767323045678901234ull,
		.id = 7,
		.count = 1,
		.pool = 0x100000003,
		.pool_name = "sem",
		.key = 0x55d0c0de,
		.capacity = 4,
		.in_use = 4,
		.waiters = 4,
		.pid = 4242,
		.comm = "api",
		.exe = "/usr/bin/api",
		.threads = fetch_threads,
		.nthreads = 4,
		.depth = 2,
		.nesting_threads = 4,
		.needed_capacity = 5,
		.safe_threads = 3,
		.margin = -1,
		.proof = "reduction",
		.explanation = "4 threads hold all 4 units of sem and each asks for one more: none can go on.",
	};

	for (unsigned int i = 0; i < 4; i++) {
		fetch_holds[i][0] = (struct finding_hold){
			.pool = f.pool,
			.pool_name = "sem",
			.key = f.key,
			.units = 1,
			.for_ms = 812 + i,
			.site = FRAME("fetch", 18, "api", "api.c", 31, true),
		};
		fetch_threads[i] = (struct finding_thread){
			.tid = 4243 + i,
			.pid = 4242,
			.holds = fetch_holds[i],
			.nholds = 1,
			.requesting = true,
			.request = { .pool = f.pool,
				     .pool_name = "sem",
				     .key = f.key,
				     .units = 1,
				     .for_ms = 640,
				     .site = FRAME("fetch_rows", 0x20, "api", "api.c", 40, true) },
			.stack = fetch_stack,
			.nstack = 5,
		};
		snprintf(fetch_threads[i].comm, sizeof(fetch_threads[i].comm), "worker-%u", i + 1);
	}
	return f;
}

#endif
