/* SPDX-License-Identifier: GPL-2.0 */
/* What a stream's terminal, if it is one, can show. */
#ifndef POOLWATCH_TERM_H
#define POOLWATCH_TERM_H

#include <stdbool.h>
#include <stdio.h>

struct term {
	bool tty;
	bool color; /* a terminal that can, and NO_COLOR is not set */
	bool utf8;
	unsigned int width; /* columns; 0: no limit (not a terminal) */
};

/* Needs setlocale(LC_ALL, "") first, or everything but ASCII is escaped. */
struct term term__of(FILE *stream);

#endif
