/* SPDX-License-Identifier: GPL-2.0 */
/* Which of the views' columns the screen of top shows, in which order. Private to top_*.c. */
#ifndef POOLWATCH_TOP_COLUMNS_H
#define POOLWATCH_TOP_COLUMNS_H

#include "top_model.h"

/* The @index-th column of the list of pools: over the last interval, or since start. NULL after the last. */
const struct table_column *top_columns__pool(size_t index, bool total);
/* It is drawn as a bar. */
bool top_columns__is_bar(const struct table_column *c);
#define TOP_BAR_WIDTH 15

/* The same of a pool's threads, with its width on the screen. */
const struct table_column *top_columns__thread(size_t index, unsigned int *width);

/* "[####--  |]  6/10": in use, taken before the watch, the high-water mark. @width: columns, at least 12. */
void top_columns__bar(char *buf, size_t size, const struct view_pool *p, unsigned int width);

#endif
