/* SPDX-License-Identifier: GPL-2.0 */
/* Pool definitions as lines of words, with their places. Of the parser only (spec.c and its kin). */
#ifndef POOLWATCH_SPEC_LEX_H
#define POOLWATCH_SPEC_LEX_H

#include <stdbool.h>
#include <stddef.h>

#define SPEC_MAX_WORDS 128 /* on one line */

struct spec_word {
	const char *text; /* into the whole text; without its quotes */
	size_t len;
	unsigned int column; /* of its text */
	bool quoted;
};

struct spec_line {
	unsigned int number;
	unsigned int end; /* column behind its last word */
	size_t n;
	struct spec_word words[SPEC_MAX_WORDS];
};

struct spec_lexer {
	const char *text;
	size_t len;
	bool semicolons;   /* end a line too */
	size_t pos;	   /* private, as are the rest */
	size_t line_start; /* of the line of text, which ';' does not end */
	unsigned int number;
};

/*
 * spec_lex__next - the next line that has words
 * Return: 1 with *@line; 0 at the end of the text; -EINVAL with *@line's number, its end as the column of the offence,
 * and *@why.
 */
int spec_lex__next(struct spec_lexer *lx, struct spec_line *line, const char **why);

bool spec_word__is(const struct spec_word *w, const char *text);

#endif
