/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pool definitions that come with poolwatch, in the binary itself, and those of this machine, in
 * SYSCONFDIR/poolwatch/pools.d/NAME.pool. A file of the machine hides the built-in one of the same name.
 */
#ifndef POOLWATCH_PRESETS_H
#define POOLWATCH_PRESETS_H

#include <stddef.h>
#include "spec.h"

#define PRESETS_DIR POOLWATCH_SYSCONFDIR "/poolwatch/pools.d"

struct preset {
	char *name;
	char *text;  /* of the definitions in it; NULL for a file that cannot be read */
	size_t len;
	char *path;  /* NULL: built in */
	int err;     /* 0, or -errno: why the file cannot be read */
};

struct presets {
	struct preset *list; /* by name */
	size_t n;
};

/* presets__list - all of them; @dir: usually PRESETS_DIR, NULL: only those built in. Return: 0 or -ENOMEM. */
int presets__list(const char *dir, struct presets *out);
void presets__clear(struct presets *presets);

/* preset__parse - append its definitions. Return: as spec__parse_text, or -errno of reading its file. */
int preset__parse(const struct preset *preset, struct spec *spec, struct spec_error *err);

/*
 * presets__resolve - append what "--pool @arg" means: a preset of that name; else a file that can be read; else text in
 * which ';' is a new line
 * Return: as spec__parse_file; -ENOENT with *@err: a single word that is none of them. *@spec is untouched on failure.
 */
int presets__resolve(struct spec *spec, const char *arg, struct spec_error *err);

#endif
