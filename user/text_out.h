/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the report (text*.c) share: colour, wrapping, frames. Private to them. */
#ifndef POOLWATCH_TEXT_OUT_H
#define POOLWATCH_TEXT_OUT_H

#include "text.h"

enum text_style { TEXT_PLAIN, TEXT_BOLD, TEXT_DIM, TEXT_RED, TEXT_YELLOW, TEXT_GREEN, TEXT_CYAN };

struct text_out {
	FILE *out;
	struct text_options o;
	unsigned int escape; /* ESCAPE_* that fit the terminal */
};

/*
 * Escaped text in words, wrapped; the first line starts at column @first (already printed), the others at @indent.
 * Ends the line.
 */
void text_out__wrap(struct text_out *t, unsigned int first, unsigned int indent, enum text_style style,
		    const char *text);
void text_out__style(struct text_out *t, enum text_style style);
void text_out__spaces(struct text_out *t, unsigned int n);

/* One line with a frame at @indent. Shortened where it does not fit: the file to its base name, then the symbol. */
void text_out__frame(struct text_out *t, unsigned int indent, const struct finding_frame *f, enum text_style style);
/*
 * A stack, innermost first: the user's own frames, with the library function that the first of them called; runs of
 * library frames between them folded into a line. A stack without any frame of the user's is shown whole.
 */
void text_out__stack(struct text_out *t, unsigned int indent, const struct finding_frame *f, size_t n);

/* "threads 11-14": numbers in ascending order, runs joined. As snprintf. */
size_t text_out__ranges(char *buf, size_t size, const uint32_t *numbers, size_t n);

/* The threads of a finding, those with the same holds, request and stack together. Return: 0 or -ENOMEM. */
int text_out__threads(struct text_out *t, const struct finding *f);

#endif
