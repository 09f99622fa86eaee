/* SPDX-License-Identifier: GPL-2.0 */
/* Waiting, for the batch as for the screen. Private to top_*.c. */
#ifndef POOLWATCH_TOP_LOOP_H
#define POOLWATCH_TOP_LOOP_H

#include "top_model.h"

/* From begin to end, SIGINT, SIGTERM and SIGHUP end the waiting instead of the program. */
void top_loop__begin(void);
void top_loop__end(void);
/* Step the pump until CLOCK_MONOTONIC ns @until. Return: 0; -EINTR: the end was asked for; -errno of the pump. */
int top_loop__sleep(struct top *t, uint64_t until);

#endif
