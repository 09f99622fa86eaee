/* SPDX-License-Identifier: GPL-2.0 */
/* A stream whose output is a string, for comparing what was printed. */
#ifndef POOLWATCH_TEST_CAPTURE_H
#define POOLWATCH_TEST_CAPTURE_H

#include <stdio.h>
#include <stdlib.h>

static char *captured;
static size_t captured_size;

static inline FILE *capture(void)
{
	free(captured);
	captured = NULL;
	return open_memstream(&captured, &captured_size);
}

/* What came out since capture(). Valid until the next. */
static inline const char *captured_text(FILE *f)
{
	fclose(f);
	return captured;
}

#endif
