/* SPDX-License-Identifier: GPL-2.0 */
/* Is a mangled C++ or Rust name the one that somebody wrote? Bounded in time and memory whatever the name. */
#ifndef POOLWATCH_ELF_DEMANGLE_H
#define POOLWATCH_ELF_DEMANGLE_H

#include <stdbool.h>

struct demangle_query {
	const char *name; /* demangled, with or without parameters and return type */
	char word[128];	  /* stands in every mangled name that can match; "": nothing is known to */
};

void demangle_query__init(struct demangle_query *q, const char *name);
bool demangle_query__matches(const struct demangle_query *q, const char *mangled);

#endif
