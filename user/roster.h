/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who is to be watched: the processes that the configuration means, each with what became of it, and when to try again.
 * A program that has just started has not mapped its libraries yet, and may map more at any time (dlopen): a process in
 * which there was nothing to watch is tried again, soon at first, then ever more rarely.
 */
#ifndef POOLWATCH_ROSTER_H
#define POOLWATCH_ROSTER_H

#include "procs.h"

struct roster;

enum roster_state {
	ROSTER_OTHER,	/* not meant */
	ROSTER_TRYING,	/* meant, nothing to watch in it yet */
	ROSTER_WATCHED,
	ROSTER_REFUSED, /* cannot be watched: not tried again before it becomes another program */
};

struct roster_ops {
	/* The group that @f belongs to, or -1: not meant. */
	int (*match)(void *ctx, const struct procs_facts *f);
	/* 0 or -EEXIST: watched; -ENOENT: nothing to watch in it yet; -EAGAIN: not at this moment; -errno: never will. */
	int (*add)(void *ctx, int group, uint32_t pid);
	void (*remove)(void *ctx, int group, uint32_t pid);
};

int roster__new(const struct roster_ops *ops, void *ctx, struct roster **out);
void roster__free(struct roster *r);

/* Look at all processes: new ones, those that changed, those that ended. @now: CLOCK_MONOTONIC ns. 0 or -errno. */
int roster__scan(struct roster *r, uint64_t now);
/* Look at one that changed. */
int roster__look(struct roster *r, uint32_t pid, uint64_t now);
/* The watch of a process ended: it did, or it became another program. */
void roster__gone(struct roster *r, uint32_t pid);
/* Groups mean other processes now: match all again, keep what stays in its group. groups[old] is the new number, -1: none. */
int roster__regroup(struct roster *r, const int *groups, size_t n, uint64_t now);

/* Try again those whose time has come. */
void roster__step(struct roster *r, uint64_t now);
/* When the next one's time comes; UINT64_MAX: never. */
uint64_t roster__deadline(const struct roster *r);

size_t roster__count(const struct roster *r, enum roster_state state);
/* Its start, in clock ticks since boot; 0: not known here. */
uint64_t roster__start(const struct roster *r, uint32_t pid);

#endif
