/* SPDX-License-Identifier: GPL-2.0 */
/* Parts of functions, as place asks for them, from an ELF file. */
#ifndef POOLWATCH_PLACE_PARTS_H
#define POOLWATCH_PLACE_PARTS_H

#include "elf.h"
#include "place.h"

#define PLACE_MAX_PARTS 16

/* Begin with @elf, which must live as long, and the rest zero. */
struct place_parts {
	struct elf_file *elf;
	uint8_t *bytes[PLACE_MAX_PARTS]; /* owned */
	size_t n;
};

/* For place_code.part, with a struct place_parts * as ctx. What it gives is freed by place_parts__clear. */
int place_parts__give(void *parts, uint64_t vaddr, struct place_part *out);
void place_parts__clear(struct place_parts *parts);

#endif
