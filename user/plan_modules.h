/* SPDX-License-Identifier: GPL-2.0 */
/* The files with code that a target maps, each opened once, and what they say of the dangers of probing in it. */
#ifndef POOLWATCH_PLAN_MODULES_H
#define POOLWATCH_PLAN_MODULES_H

#include "elf.h"
#include "target.h"

struct module {
	const struct target_map *map; /* the target's; the first of its executable mappings */
	int fd;			      /* -1: not to be had; `err` says why */
	struct elf_file *elf;	      /* NULL: likewise */
	int err;
	bool exe;
};

struct modules {
	struct module *list;
	size_t n;
	bool can_cancel, can_throw, can_switch;
};

int modules__open(const struct target *t, struct modules *out);
void modules__close(struct modules *m);

/* The first that the library pattern @lib of a definition means; by its file's name, then by its soname. NULL: none. */
struct module *modules__find(const struct target *t, struct modules *m, const char *lib);
/* The last component of its path. */
const char *module__name(const struct module *m);
/* Is it the C library, of which only cancellation unwinds? */
bool module__is_libc(const struct module *m);

#endif
