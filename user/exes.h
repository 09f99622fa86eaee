/* SPDX-License-Identifier: GPL-2.0 */
/* "-x EXE": all processes of some executables, those that run and those that come, into a watch. */
#ifndef POOLWATCH_EXES_H
#define POOLWATCH_EXES_H

#include "strlist.h"
#include "watch.h"

struct exes;

/*
 * exes__new - @patterns stays the caller's. @events: of procs_events__open(), which takes CAP_NET_ADMIN, and is closed in the end
 * whatever happens; negative: look every second. @notice: one line for the user, may be NULL. Return: 0 or -errno.
 */
int exes__new(const struct strlist *patterns, int events, struct watch *w, void (*notice)(void *ctx, const char *line), void *ctx,
	      struct exes **out);
void exes__free(struct exes *x);

/* Polls readable when there is something to do before the timeout; -1: there is none. */
int exes__fd(const struct exes *x);
int exes__timeout_ms(const struct exes *x);
/* Do what is due: never blocks. Return: 0 or -errno. */
int exes__step(struct exes *x);

#endif
