/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of a target that are its own: reading files of /proc/PID, and the list of its mappings. */
#ifndef POOLWATCH_TARGET_MAPS_H
#define POOLWATCH_TARGET_MAPS_H

#include "target.h"

/* Open a file of /proc/PID. Return: a descriptor; -ESRCH also if the process ended. */
int target__proc_open(uint32_t pid, const char *name, int flags);
/* All of a file of /proc/PID, with a NUL behind it. *@len may be NULL. */
int target__proc_read(uint32_t pid, const char *name, char **out, size_t *len);
/* What a link of /proc/PID leads to, without " (deleted)". */
int target__link(const char *link, char **out, bool *deleted);
void target_maps__free(struct target_map *maps, size_t n);

#endif
