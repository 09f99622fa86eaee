/* SPDX-License-Identifier: GPL-2.0 */
/* Where a stripped binary's debug file lies: by build-id, by .gnu_debuglink, in our root or in the target's. */
#ifndef POOLWATCH_DEBUGFILE_H
#define POOLWATCH_DEBUGFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <libelf.h>
#include "elf_guard.h"
#include "target.h"

#define DEBUGFILE_DIRS "/usr/lib/debug"

struct debugfile {
	int fd;
	Elf *elf;
	struct elf_guard guard;
	char *path;
	bool in_target; /* path is in the target's root */
};

/*
 * debugfile__find - that of @elf, which the target maps from @path
 * @dirs: colon-separated
 * @debuginfod: ask the servers of $DEBUGINFOD_URLS if there is none here
 * What is found has the same build-id, or if @elf has none, the checksum that its link says.
 * Return: 0; -ENOENT; -ENOMEM.
 */
int debugfile__find(const struct target *t, const char *path, Elf *elf, const char *dirs, bool debuginfod,
		    struct debugfile *out);

/* debugfile__alt - the file called @name that the DWARF of @path shares parts with (dwz). Returns as above. */
int debugfile__alt(const struct target *t, const char *path, bool in_target, const char *name, struct debugfile *out);
void debugfile__close(struct debugfile *d);

/* Is @fd root's, and nobody else's to cut short? Then it may be mapped (not if it is from another mount namespace). */
bool debugfile__is_steady(int fd);

#endif
