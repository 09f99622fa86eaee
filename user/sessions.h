/* SPDX-License-Identifier: GPL-2.0 */
/* The sessions that a view shows, each with its last two snapshots and the rows made from them. */
#ifndef POOLWATCH_SESSIONS_H
#define POOLWATCH_SESSIONS_H

#include <stdbool.h>
#include "source.h"
#include "views.h"

struct session {
	struct source *source;
	bool borrowed;	    /* the source is not closed with the session */
	bool gone;	    /* it ended; the last rows stay */
	unsigned int looks; /* snapshots so far */
	struct ledger now, before;
	struct views views;
};

struct sessions {
	struct session **s; /* rows point into them: they stay where they are */
	size_t n;
	bool fixed; /* no others are looked for */
};

#define SESSIONS_WHY 240

/*
 * sessions__open - all that run and that this user can read. Return: 0, or -errno with what to do in @why: -ENOENT:
 * nothing is watched; -EACCES: not for this user.
 */
int sessions__open(struct sessions *all, char why[SESSIONS_WHY]);
/* Of one source, which stays the caller's. Return: 0 or -ENOMEM. */
int sessions__of(struct sessions *all, struct source *source);
void sessions__close(struct sessions *all);

/*
 * sessions__look - a new snapshot of each, and its rows. One that ended is marked as gone. Return: sessions that are
 * not gone, or -errno.
 */
int sessions__look(struct sessions *all, unsigned int tables, const struct views_options *o);

/* The rows again from the snapshots there are, after a change of options. Return: 0 or -ENOMEM. */
int sessions__remake(struct sessions *all, const struct views_options *o);

/* As if there had been no look. */
void sessions__forget(struct sessions *all);

/*
 * Find sessions that began since, and forget those that are gone if there are others. Return: sessions found new, or
 * -errno.
 */
int sessions__rescan(struct sessions *all);

#endif
