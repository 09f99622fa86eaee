/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a ledger is read from: one face for the maps of a loader in this process, the maps of a loader elsewhere (root),
 * and /dev/poolwatch. Nobody above this line knows which.
 */
#ifndef POOLWATCH_SOURCE_H
#define POOLWATCH_SOURCE_H

#include "ledger.h"

struct source;

struct source_ops {
	const char *mode; /* "direct" or "device" */
	/* Copy the tables named in the bit set @tables into @l (reset first) and index it. 0, -ENOENT: gone, -errno. */
	int (*snapshot)(struct source *s, unsigned int tables, struct ledger *l);
	/* A descriptor that polls readable when next_event has something, or -EOPNOTSUPP (maps of another process). */
	int (*event_fd)(struct source *s);
	/* The next event: 1 and *@e, 0: none now, -EPIPE: *@missed were lost, -errno. */
	int (*next_event)(struct source *s, struct poolwatch_event *e, uint64_t *missed);
	void (*close)(struct source *s);
};

struct source {
	const struct source_ops *ops;
	uint32_t session;    /* number, or the loader's process number in direct mode */
	uint32_t loader_pid; /* 0: not known */
};

#define SOURCE_ALL_TABLES ((1u << POOLWATCH_TABLES) - 1)

/*
 * source__list - the sessions on this machine that this user can read: those of the device if it can be opened, else those
 * whose maps can. *@out: array of *@n open sources, to be closed each and freed. -ENOENT: none runs; -EACCES: some may,
 * but neither way is open to this user.
 */
int source__list(struct source ***out, size_t *n);

static inline void source__close(struct source *s)
{
	if (s)
		s->ops->close(s);
}

#endif
