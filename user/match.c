// SPDX-License-Identifier: GPL-2.0
/* Which processes a [target] section means. */
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include "match.h"

#define ID_DIGITS   (MATCH_ID_MAX - 1)
#define ID_SHORTEST 12 /* as container tools abbreviate */

int match__container_id(const char *cgroup, char id[MATCH_ID_MAX])
{
	size_t run = 0;

	/* The innermost one: a container may run in a container. */
	for (const char *p = cgroup + strlen(cgroup); p > cgroup; p--) {
		run = isxdigit((unsigned char)p[-1]) ? run + 1 : 0;
		if (run == ID_DIGITS && (p - 1 == cgroup || !isalnum((unsigned char)p[-2]))) {
			memcpy(id, p - 1, ID_DIGITS);
			id[ID_DIGITS] = '\0';
			return 0;
		}
	}
	return -ENOENT;
}

static bool exe_fits(const char *pattern, const char *exe)
{
	const char *base = strrchr(exe, '/');

	if (!strchr(pattern, '/'))
		return !fnmatch(pattern, base ? base + 1 : exe, 0);
	return !fnmatch(pattern, exe, FNM_PATHNAME);
}

static bool unit_fits(const char *pattern, const char *cgroup)
{
	char component[256];

	while (*cgroup) {
		size_t len = strcspn(cgroup, "/");

		if (len && len < sizeof(component)) {
			memcpy(component, cgroup, len);
			component[len] = '\0';
			if (!fnmatch(pattern, component, 0))
				return true;
		}
		cgroup += len + (cgroup[len] == '/');
	}
	return false;
}

static bool container_fits(const char *prefix, const char *cgroup)
{
	char id[MATCH_ID_MAX];
	size_t len = strlen(prefix);

	return len >= ID_SHORTEST && !match__container_id(cgroup, id) && !strncmp(prefix, id, len);
}

static bool any_fits(const struct strlist *patterns, const char *s, bool (*fits)(const char *pattern, const char *s))
{
	for (size_t i = 0; i < patterns->n; i++)
		if (fits(patterns->items[i], s))
			return true;
	return !patterns->n;
}

static bool uid_fits(const struct match *m, uint32_t uid)
{
	for (size_t i = 0; i < m->nuids; i++)
		if (m->uids[i] == uid)
			return true;
	return !m->nuids;
}

bool match__process(const struct match *m, const struct match_facts *f)
{
	return !match__empty(m) && any_fits(&m->exes, f->exe, exe_fits) && any_fits(&m->units, f->cgroup, unit_fits) &&
	       any_fits(&m->containers, f->cgroup, container_fits) && uid_fits(m, f->uid);
}

bool match__equal(const struct match *a, const struct match *b)
{
	return strlist__equal(&a->exes, &b->exes) && strlist__equal(&a->units, &b->units) &&
	       strlist__equal(&a->containers, &b->containers) && a->nuids == b->nuids &&
	       (!a->nuids || !memcmp(a->uids, b->uids, a->nuids * sizeof(*a->uids)));
}

bool match__empty(const struct match *m)
{
	return !m->exes.n && !m->units.n && !m->containers.n && !m->nuids;
}

void match__clear(struct match *m)
{
	strlist__clear(&m->exes);
	strlist__clear(&m->units);
	strlist__clear(&m->containers);
	free(m->uids);
	*m = (struct match){0};
}
