/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From a link-time address to source lines, inlined functions told apart, by a file's DWARF. Reads only what a question
 * needs: a table of compilation units once, a unit's functions when first asked for one of them. Every walk is bounded.
 */
#ifndef POOLWATCH_LINES_H
#define POOLWATCH_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libelf.h>

#define LINES_MAX_INLINED 32	     /* frames told for one address */
#define LINES_MAX_UNITS	  (1u << 20) /* compilation units, of a file */
#define LINES_MAX_RANGES  (4u << 20) /* of all units, and of the functions of one */
#define LINES_MAX_VISITS  (1u << 18) /* DIEs and ranges looked at for one address; of a unit first met, 16 times as many */

struct lines;

struct line {
	char *function; /* linkage name where there is one, else as in the source; NULL: not known */
	char *file;	/* relative to where it was compiled if it lies below; NULL: not known */
	uint32_t number;
};

/*
 * lines__open - @elf has .debug_info; @alt: the file that .gnu_debugaltlink names, or NULL. Both stay the caller's and
 * must outlive *@out. Return: 0; -EBADMSG: not readable; -ENOMEM.
 */
int lines__open(Elf *elf, Elf *alt, struct lines **out);
void lines__close(struct lines *l);
/* The file that the DWARF of @elf shares parts with (dwz): its name as it says, or NULL. Owned by @elf. */
const char *lines__alt_name(Elf *elf);

/*
 * lines__find - what is at @vaddr: innermost inlined function first, the function that really is there last; at most
 * LINES_MAX_INLINED. *@out is an array to free with lines__free. Return: 0; -ENOENT: nothing known; -ENOMEM.
 */
int lines__find(struct lines *l, uint64_t vaddr, struct line **out, size_t *n);
void lines__free(struct line *lines, size_t n);
size_t lines__bytes(const struct lines *l);

#endif
