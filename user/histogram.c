// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include "histogram.h"
#include "table.h"

#define LABELS 36 /* columns beside the bar: two times and a count */

static bool range(const __u64 *buckets, int *first, int *last)
{
	*first = POOLWATCH_BUCKETS;
	*last = -1;
	for (int i = 0; i < POOLWATCH_BUCKETS; i++) {
		if (!buckets[i])
			continue;
		*first = i < *first ? i : *first;
		*last = i;
	}
	return *last >= 0;
}

bool histogram__line(char *buf, size_t size, const __u64 buckets[POOLWATCH_BUCKETS], int bucket, unsigned int width)
{
	char from[24], to[24], bar[201];
	unsigned int columns = width > LABELS + 10 ? width - LABELS : 10, filled;
	uint64_t most = 0;
	int first, last;

	if (!range(buckets, &first, &last) || bucket < first || bucket > last)
		return false;
	if (columns > sizeof(bar) - 1)
		columns = sizeof(bar) - 1;
	for (int i = 0; i < POOLWATCH_BUCKETS; i++)
		most = buckets[i] > most ? buckets[i] : most;
	/* What is there at all is seen. */
	filled = (unsigned int)((double)buckets[bucket] / (double)most * columns + 0.5);
	if (buckets[bucket] && !filled)
		filled = 1;
	for (unsigned int i = 0; i < columns; i++)
		bar[i] = i < filled ? '#' : ' ';
	bar[columns] = '\0';
	table__duration(from, sizeof(from), bucket ? 1ull << (bucket - 1) : 0);
	table__duration(to, sizeof(to), 1ull << bucket);
	if (bucket == POOLWATCH_BUCKETS - 1)
		to[0] = '\0';
	snprintf(buf, size, "%6s - %-6s |%s| %" PRIu64, from, to, bar, (uint64_t)buckets[bucket]);
	return true;
}

void histogram__print(FILE *out, const __u64 buckets[POOLWATCH_BUCKETS], unsigned int indent, unsigned int width)
{
	char line[300];

	width = width ? width : 80;
	for (int i = 0; i < POOLWATCH_BUCKETS; i++)
		if (histogram__line(line, sizeof(line), buckets, i, width > indent ? width - indent : 0))
			fprintf(out, "%*s%s\n", (int)indent, "", line);
}
