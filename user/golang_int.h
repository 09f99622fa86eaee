/* SPDX-License-Identifier: GPL-2.0 */
/* Between golang*.c. */
#ifndef POOLWATCH_GOLANG_INT_H
#define POOLWATCH_GOLANG_INT_H

#include "golang.h"

#define GOLANG_RECORD 36 /* bytes of a function's record, of those that every version has */

struct golang {
	Elf *elf;
	char *version;
	/* .gopclntab, and offsets in it */
	const uint8_t *pcln;
	size_t len;
	uint64_t names, units, files, tables, index;
	uint64_t text; /* what functions' addresses are told from */
	uint32_t quantum;
	size_t n; /* functions; 0: the rest is not to be used */
	/* From DWARF, if it was asked. */
	bool asked;
	uint32_t offset[GOLANG_FIELDS];
	bool known[GOLANG_FIELDS];
};

/* The function that contains @vaddr, and its place in the table. 0 or -ENOENT. */
int golang__at(const struct golang *g, uint64_t vaddr, size_t *index, struct golang_function *out);
/* The record of function @i < n, GOLANG_RECORD bytes; NULL: it lies outside of the table. */
const uint8_t *golang__record(const struct golang *g, size_t i);

#endif
