/* SPDX-License-Identifier: GPL-2.0 */
/* POOLWATCH_IOC_SNAPSHOT: records of a live table, copied to a reader. */
#ifndef POOLWATCH_SNAPSHOT_H
#define POOLWATCH_SNAPSHOT_H

#include <linux/types.h>

struct poolwatch_snapshot;
struct pw_reader;

/* Size of a record of @table (< POOLWATCH_TABLES), bytes. */
size_t pw_record_size(u32 table);

int pw_snapshot(struct pw_reader *r, struct poolwatch_snapshot __user *arg);

#endif
