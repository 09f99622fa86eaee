/* SPDX-License-Identifier: GPL-2.0 */
/* Which processes a [target] section of poolwatch.conf(5) means. Pure: the facts about a process come from procs.h. */
#ifndef POOLWATCH_MATCH_H
#define POOLWATCH_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "strlist.h"

#define MATCH_ID_MAX 65 /* a container id, hex, with its NUL */

/* Every list that is not empty must have one entry that fits; all lists empty: fits nothing. */
struct match {
	struct strlist exes;	   /* absolute path or glob (* does not cross a slash); without a slash: a base name */
	struct strlist units;	   /* glob over the components of the cgroup path: "api.service", "worker@*.service" */
	struct strlist containers; /* container id, or its first 12 or more digits */
	uint32_t *uids;
	size_t nuids;
};

struct match_facts {
	const char *exe;    /* as /proc/PID/exe says, without " (deleted)"; bytes of the target's choice */
	const char *cgroup; /* path in the unified hierarchy */
	uint32_t uid;	    /* effective */
};

bool match__process(const struct match *m, const struct match_facts *facts);
bool match__equal(const struct match *a, const struct match *b);
bool match__empty(const struct match *m);
void match__clear(struct match *m);

/* The container id in a cgroup path (docker-ID.scope, /docker/ID, cri-containerd-ID.scope, libpod-ID): 64 hex digits. -ENOENT: none. */
int match__container_id(const char *cgroup, char id[MATCH_ID_MAX]);

#endif
