// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include "cleanup.h"
#include "place_parts.h"

void place_parts__clear(struct place_parts *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->bytes[i]);
	p->n = 0;
}

int place_parts__give(void *parts, uint64_t vaddr, struct place_part *out)
{
	struct place_parts *p = parts;
	_cleanup_free_ uint8_t *bytes = NULL;
	uint64_t start, len;

	if (p->n == PLACE_MAX_PARTS || elf__extent(p->elf, vaddr, &start, &len) || len > PLACE_MAX_FUNCTION)
		return -ENOENT;
	bytes = malloc(len ? len : 1);
	if (!bytes || elf__code(p->elf, start, bytes, len))
		return -ENOENT;
	p->bytes[p->n] = take_ptr(bytes);
	*out = (struct place_part){ .bytes = p->bytes[p->n++], .len = len, .vaddr = start };
	return 0;
}
