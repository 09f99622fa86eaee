/* SPDX-License-Identifier: GPL-2.0 */
/* A distribution of times, drawn as bars. */
#ifndef POOLWATCH_HISTOGRAM_H
#define POOLWATCH_HISTOGRAM_H

#include <stdbool.h>
#include <stdio.h>
#include "../kmod/uapi/linux/poolwatch.h"

/*
 * Lines of "  64us-128us |#######     | 120" from the first bucket with something in it to the last. @width: columns,
 * 0: 80.
 */
void histogram__print(FILE *out, const __u64 buckets[POOLWATCH_BUCKETS], unsigned int indent, unsigned int width);

/* One line of it. Return: false if @bucket lies outside of what print shows. For screens that draw by themselves. */
bool histogram__line(char *buf, size_t size, const __u64 buckets[POOLWATCH_BUCKETS], int bucket, unsigned int width);

#endif
