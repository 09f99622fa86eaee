/* SPDX-License-Identifier: GPL-2.0 */
/* Pools of a program's own: functions with an address of their own, for probes to be placed on. */
#ifndef SLOTS_H
#define SLOTS_H

#include <pthread.h>
#include <stdbool.h>

struct slots {
	int capacity;
	int left;
	pthread_mutex_t lock;
	pthread_cond_t back;
	bool expired;
};

/* Shared between processes if @pshared. */
void slots_init(struct slots *p, int capacity, int pshared);
int slots_take(struct slots *p);
int slots_try(struct slots *p);
/* With a time limit, which passes when slots_expire says so. */
int slots_timed(struct slots *p);
void slots_expire(struct slots *p);
void slots_put(struct slots *p);
void slots_resize(struct slots *p, int capacity);
/* Units with handles. */
void *conn_get(struct slots *p);
void conn_put(struct slots *p, void *conn);

#define FUNCTION       __attribute__((noinline, noclone))
#define NOT_THE_LAST() __asm__ volatile("" ::: "memory") /* no tail call: the caller is a site */

#endif
