/* SPDX-License-Identifier: GPL-2.0 */
/* The device's file operations, and what an open file owns. */
#ifndef POOLWATCH_CHARDEV_H
#define POOLWATCH_CHARDEV_H

#include <linux/mutex.h>
#include <linux/types.h>
#include "uapi/linux/poolwatch.h"

#define PW_BOUNCE 8192 /* bytes of an open file's bounce buffer: a few records of any table */

/* An open file. Who opened it is decided once, at open. */
struct pw_reader {
	u32 uid;     /* effective, of the opener, in the initial user namespace */
	bool all;    /* had CAP_SYS_PTRACE there: sees everybody's */
	u32 session; /* 0: opened for reading only */

	struct mutex lock; /* cursor, clear; held over the copy of one event to user memory, not while waiting */
	u64 cursor;	   /* sequence number of the event to read next */
	u64 clear;	   /* where SEEK_DATA goes */

	struct mutex bounce_lock; /* bounce; held over copies to user memory */
	u64 bounce[PW_BOUNCE / sizeof(u64)];
};

/* May @r see a record or event that belongs to @uid? */
static inline bool pw_visible(const struct pw_reader *r, u32 uid)
{
	return r->all || uid == r->uid || uid == POOLWATCH_UID_ALL;
}

int pw_chardev_init(void);
void pw_chardev_exit(void);

#endif
