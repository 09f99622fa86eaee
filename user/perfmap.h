/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /tmp/perf-PID.map: how JIT compilers (JVM agents, node --perf-basic-prof, PyPy, .NET) tell the names of the code they
 * made. One "START SIZE name" a line, hexadecimal; what comes later in the file was made later and replaces what it
 * overlaps.
 */
#ifndef POOLWATCH_PERFMAP_H
#define POOLWATCH_PERFMAP_H

#include <stddef.h>
#include <stdint.h>
#include "target.h"

#define PERFMAP_MAX_BYTES   (64u << 20)
#define PERFMAP_MAX_ENTRIES (1u << 20)
#define PERFMAP_MAX_NAME    512

struct perfmap;

/* perfmap__parse - takes a copy of @text. Lines that are not entries are passed over. Return: 0 or -ENOMEM. */
int perfmap__parse(const char *text, size_t len, struct perfmap **out);

/*
 * perfmap__read - that of @t, from the target's own /tmp and by its number in its own pid namespace. -ENOENT: it has
 * none; -EPERM: it is neither the target's user's nor root's; -EFBIG.
 */
int perfmap__read(const struct target *t, struct perfmap **out);
void perfmap__free(struct perfmap *map);

/* Has the file grown or been replaced since @map (NULL: was not there) was read? */
bool perfmap__is_stale(const struct perfmap *map, const struct target *t);

/*
 * perfmap__find - the name at @addr, not ended by NUL: *@len bytes of it, and the distance from its start. Owned by
 * @map. Return: 0 or -ENOENT.
 */
int perfmap__find(const struct perfmap *map, uint64_t addr, const char **name, size_t *len, uint64_t *offset);
size_t perfmap__bytes(const struct perfmap *map);

#endif
