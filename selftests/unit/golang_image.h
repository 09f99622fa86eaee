/* SPDX-License-Identifier: GPL-2.0 */
/* A file as a Go program is to golang.h: sections of names that it asks for. The table of functions comes last, so that nothing lies behind it. */
#ifndef GOLANG_IMAGE_H
#define GOLANG_IMAGE_H

#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GOLANG_IMAGE_TEXT 0x401000

/* Of a program made by @version, with the @len bytes of @table as its .gopclntab: an array to free, its size in *@size; or NULL. */
static inline char *golang_image(const void *table, size_t len, const char *version, size_t *size)
{
	static const char names[] = "\0.shstrtab\0.text\0.go.buildinfo\0.gopclntab";
	enum { SECTIONS = 5, INFO = 128, ALIGN = 64 };
	size_t at_names = sizeof(Elf64_Ehdr) + SECTIONS * sizeof(Elf64_Shdr), at_info = (at_names + sizeof(names) + ALIGN - 1) & ~(ALIGN - 1ul);
	size_t at_table = at_info + INFO;
	char *image = calloc(1, at_table + len);
	Elf64_Shdr sections[SECTIONS] = {
		[1] = { .sh_name = 1, .sh_type = SHT_STRTAB, .sh_offset = at_names, .sh_size = sizeof(names) },
		[2] = { .sh_name = 11, .sh_type = SHT_NOBITS, .sh_addr = GOLANG_IMAGE_TEXT, .sh_offset = at_info, .sh_size = 4096 },
		[3] = { .sh_name = 17, .sh_type = SHT_PROGBITS, .sh_offset = at_info, .sh_size = INFO, .sh_addralign = 1 },
		[4] = { .sh_name = 31, .sh_type = SHT_PROGBITS, .sh_offset = at_table, .sh_size = len, .sh_addralign = 1 },
	};
	Elf64_Ehdr head = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_shoff = sizeof(head), .e_ehsize = sizeof(head),
		.e_shentsize = sizeof(Elf64_Shdr), .e_shnum = SECTIONS, .e_shstrndx = 1,
	};

	if (!image)
		return NULL;
	memcpy(image, &head, sizeof(head));
	memcpy(image + sizeof(head), sections, sizeof(sections));
	memcpy(image + at_names, names, sizeof(names));
	memcpy(image + at_info, "\xff Go buildinf:\x08\x02", 16);
	image[at_info + 32] = (char)strlen(version);
	strncpy(image + at_info + 33, version, INFO - 34);
	if (len)
		memcpy(image + at_table, table, len);
	*size = at_table + len;
	return image;
}

#endif
