/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A finding as a report for people: one block, what is wrong in its first sentence, then who holds and who asks, where
 * in the code, and what would cure it. A follow-up ("recovered after 4.2 s") is one line.
 */
#ifndef POOLWATCH_TEXT_H
#define POOLWATCH_TEXT_H

#include <stdbool.h>
#include <stdio.h>
#include "finding.h"
#include "term.h"

struct text_options {
	bool color;
	bool ascii;	    /* the terminal is not UTF-8 */
	unsigned int width; /* columns; 0: no limit */
	bool all_frames;    /* do not fold library frames */
};

/* The options that fit a stream. */
struct text_options text__options(const struct term *t);

/* Return: 0, or -EIO if the stream has an error. */
int text__finding(FILE *out, const struct finding *f, const struct text_options *o);

/* The threads of a finding alone, as the report has them. Return: 0, -ENOMEM or -EIO. */
int text__threads(FILE *out, const struct finding *f, const struct text_options *o);

/* "fetch (api.c:31)", "sem_wait+0x44 (libc.so.6)", "libc.so.6+0x8f3c1": one frame, escaped. As snprintf. */
size_t text__frame(char *buf, size_t size, const struct finding_frame *frame, unsigned int escape_flags);

/* "812 ms", "4.2 s", "3 min 20 s", "2 h 5 min", "3 d 4 h". As snprintf. */
size_t text__age(char *buf, size_t size, uint64_t ms);

#endif
