/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A pool over a semaphore, whose waiters sleep on a word at a known place: for cases in which somebody waits before
 * anybody looks, waits with a time limit, or leaves a wait in the middle. Orders:
 *
 *   asleep          two threads, two permits, like nest: told when both sleep        "formed TID TID"
 *   grant           two permits more                                                 "all ended"
 *   jump            the same, but one of them leaves its second request by siglongjmp, and waits elsewhere before the
 *                   other asks                                                       "formed TID TID", the jumper first
 *   land            the jumper goes on, and gives back its permit                    "all ended"
 */
#ifndef PERMITS_H
#define PERMITS_H

/* Return: 0; -1: not an order of these. */
int permits__obey(const char *order);

#endif
