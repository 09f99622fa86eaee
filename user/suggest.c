// SPDX-License-Identifier: GPL-2.0
/* The known word nearest to an unknown one, by optimal string alignment distance. */
#include <string.h>
#include "suggest.h"

#define MAX_WORD 32

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int m = a < b ? a : b;

	return m < c ? m : c;
}

static unsigned int distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned int d[MAX_WORD + 1][MAX_WORD + 1];

	for (size_t i = 0; i <= na; i++)
		d[i][0] = (unsigned int)i;
	for (size_t j = 0; j <= nb; j++)
		d[0][j] = (unsigned int)j;
	for (size_t i = 1; i <= na; i++) {
		for (size_t j = 1; j <= nb; j++) {
			unsigned int other = a[i - 1] != b[j - 1];

			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + other);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[na][nb];
}

const char *suggest__nearest(const char *word, size_t len, const char *const *names, size_t n)
{
	const char *best = NULL;
	unsigned int least = 0;

	if (!len || len > MAX_WORD)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t size = strlen(names[i]);
		unsigned int d, limit = size < 6 ? 1 + (size > 3) : (unsigned int)size / 3;

		if (size > MAX_WORD)
			continue;
		d = distance(word, len, names[i], size);
		if (d <= limit && (!best || d < least)) {
			best = names[i];
			least = d;
		}
	}
	return best;
}
