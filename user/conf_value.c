// SPDX-License-Identifier: GPL-2.0
/* Values of poolwatch.conf: durations and sizes. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "conf.h"

struct unit {
	const char *name;
	uint64_t factor;
};

/* A decimal number and the rest behind it. */
static int number(const char *text, uint64_t *v, const char **rest)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*v = strtoull(text, &end, 10);
	if (errno)
		return -ERANGE;
	*rest = end;
	return 0;
}

static int scaled(const char *text, const struct unit *units, uint64_t *out)
{
	const char *rest;
	uint64_t v;
	int err = number(text, &v, &rest);

	if (err)
		return err;
	for (; units->name; units++) {
		if (strcmp(rest, units->name))
			continue;
		if (__builtin_mul_overflow(v, units->factor, &v))
			return -ERANGE;
		*out = v;
		return 0;
	}
	return -EINVAL;
}

int conf__duration(const char *text, uint64_t *ns)
{
	static const struct unit units[] = {
	    {"", 1000000000},
	    {"ms", 1000000},
	    {"s", 1000000000},
	    {"m", 60 * 1000000000ull},
	    {"h", 3600 * 1000000000ull},
	    {"d", 86400 * 1000000000ull},
	    {0},
	};

	if (!strcmp(text, "off")) {
		*ns = 0;
		return 0;
	}
	return scaled(text, units, ns);
}

int conf__size(const char *text, uint64_t *bytes)
{
	static const struct unit units[] = {{"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {0}};

	return scaled(text, units, bytes);
}
