/* SPDX-License-Identifier: GPL-2.0 */
/* The functions of a binary by address, from the symbol tables of its file and of its debug file. */
#ifndef POOLWATCH_SYMTAB_H
#define POOLWATCH_SYMTAB_H

#include <stddef.h>
#include <stdint.h>
#include <libelf.h>

#define SYMTAB_MAX (4u << 20) /* symbols of one binary */

struct symtab_entry {
	uint64_t start, end; /* link-time addresses */
	const char *name;    /* in the file's string table: lives as long as the Elf */
	uint32_t len;	     /* of the name without its version (@@GLIBC_2.34) */
	uint32_t rank;	     /* of several at one address the lowest is told */
};

struct symtab {
	struct symtab_entry *entries; /* by start; one at each */
	size_t n;
};

/*
 * symtab__read - @debug (may be NULL) is asked first, then @elf
 * Both must outlive the table. Return: 0 (also if there are no symbols) or -ENOMEM.
 */
int symtab__read(Elf *elf, Elf *debug, struct symtab *out);
void symtab__clear(struct symtab *t);

/* The function that contains @vaddr, or NULL. */
const struct symtab_entry *symtab__find(const struct symtab *t, uint64_t vaddr);

#endif
