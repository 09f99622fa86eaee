/* SPDX-License-Identifier: GPL-2.0 */
/* Whose code a module is: the user's own, which a report shows first, or a library's, which it folds. Pure. */
#ifndef POOLWATCH_SYSTEM_PATH_H
#define POOLWATCH_SYSTEM_PATH_H

#include <stdbool.h>

/*
 * system_path__is_user - @path: of the mapped file; @exe: of the process's executable
 * The executable itself is the user's, unless it is an interpreter or a language's launcher. So is all that does not
 * lie in a system library directory, but for the C and C++ libraries and languages' runtimes; and a plug-in there
 * (mod_dbd.so), but not the libraries (lib*.so).
 */
bool system_path__is_user(const char *path, const char *exe);

#endif
