/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Long work says on a terminal how far it is. Nothing is shown of work that takes under a second, or when stderr is
 * no terminal.
 */
#ifndef POOLWATCH_PROGRESS_H
#define POOLWATCH_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	const char *what;
	size_t total;		 /* 0: not known */
	uint64_t started, shown; /* ns */
	bool tty, visible;
};

void progress__begin(struct progress *p, const char *what, size_t total);
void progress__at(struct progress *p, size_t done);
/* Wipe the line. */
void progress__end(struct progress *p);

#endif
