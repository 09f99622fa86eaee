/* SPDX-License-Identifier: GPL-2.0 */
/* The definitions that a configuration names, read; and whether two readings are the same. */
#ifndef POOLWATCH_POOL_SET_H
#define POOLWATCH_POOL_SET_H

#include <stdbool.h>
#include "spec.h"
#include "strlist.h"

struct pool_set {
	struct spec spec;
	char *text; /* all of it, with names */
	size_t len;
};

/*
 * pool_set__read - @names: presets (those of the machine included), files and globs by absolute path; none: every preset
 * Return: 0; -EINVAL, -ENOENT, -errno with *@err (spec_error__clear); -ENOMEM. *@out is untouched on failure.
 */
int pool_set__read(const struct strlist *names, struct pool_set *out, struct spec_error *err);
bool pool_set__equal(const struct pool_set *a, const struct pool_set *b);
void pool_set__clear(struct pool_set *s);

#endif
