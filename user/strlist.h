/* SPDX-License-Identifier: GPL-2.0 */
/* A list of owned strings. */
#ifndef POOLWATCH_STRLIST_H
#define POOLWATCH_STRLIST_H

#include <stdbool.h>
#include <stddef.h>

struct strlist {
	char **items; /* ends in NULL once anything was added, so that it can be an argv */
	size_t n;
};

int strlist__add(struct strlist *l, const char *s, size_t len);
bool strlist__has(const struct strlist *l, const char *s);
bool strlist__equal(const struct strlist *a, const struct strlist *b);
void strlist__clear(struct strlist *l);

/*
 * strlist__split - append the words of @text, separated by blanks or newlines; "a word" in double quotes may hold blanks, and
 * there \" and \\ stand for themselves. Return: 0; -EINVAL: a quote is not closed; -ENOMEM. Untouched on failure.
 */
int strlist__split(struct strlist *l, const char *text);

#endif
