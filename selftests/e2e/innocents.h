/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Threads that do nothing wrong: they wait for one another, try, time out, hand on, come and go, in pools of the same
 * kinds as those of the cases. Whatever is said of them is wrong.
 */
#ifndef INNOCENTS_H
#define INNOCENTS_H

/* @n that take and try, and as many others as there are ways of using a semaphore; 0: none. They never end. */
void start_innocents(int n);

#endif
