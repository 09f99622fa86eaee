/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Readable names of C++ (Itanium) and Rust (legacy, v0) symbols, in bounded time and memory whatever the name says.
 * Pure.
 */
#ifndef POOLWATCH_DEMANGLE_H
#define POOLWATCH_DEMANGLE_H

#include <stdbool.h>

#define DEMANGLE_MAX_IN	 1024 /* bytes of a mangled name that is looked at */
#define DEMANGLE_MAX_OUT 4096 /* bytes of a readable name */

/* Could @name be a mangled one? A cheap look at how it begins. */
bool demangle__is_mangled(const char *name);

/*
 * demangle__name - the readable form of @name
 * @params: with the types of a C++ function's parameters
 * @out: to free
 * Return: 0; -ENOENT: not a mangled name; -E2BIG: it, or what it stands for, is beyond the bounds; -ENOMEM.
 */
int demangle__name(const char *name, bool params, char **out);

#endif
