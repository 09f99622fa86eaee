/* SPDX-License-Identifier: GPL-2.0 */
/* "did you mean": the known word nearest to one that is not known. Pure. */
#ifndef POOLWATCH_SUGGEST_H
#define POOLWATCH_SUGGEST_H

#include <stddef.h>

/*
 * suggest__nearest - the one of @names that @word (@len bytes) most probably was meant to be
 * Return: it, or NULL if none is within a third of its length in insertions, deletions, replacements and swaps.
 */
const char *suggest__nearest(const char *word, size_t len, const char *const *names, size_t n);

#endif
