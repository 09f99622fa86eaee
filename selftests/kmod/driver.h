/* SPDX-License-Identifier: GPL-2.0 */
/* Between driver.bpf.c and the tests. */
#ifndef DRIVER_H
#define DRIVER_H

#define DRIVER_SLOTS 100    /* of each table */
#define DRIVER_MAP_LOCK 100 /* driver_bind.map beyond enum poolwatch_table: an array whose values hold a lock */
#define DRIVER_MAP_HASH 101 /* not an array; values are pools */
#define DRIVER_ENOSYS 38

struct driver_bind {
	__u32 session;
	__u32 table;
	__u32 map;
};

struct driver_emit {
	__u32 session;
	__u32 size;
};

struct driver_many {
	__u64 first;
	__u32 count;
	__u32 pad;
};

/* An event, and room for what is too long to be one. */
struct driver_event {
	struct poolwatch_event event;
	__u64 beyond[4];
};

#endif
