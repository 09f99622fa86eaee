// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <string.h>
#include "top_columns.h"

/* The most telling first: a narrow screen shows the left ones. */
static const struct {
	const char *recent, *total; /* total NULL: the same */
} pool_columns[] = {
	{ "state" },
	{ "name" },
	{ "pid" },
	{ "in_use" },
	{ "waiters" },
	{ "oldest_wait" },
	{ "rate", "mean_rate" },
	{ "recent_hold_p99", "hold_p99" },
	{ "margin" },
	{ "comm" },
	{ "recent_hold_p50", "hold_p50" },
	{ "recent_wait_p50", "wait_p50" },
	{ "recent_wait_p99", "wait_p99" },
	{ "nested" },
	{ "depth" },
	{ "nesting_max" },
	{ "holders" },
	{ "oldest_hold" },
	{ "unknown" },
	{ "key" },
	{ "age" },
	{ "session" },
};

/* Width 0: the column's own. */
static const struct {
	const char *name;
	unsigned int width;
} thread_columns[] = {
	{ "tid", 0 },	   { "comm", 12 },    { "state", 0 }, { "pools", 9 },
	{ "hold_age", 0 }, { "wait_age", 0 }, { "site", 36 }, { "doing", 0 },
};

#define N(array) (sizeof(array) / sizeof(array[0]))

const struct table_column *top_columns__pool(size_t index, bool total)
{
	if (index >= N(pool_columns))
		return NULL;
	return table__column(&views_pools, total && pool_columns[index].total ? pool_columns[index].total
									      : pool_columns[index].recent);
}

bool top_columns__is_bar(const struct table_column *c)
{
	return c == table__column(&views_pools, "in_use");
}

const struct table_column *top_columns__thread(size_t index, unsigned int *width)
{
	const struct table_column *c =
		index < N(thread_columns) ? table__column(&views_threads, thread_columns[index].name) : NULL;

	if (c)
		*width = thread_columns[index].width ? thread_columns[index].width : c->width;
	return c;
}

const struct table_column *top_model__sort_column(size_t index)
{
	return top_columns__pool(index, false);
}

/* The cell of @cells at which @units of @capacity end; what is there at all fills one. */
static unsigned int scaled(int64_t units, int64_t capacity, unsigned int cells)
{
	double part = (double)units / (double)capacity * cells;

	if (units <= 0)
		return 0;
	if (part < 1)
		return 1;
	return part > cells ? cells : (unsigned int)part;
}

void top_columns__bar(char *buf, size_t size, const struct view_pool *p, unsigned int width)
{
	char numbers[48], bar[64];
	unsigned int cells, used, unknown, mark;
	size_t len;

	if (p->capacity == POOLWATCH_UNKNOWN)
		len = (size_t)snprintf(numbers, sizeof(numbers), "%" PRId64 "/?", (int64_t)p->pool->in_use);
	else
		len = (size_t)snprintf(numbers, sizeof(numbers), "%" PRId64 "/%" PRId64, (int64_t)p->pool->in_use,
				       p->capacity);
	if (len + 6 > width) {
		snprintf(buf, size, "%*s", (int)width, numbers);
		return;
	}
	cells = width - (unsigned int)len - 3;
	if (cells > sizeof(bar) - 1)
		cells = sizeof(bar) - 1;
	memset(bar, ' ', cells);
	bar[cells] = '\0';
	if (p->capacity > 0) {
		used = scaled(p->pool->in_use, p->capacity, cells);
		unknown = scaled(p->pool->in_use + p->unknown, p->capacity, cells);
		mark = scaled(p->pool->in_use_max, p->capacity, cells);
		memset(bar, '#', used);
		if (unknown > used)
			memset(bar + used, '?', unknown - used);
		if (mark && bar[mark - 1] == ' ')
			bar[mark - 1] = '|';
	}
	snprintf(buf, size, "[%s] %s", bar, numbers);
}
