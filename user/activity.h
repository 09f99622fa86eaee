/* SPDX-License-Identifier: GPL-2.0 */
/* What a thread does now, in words. Pure: looking is target__activity's work. */
#ifndef POOLWATCH_ACTIVITY_H
#define POOLWATCH_ACTIVITY_H

#include <stddef.h>
#include "target.h"

/* The name of a system call of this machine, or NULL. */
const char *activity__syscall(long number);

/* "running", "sleeping in futex(0x55d0c0de) at futex_wait_queue", "waiting for disk in read(7)". As snprintf. */
size_t activity__text(char *buf, size_t size, const struct target_activity *a);

#endif
