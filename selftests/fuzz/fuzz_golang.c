// SPDX-License-Identifier: GPL-2.0
/* Any bytes as a Go program's table of functions: what poolwatch reads of it. */
#include <string.h>
#include "fuzz.h"
#include "golang.h"
#include "../unit/golang_image.h"

#define MOST 4096 /* functions that are looked at one by one */

static void look_at(const struct golang *go, uint64_t vaddr)
{
	struct golang_function f;
	uint64_t start, end;
	const char *file;
	uint32_t line;

	if (!golang__package(go, vaddr, &start, &end))
		FUZZ_CHECK(start <= vaddr && vaddr < end);
	if (!golang__line(go, vaddr, &f, &file, &line)) {
		FUZZ_CHECK(f.start <= vaddr && vaddr < f.end && strlen(f.name) <= 4096);
		FUZZ_CHECK(!file || strlen(file) < SIZE_MAX);
		golang__is_library(f.name, file);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct golang_function f;
	struct golang *go;
	size_t room;
	char *image;
	Elf *elf;

	elf_version(EV_CURRENT);
	image = golang_image(data, size, "go1.23.5", &room);
	FUZZ_CHECK(image);
	elf = elf_memory(image, room);
	FUZZ_CHECK(elf && !golang__open(elf, &go));
	for (size_t i = 0; i <= golang__functions(go) && i < MOST; i++)
		if (!golang__function(go, i, &f)) {
			FUZZ_CHECK(f.start < f.end && golang__package_len(f.name) <= strlen(f.name));
			look_at(go, f.start);
			look_at(go, f.end - 1);
		}
	golang__find(go, "database/sql.(*DB).conn", &f);
	look_at(go, GOLANG_IMAGE_TEXT);
	golang__close(go);
	elf_end(elf);
	free(image);
	return 0;
}
