/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the cases have in common: a few threads that each do their first part, meet, and go on when all have. Nothing here
 * is timed: what is waited for is seen.
 */
#ifndef STAGE_H
#define STAGE_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#define STAGE_MAX 4

extern pthread_barrier_t met;
extern pthread_t thread[STAGE_MAX];
extern pid_t tid[STAGE_MAX];
extern int nthreads;

/* @n threads of @run, which gets its number; until all have said that they have begun. */
void start(int n, void *(*run)(void *));
void begun(int i);
/* "formed TID TID" */
void formed(void);
/* Join them, and say so. */
void ended(const char *answer);
/* Until thread @i sleeps on a futex in the @size bytes at @at. */
void until_asleep(int i, const void *at, size_t size);

#endif
